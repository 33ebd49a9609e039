import { deepEqual, equal, rejects } from "node:assert/strict";
import { readFileRows } from "../../../core/data/formats/file_rows.ts";
import { encodePreferences, readPreferences } from "../../../core/data/preferences.ts";
import { readRows } from "../../../core/data/read_rows.ts";
import { encodePair, readPairs } from "../../../core/data/stage_files.ts";
import { CHATML, smallTokenizer, withFile, withFolder } from "./_fixtures.ts";

const user = { role: "user", content: "2+2?" };
const pair = {
  row: 3,
  prompt: "<user>2+2?",
  promptIds: [1],
  messages: [user],
  chosen: "4 é",
  chosenIds: [2],
  rejected: "5",
  rejectedIds: [3],
  chosenFrom: "generated" as const,
  scoreHuman: 0.25,
  scoreGenerated: 1,
};
const CONVERSATION = {
  prompt: [user],
  chosen: [{ role: "assistant", content: "4 é" }],
  rejected: [{ role: "assistant", content: "5" }],
  score_chosen: 1,
  score_rejected: 0.25,
  chosen_from: "generated",
};
const human = encodePair({ ...pair, chosenFrom: "human", scoreHuman: null, scoreGenerated: null });
const HUMAN = { ...CONVERSATION, score_chosen: null, score_rejected: null, chosen_from: "human" };

for (const format of ["jsonl", "parquet"] as const) {
  Deno.test(`encodePreferences() writes ${format} that is read back, as values and as pairs`, () =>
    withFile("pairs.jsonl", encodePair(pair) + human, async (path) => {
      const out = path.replace("pairs.jsonl", `out.${format}`);
      await Deno.writeFile(out, await encodePreferences(await readPreferences(path), format));
      const values = (await Array.fromAsync(readFileRows(out))).map((row) => "value" in row ? row.value : row.problem);
      // Parquet's scores are floats: `1.0`.
      deepEqual(JSON.parse(JSON.stringify(values)), [CONVERSATION, HUMAN]);
      const { rows: [row], shapes } = await readRows(out);
      equal(row!.kind, "chat_pair");
      equal(shapes[0]!.owner, "UltraFeedback's");
      const tokenizer = await smallTokenizer({ chat_template: CHATML });
      const { pairs } = await readPairs(out, { tokenizer, vocabSize: tokenizer.vocabSize, maxLength: null });
      deepEqual(pairs.map(({ chosen, rejected, chosenFrom, dataRow }) => [chosen, rejected, chosenFrom, dataRow]), [
        ["4 é", "5", "generated", null],
        ["4 é", "5", "human", null],
      ]);
      // What was exported is exported the same again.
      deepEqual(await readPreferences(out), await readPreferences(path));
    }));
}

Deno.test("encodePreferences() writes texts as texts, and leaves out columns that no row has", () =>
  withFolder(async (dir) => {
    const rows = [{ prompt: "a", chosen: "b", rejected: "c" }, { prompt: "d", chosen: "é", rejected: "" }];
    await Deno.writeTextFile(`${dir}/rows.jsonl`, rows.map((row) => JSON.stringify(row)).join("\n"));
    for (const format of ["jsonl", "parquet"] as const) {
      const out = `${dir}/out.${format}`;
      await Deno.writeFile(out, await encodePreferences(await readPreferences(`${dir}/rows.jsonl`), format));
      deepEqual((await Array.fromAsync(readFileRows(out))).map((row) => "value" in row && row.value), rows);
    }
  }));

Deno.test("encodePreferences() keeps tools, calls and variables, and says what Parquet cannot hold", () =>
  withFolder(async (dir) => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const call = { role: "assistant", content: null, tool_calls: [{ function: { name: "f", arguments: {} } }] };
    const whole = { prompt: [user], chosen: [call], rejected: CONVERSATION.rejected, tools };
    const plain = { ...whole, chosen: CONVERSATION.chosen, chat_template_kwargs: { a: 1 } };
    const stored = encodePair({ ...pair, variables: { tools } });
    await Deno.writeTextFile(`${dir}/rows.jsonl`, [whole, plain].map((row) => JSON.stringify(row)).join("\n"));
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, stored);
    const rows = await readPreferences(`${dir}/rows.jsonl`);
    const lines = new TextDecoder().decode(await encodePreferences(rows, "jsonl")).trim().split("\n");
    deepEqual(lines.map((line) => JSON.parse(line)), [{ ...whole, chat_template_kwargs: {} }, plain]);
    const fails = (row: number, message: string): Promise<void> =>
      rejects(encodePreferences(rows.slice(row), "parquet"), { name: "UserError", message });
    const end = "that is more than a text, expected an output in .jsonl";
    await fails(0, `Cannot export row 0 as Parquet: it has "tool_calls" ${end}`);
    await fails(1, `Cannot export row 0 as Parquet: it has "chat_template_kwargs" ${end}`);
    for (const format of ["jsonl", "parquet"] as const) {
      const out = `${dir}/out.${format}`;
      await Deno.writeFile(out, await encodePreferences(await readPreferences(`${dir}/pairs.jsonl`), format));
      const { rows: [row] } = await readRows(out);
      deepEqual(row!.variables, { tools });
    }
  }));

Deno.test("readPreferences() says which row cannot be exported", async () => {
  const ids = { prompt_ids: [1], chosen_ids: [2], rejected_ids: [3] };
  const fails = (rows: unknown[], message: RegExp): Promise<void> =>
    withFile(
      "pairs.jsonl",
      rows.map((row) => JSON.stringify(row)).join("\n"),
      (path) => rejects(readPreferences(path), { name: "UserError", message }),
    );
  await fails([ids], /^Cannot export \S+pairs\.jsonl:1: the row has token ids and no text "prompt", expected both$/);
  await fails([{ ...ids, prompt: "", chosen: "", rejected: "" }], /:1: both answers are empty texts/);
  await fails([{ prompt: "a", response: "b" }], /:1: the row has one response, expected chosen and rejected$/);
  const text = { prompt: "a", chosen: "b", rejected: "c" };
  await fails(
    [text, { ...text, prompt: [user], chosen: [user], rejected: [user] }],
    /pairs\.jsonl:2: .+ rows of one kind$/,
  );
});
