import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { StoppedError, UserError } from "../../../core/error.ts";
import type { UntilAnswer, UntilRow } from "../../../core/evaluate/continue_rows.ts";
import { generateUntil, type UntilOptions } from "../../../core/evaluate/generate_until.ts";
import { generate } from "../../../core/generate/generate.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../../../core/model/model.ts";
import { commands, device } from "../../_shared/device.ts";
import { withFolder } from "../_tiny.ts";
import golden from "./goldens/repetition_penalty.json" with { type: "json" };

const QUICKSTART = new URL("../../../examples/quickstart/model", import.meta.url).pathname;
const tokenizer = await loadTokenizer(QUICKSTART);
const GREEDY = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  max_new_tokens: 24,
  batch_size: 3,
  seed: 0,
  kv_cache_dtype: "float32",
} as const;

async function withModel<T>(use: (model: AnyModel) => Promise<T>, folder = QUICKSTART): Promise<T> {
  const model = await loadFrozenModel(device, folder);
  try {
    return await use(model);
  } finally {
    freeModel(model);
  }
}

const ids = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });

function row(text: string, ...until: string[]): UntilRow {
  return { ids: ids(text), until, maxNewTokens: 20 };
}

const answer = (
  model: AnyModel,
  rows: readonly UntilRow[],
  options: Partial<UntilOptions> = {},
): Promise<UntilAnswer[]> => generateUntil(commands, model, tokenizer, { rows, ...options });

Deno.test("generateUntil() ends an answer at EOS, at a stop string or at its limit", () =>
  withModel(async (model) => {
    const eos = tokenizer.eosId!;
    const [whole] = await answer(model, [row("sort dbca>")]);
    const { text } = whole!;
    ok(text.length >= 3 && !text.includes(tokenizer.eosToken!), text);
    deepEqual(whole!.ids, [...ids(text), eos]);
    const [cut, end, begin, none, short] = await answer(model, [
      row("sort dbca>", text.slice(1, 3)),
      row("sort dbca>", text.slice(-1)),
      row("sort dbca>", "?", text[0]!),
      row("sort dbca>", "zz", ""),
      { ...row("sort dbca>"), maxNewTokens: 2 },
    ]);
    deepEqual(cut, { text: text[0], ids: ids(text.slice(0, 3)) });
    deepEqual(end, { text: text.slice(0, -1), ids: ids(text) });
    deepEqual(begin, { text: "", ids: ids(text[0]!) });
    deepEqual(none, whole);
    deepEqual(short, { text: text.slice(0, 2), ids: ids(text.slice(0, 2)) });
  }));

Deno.test("generateUntil() runs a row no longer than to the fence after its stop", () =>
  withModel(async (model) => {
    const { prompt } = golden.find(({ prompt }) => prompt.length === 7)!;
    const tokensUntil = async (...until: string[]): Promise<{ tokens: number; text: string }> => {
      let tokens = 0;
      const rows = [{ ids: prompt, until, maxNewTokens: 50 }];
      const [made] = await answer(model, rows, { onProgress: (now) => void (tokens = now.tokens) });
      return { tokens, text: made!.text };
    };
    const { tokens, text } = await tokensUntil();
    ok(tokens > 32, `${tokens}`);
    deepEqual(await tokensUntil(text[0]!), { tokens: 16, text: "" });
  }));

Deno.test("generateUntil() gives a row the same answer alone and among others, in the rows' order", () =>
  withModel(async (model) => {
    const rows = ["sort ba>", "flip abcd>", "sort fedcba>", "flip a>", "sort ca>", "flip dbcae>"]
      .map((text, i) => ({ ...row(text, "c"), maxNewTokens: 1 + 4 * i }));
    const alone = [];
    for (const one of rows) alone.push(...await answer(model, [one]));
    const told: number[] = [];
    const given: (UntilAnswer | undefined)[] = [];
    const progress: { done: number; total: number; tokens: number }[] = [];
    const together = await answer(model, rows, {
      batchSize: 2,
      onAnswer(at, one) {
        given[at] = one;
        told.push(at);
      },
      onProgress: (now) => progress.push(now),
    });
    deepEqual(together, alone);
    deepEqual(given, alone);
    equal(new Set(told).size, rows.length);
    deepEqual(progress[0], { done: 0, total: 6, tokens: 0 });
    equal(progress.at(-1)!.done, 6);
    deepEqual(await answer(model, []), []);
  }));

Deno.test("generate() takes a repetition penalty as transformers does", () =>
  withModel(async (model) => {
    ok(golden.every(({ gap }) => gap > 5e-4), "no two logits are so near that rounding decides");
    for (const penalty of new Set(golden.map((one) => one.penalty))) {
      const rows = golden.filter((one) => one.penalty === penalty);
      const prompts = rows.map(({ prompt, ids }, row) => ({ row, promptIds: prompt, maxNewTokens: ids.length }));
      const options = { prompts, settings: GREEDY, iteration: 0, eosIds: [], repetitionPenalty: penalty };
      for (const tokensPerFence of [1, 7, 24]) {
        const made: number[][] = [];
        for await (const { index, ids } of generate(commands, model, { ...options, tokensPerFence })) made[index] = ids;
        deepEqual(made, rows.map((one) => one.ids), `penalty ${penalty}, ${tokensPerFence} tokens per fence`);
      }
    }
  }));

Deno.test("generateUntil() follows generation_config.json's repetition penalty, and refuses what it does not follow", () =>
  withFolder(async (dir) => {
    for (const { name } of Deno.readDirSync(QUICKSTART)) await Deno.copyFile(`${QUICKSTART}/${name}`, `${dir}/${name}`);
    const settings = (keys: Record<string, unknown>): Promise<void> =>
      Deno.writeTextFile(`${dir}/generation_config.json`, JSON.stringify({ eos_token_id: 2, ...keys }));
    const expected = golden.find(({ penalty, prompt }) => penalty === 1.3 && prompt.length === 4)!;
    const rows = [{ ids: expected.prompt, until: [], maxNewTokens: 24 }];
    await settings({ repetition_penalty: 1.3 });
    await withModel(async (model) => {
      const [made] = await answer(model, rows);
      deepEqual(made!.ids, expected.ids.slice(0, expected.ids.indexOf(2) + 1));
      const [plain] = await withModel((quickstart) => answer(quickstart, rows));
      ok(String(plain!.ids) !== String(made!.ids));
    }, dir);
    await settings({ num_beams: 4 });
    await withModel(async (model) => {
      const before = device.bytes;
      await rejects(
        answer(model, rows),
        new UserError(
          `Cannot generate with "num_beams" of ${dir}/generation_config.json: it is 4, expected 1 or none, as it is ` +
            "not followed here",
        ),
      );
      equal(device.bytes, before);
    }, dir);
  }));

Deno.test("generateUntil() refuses rows and limits without tokens, and stops at its signal", () =>
  withModel(async (model) => {
    const good = row("sort ba>");
    await rejects(
      answer(model, [good, { ...good, ids: [] }]),
      /^RangeError: Cannot continue row 1: it has no tokens, expected at least 1$/,
    );
    for (const maxNewTokens of [0, 1.5, NaN]) {
      await rejects(
        answer(model, [{ ...good, maxNewTokens }]),
        new RegExp(`^RangeError: Cannot continue row 0: its limit is ${maxNewTokens} tokens, expected a whole number`),
      );
    }
    const before = device.bytes;
    const controller = new AbortController();
    const stopped = answer(model, [good, row("flip abcde>")], {
      batchSize: 1,
      signal: controller.signal,
      onAnswer: () => controller.abort(),
    });
    await rejects(stopped, new StoppedError("The evaluation was stopped"));
    equal(device.bytes, before, "its memory is freed");
  }));
