import { deepEqual, equal, ok } from "node:assert/strict";
import { readRows } from "../../core/data/read_rows.ts";
import { tokenizeExamples, tokenizePairs } from "../../core/data/tokenize_rows.ts";
import { loadTokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Case {
  text: string;
  ids: number[];
  ids_no_special: number[];
  decode_keep_special: string;
  decode_skip_special: string;
}

for (const name of ["gpt2", "llama2-spm"]) {
  sharedTest(`loadTokenizer() agrees with the Rust library on ${name}`, async () => {
    const dir = sharedPath("real/tokenizers", name);
    const tokenizer = await loadTokenizer(dir);
    const { cases } = await readJson<{ cases: Case[] }>(`${dir}/expected.json`);
    equal(cases.length, 111);
    for (const { text, ids, ids_no_special, decode_keep_special, decode_skip_special } of cases) {
      deepEqual(tokenizer.encode(text), ids, text);
      deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), ids_no_special, text);
      equal(tokenizer.decode(ids_no_special), decode_keep_special);
      equal(tokenizer.decode(ids_no_special, { skipSpecialTokens: true }), decode_skip_special);
      equal(tokenizer.decode(ids, { skipSpecialTokens: true }), decode_skip_special);
    }
  });
}

sharedTest("loadTokenizer() agrees with transformers on stories260K", async () => {
  const dir = sharedPath("real/stories260K");
  const tokenizer = await loadTokenizer(dir);
  const expected = await readJson<{ tokenizer: { text: string; ids: number[]; decoded: string }[] }>(
    `${dir}/expected.json`,
  );
  equal(expected.tokenizer.length, 20);
  for (const { text, ids, decoded } of expected.tokenizer) {
    deepEqual(tokenizer.encode(text), ids, text);
    equal(tokenizer.decode(ids, { skipSpecialTokens: true }), decoded);
  }
  equal(tokenizer.vocabSize, 512);
  deepEqual([tokenizer.bosId, tokenizer.eosId], [1, 2]);
});

sharedTest("tokenizePairs() makes of the pairs' text the ids that TRL made of it", async () => {
  const tokenizer = await loadTokenizer(sharedPath("real/stories260K"));
  const { rows } = await readRows(sharedPath("real/trl/pairs_160.jsonl"), { limit: 80 });
  const { pairs, report } = tokenizePairs(rows, { tokenizer, vocabSize: 512, maxLength: 1024 });
  const { rows: ids } = await readRows(sharedPath("real/trl/dpo_token_ids_80.json"));
  const expected = tokenizePairs(ids, { tokenizer: null, vocabSize: 512, maxLength: 1024 }).pairs;
  const idsOf = ({ promptIds, chosenIds, rejectedIds }: typeof expected[number]) => [promptIds, chosenIds, rejectedIds];
  deepEqual(pairs.map(idsOf), expected.map(idsOf));
  deepEqual({ rows: 80, kept: 80, promptTooLong: 0, emptyResponse: 0, cut: 0, merged: 0, firstMerged: null }, report);
});

sharedTest("readRows() and tokenizeExamples() read real instruction rows", async () => {
  const tokenizer = await loadTokenizer(sharedPath("real/stories260K"));
  const { rows } = await readRows(sharedPath("real/alpaca/alpaca_2000.json"));
  equal(rows.length, 2000);
  const { examples, report } = tokenizeExamples(rows, { tokenizer, vocabSize: 512, maxLength: 512 });
  equal(report.kept + report.promptTooLong, 2000);
  equal(examples.length, report.kept);
  equal(examples.filter(({ promptIds, responseIds }) => promptIds.length + responseIds.length > 512).length, 0);
  const whole = examples.find(({ promptIds, responseIds }) => promptIds.length + responseIds.length < 512)!;
  equal(whole.responseIds.at(-1), tokenizer.eosId);
});

for (const name of ["gpt2", "llama2-spm"]) {
  sharedTest(`tokenizePairs() loses no letter of real instructions and answers with ${name}`, async () => {
    const tokenizer = await loadTokenizer(sharedPath("real/tokenizers", name));
    const rows: { instruction: string; output: string }[] = await readJson(sharedPath("real/alpaca/alpaca_2000.json"));
    const pairs = rows.filter(({ instruction, output }) => instruction !== "" && output !== "").map(
      ({ instruction: prompt, output: chosen }, row) => ({
        ...{ kind: "text_pair" as const, row, where: `row ${row}`, extra: {} },
        ...{ prompt, chosen, rejected: chosen.trimStart().toLowerCase() },
      }),
    );
    const vocabSize = tokenizer.vocabSize;
    const { pairs: tokenized, report } = tokenizePairs(pairs, { tokenizer, vocabSize, maxLength: null });
    ok(report.merged > 100, `${report.merged}`);
    const text = (ids: number[]): string => tokenizer.decode(ids, { skipSpecialTokens: true });
    for (const { row, promptIds, chosenIds, rejectedIds } of tokenized) {
      const { prompt, chosen, rejected } = pairs[row]!;
      equal(text(promptIds), prompt);
      equal(text([...promptIds, ...chosenIds]), prompt + chosen);
      equal(text([...promptIds, ...rejectedIds]), prompt + rejected);
    }
  });
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(path));
}
