import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { encodeOnThreads } from "../../../core/data/encode_threads.ts";
import { contentOf } from "../../../core/data/packed_row.ts";
import type { DataRow } from "../../../core/data/parse_row.ts";
import { RowEncoder, type RowEncoderOptions } from "../../../core/data/row_encoder.ts";
import type { DataFields } from "../../../core/data/row_shapes.ts";
import { tokenizeExamples, type TokenizeOptions, tokenizePairs } from "../../../core/data/tokenize_rows.ts";
import { loadTokenizer, type Tokenizer, tokenizerOrigin } from "../../../core/data/tokenizer/tokenizer.ts";
import { writeGguf } from "../../_shared/gguf_model.ts";
import { CHATML, withFolder, writeTokenizer } from "./_fixtures.ts";

const turn = (role: string, content: string): { role: string; content: string } => ({ role, content });

/** Rows of every kind of text: answers that are cut, empty and merged, prompts that are too long. */
function fieldsOf(i: number): DataFields {
  const prompt = "hello ab".repeat(1 + i % 7) + (i % 3 === 0 ? " hell" : ":");
  const answer = i % 11 === 0 ? "o" : "é ba hello ".repeat(i % 5) + i;
  if (i % 2 === 0) return { kind: "text_pair", prompt, chosen: answer, rejected: `no ${answer}` };
  const chat = { prompt: [turn("user", prompt)], chosen: [turn("assistant", answer)] };
  return { kind: "chat_pair", ...chat, rejected: [turn("assistant", `no ${answer}`)] };
}

function rowsOf(count: number, fields: (i: number) => DataFields = fieldsOf): DataRow[] {
  return Array.from(
    { length: count },
    (_, row) => ({ ...fields(row), row, where: `rows.jsonl:${row + 1}`, extra: {} }),
  );
}

interface Tried {
  dir: string;
  tokenizer: Tokenizer;
  options: TokenizeOptions;
  encoder: RowEncoder;
}

function withEncoder(settings: RowEncoderOptions, use: (tried: Tried) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    const tokenizer = await loadTokenizer(dir);
    const options = { tokenizer, vocabSize: tokenizer.vocabSize, maxLength: 36 };
    await use({ dir, tokenizer, options, encoder: new RowEncoder(settings) });
  });
}

Deno.test("RowEncoder encodes each row once, whatever copy of the tokenizer asks", () =>
  withEncoder({}, async ({ dir, options, encoder }) => {
    const rows = rowsOf(40);
    const plain = tokenizePairs(rows, options);
    equal(plain.report.cut > 0 && plain.report.merged > 0 && plain.report.promptTooLong > 0, true);
    deepEqual(tokenizePairs(rows, { ...options, encoder }), plain);
    equal(encoder.encoded, 40);
    const copy = await loadTokenizer(dir);
    // Rows are read anew in each iteration, and may be fewer and in another order.
    const again = structuredClone(rows).reverse();
    deepEqual(
      tokenizePairs(again, { ...options, tokenizer: copy, encoder }),
      tokenizePairs(again, options),
    );
    equal(encoder.encoded, 40);
    // Single answers and joint ids are others.
    deepEqual(tokenizeExamples(rows, { ...options, encoder }), tokenizeExamples(rows, options));
    equal(encoder.encoded, 80);
    deepEqual(
      tokenizeExamples(rows, { ...options, encoder, joint: true }),
      tokenizeExamples(rows, { ...options, joint: true }),
    );
    equal(encoder.encoded, 120);
  }));

Deno.test("RowEncoder keeps lists that nobody else changes", () =>
  withEncoder({}, async ({ options, encoder }) => {
    const rows = rowsOf(6);
    const plain = tokenizePairs(rows, options);
    for (let i = 0; i < 2; i++) {
      const { pairs } = tokenizePairs(rows, { ...options, encoder });
      deepEqual(pairs, plain.pairs);
      for (const { promptIds, chosenIds } of pairs) [promptIds, chosenIds].forEach((ids) => ids.fill(0));
    }
    await Promise.resolve();
  }));

Deno.test("RowEncoder encodes rows anew if they, the tokenizer or its template are others", () =>
  withEncoder({}, async ({ dir, options, encoder }) => {
    const rows = rowsOf(4);
    tokenizePairs(rows, { ...options, encoder });
    const others = rowsOf(4, (i) => fieldsOf(i === 2 ? 40 : i));
    deepEqual(tokenizePairs(others, { ...options, encoder }), tokenizePairs(others, options));
    equal(encoder.encoded, 5);
    for (const template of [`x${CHATML}`, `{% set day = strftime_now('%d') %}${CHATML}`]) {
      await writeTokenizer(dir, { config: { chat_template: template } });
      const tokenizer = await loadTokenizer(dir);
      deepEqual(
        tokenizePairs(rows, { ...options, tokenizer, encoder }),
        tokenizePairs(rows, { ...options, tokenizer }),
      );
    }
    // The day may be another one in the next iteration: such rows are not kept, and the ones before still are.
    equal(encoder.encoded, 9);
  }));

Deno.test("RowEncoder keeps no more than its memory allows, and nothing of another tokenizer", () =>
  withEncoder({ maxKept: 20_000 }, async ({ dir, options, encoder }) => {
    const rows = rowsOf(40);
    deepEqual(tokenizePairs(rows, { ...options, encoder }), tokenizePairs(rows, options));
    const kept = encoder.keptBytes;
    equal(kept > 10_000 && kept <= 20_000, true, `${kept}`);
    deepEqual(tokenizePairs(rows, { ...options, encoder }), tokenizePairs(rows, options));
    equal(encoder.encoded > 40 && encoder.encoded < 80, true, `${encoder.encoded}`);
    await writeTokenizer(dir, { config: { chat_template: `x${CHATML}` } });
    tokenizePairs(rows.slice(0, 1), { ...options, tokenizer: await loadTokenizer(dir), encoder });
    equal(encoder.keptBytes < 4000, true);
  }));

Deno.test("RowEncoder gives the same rows and report on several threads", () =>
  withEncoder({ threads: 3, minCharacters: 1 << 17 }, async ({ options, encoder }) => {
    const rows = rowsOf(4000);
    const plain = tokenizePairs(rows, options);
    await encoder.prepare(rows, options, 2);
    equal(encoder.encoded, 4000);
    deepEqual(tokenizePairs(rows, { ...options, encoder }), plain);
    await encoder.prepare(rows, options, 2);
    equal(encoder.encoded, 4000);
  }));

Deno.test("RowEncoder's threads read the tokenizer of a GGUF file", () =>
  withFolder(async (dir) => {
    await writeGguf(dir, { config: {} });
    const { files } = await openModelFolder(`${dir}/model.gguf`);
    const tokenizer = await loadTokenizer(files);
    const rows = rowsOf(2000).map((row) => ({ content: contentOf(row), characters: 100 }));
    const options = { tokenizer, vocabSize: tokenizer.vocabSize, maxLength: 36 };
    const { signal } = new AbortController();
    const origin = tokenizerOrigin(tokenizer)!;
    ok(await encodeOnThreads({ rows, options, answers: 2, origin, threads: 2, signal, onEncoded: () => {} }) > 0);
  }));

Deno.test("RowEncoder tells the first row that cannot be encoded, on several threads as on one", () =>
  withEncoder({ threads: 3, minCharacters: 1 << 16 }, async ({ options, encoder }) => {
    const rows = rowsOf(3500, (i) => i === 20 || i > 3000 ? { kind: "text", prompt: "a", response: "b" } : fieldsOf(i));
    await encoder.prepare(rows, options, 2);
    throws(() => tokenizePairs(rows, { ...options, encoder }), {
      name: "UserError",
      message: "Cannot tokenize rows.jsonl:21 (row 20): the row has one response, expected chosen and rejected",
    });
  }));

Deno.test("RowEncoder encodes by itself what threads cannot: their tokenizer is gone or another", () =>
  withEncoder({ threads: 3, minCharacters: 1 << 16 }, async ({ dir, options }) => {
    const rows = rowsOf(4000);
    const plain = tokenizePairs(rows, options);
    await writeTokenizer(dir, { config: { chat_template: `x${CHATML}` } });
    for (const change of [() => Promise.resolve(), () => Deno.remove(`${dir}/tokenizer.json`)]) {
      await change();
      const encoder = new RowEncoder({ threads: 3, minCharacters: 1 << 16 });
      await encoder.prepare(rows, options, 2);
      deepEqual(tokenizePairs(rows, { ...options, encoder }), plain);
      equal(encoder.encoded, 4000);
    }
  }));

Deno.test("RowEncoder stops between two parts of the rows", () =>
  withFolder(async (dir) => {
    await writeTokenizer(dir, { config: { chat_template: CHATML } });
    const tokenizer = await loadTokenizer(dir);
    const stop = new AbortController();
    const encoder = new RowEncoder({ threads: 2, minCharacters: 1 << 16, signal: stop.signal });
    const done = encoder.prepare(rowsOf(20_000), { tokenizer }, 2);
    setTimeout(() => stop.abort(), 20);
    await done;
    equal(encoder.encoded < 20_000, true, `${encoder.encoded}`);
  }));

Deno.test("RowEncoder starts no threads for few rows, and none where one is allowed", () =>
  withEncoder({ threads: 1, minCharacters: 1 }, async ({ options, encoder }) => {
    await encoder.prepare(rowsOf(100), options, 2);
    equal(encoder.encoded, 0);
    const few = new RowEncoder({ threads: 4 });
    await few.prepare(rowsOf(100), options, 2);
    equal(few.encoded, 0);
  }));

Deno.test("tokenizerOrigin() is the same for a copy, and not known of a folder that is gone", () =>
  withEncoder({}, async ({ dir, tokenizer }) => {
    const { identity } = tokenizerOrigin(tokenizer)!;
    await withFolder(async (other) => {
      await writeTokenizer(other, { config: { chat_template: CHATML } });
      await Deno.writeTextFile(`${other}/config.json`, '{"vocab_size": 400}');
      equal(tokenizerOrigin(await loadTokenizer(other))!.identity, identity);
    });
    await Deno.remove(`${dir}/tokenizer.json`);
    await rejects(loadTokenizer(dir));
  }));

Deno.test("encodeOnThreads() gives every row once, and other threads their share", () =>
  withEncoder({}, async ({ options, tokenizer }) => {
    const rows = rowsOf(3000).map((row) => ({ content: contentOf(row), characters: 500 }));
    const seen = new Uint8Array(rows.length);
    const byOthers = await encodeOnThreads({
      rows,
      options,
      answers: 2,
      origin: tokenizerOrigin(tokenizer)!,
      threads: 2,
      signal: new AbortController().signal,
      onEncoded: (start, encoded) => encoded.forEach((_, i) => seen[start + i]!++),
    });
    equal(seen.every((count) => count === 1), true);
    equal(byOthers > 0 && byOthers < rows.length, true, `${byOthers}`);
  }));

Deno.test("encodeOnThreads() waits for a thread that never answers as long as the work may take, or until it is stopped", () =>
  withEncoder({}, async ({ options, tokenizer }) => {
    // Short texts that count as long ones: three parts.
    const rows = rowsOf(60).map((row) => ({ content: contentOf(row), characters: 10_000 }));
    const encode = (signal: AbortSignal): Promise<number> =>
      encodeOnThreads({
        rows,
        options,
        answers: 2,
        origin: tokenizerOrigin(tokenizer)!,
        threads: 2,
        signal,
        patience: 1,
        module: new URL("data:text/javascript,onmessage = () => {};"),
        onEncoded: () => {},
      });
    await rejects(
      encode(new AbortController().signal),
      /^UserError: Cannot encode \d+ rows on another thread: it has not answered in \d+ s, expected an answer within \d+ s$/,
    );
    const stop = new AbortController();
    const done = encode(stop.signal);
    stop.abort();
    equal(await done, 0);
  }));
