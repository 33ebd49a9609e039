import { deepEqual, equal } from "node:assert/strict";
import { latestRows, sampleRows } from "../../../core/run/sample_rows.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

const response = (row: number, generated: string, more: object = {}) => ({
  ...{ row, prompt: `p${row}`, response: `h${row}`, response_ids: [row], generated, generated_ids: [generated.length] },
  ...{ finished: true, ...more },
});
const pair = (row: number, chosen_from: string, human: number | null, generated: number | null) => ({
  ...{
    row,
    prompt: `p${row}`,
    chosen: "c",
    rejected: "r",
    chosen_from,
    score_human: human,
    score_generated: generated,
  },
});

async function write(dir: string, name: string, rows: readonly object[]): Promise<void> {
  await Deno.mkdir(`${dir}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
  await Deno.writeTextFile(`${dir}/${name}`, jsonLines(rows));
}

Deno.test("sampleRows() finds the same rows in every iteration, with scores and what was chosen", () =>
  withFolder(async (dir) => {
    // Rows of very different lengths, with gaps in their numbers.
    const rows = Array.from({ length: 200 }, (_, i) => 3 * i + 1);
    for (const k of [0, 1]) {
      const answers = rows.map((row) => response(row, `${k}:${"x".repeat(row % 7 === 0 ? 20_000 : row % 50)}`));
      await write(dir, `iteration-${k}/responses.jsonl`, answers);
      const odd = rows.filter((row) => row % 2 === 1);
      await write(dir, `iteration-${k}/pairs.jsonl`, odd.map((row) => pair(row, k ? "generated" : "human", 0.5, row)));
    }
    const samples = await sampleRows(dir, { iterations: [0, 1, 2], count: 5 });
    equal(samples.length, 5);
    equal(samples[0]!.row, 1);
    for (const { row, prompt, human, answers } of samples) {
      deepEqual([prompt, human], [[{ role: null, content: `p${row}` }], `h${row}`]);
      deepEqual(answers.map(({ iteration }) => iteration), [0, 1]);
      deepEqual(answers[1]!.label, { chosen: "generated", scoreHuman: 0.5, scoreGenerated: row });
      equal(answers[1]!.text.startsWith("1:x"), true);
    }
  }));

Deno.test("sampleRows() tells equal and cut answers, shows turns, and leaves out rows that are torn or too long", () =>
  withFolder(async (dir) => {
    const messages = [{ role: "user", content: "hi" }, { role: "tool", content: [{ type: "text", text: "t" }] }];
    const same = response(0, "h0", { generated_ids: [0], messages });
    await write(dir, "iteration-0/responses.jsonl", [
      same,
      response(1, "x".repeat(2 ** 20)),
      response(2, "", { finished: false }),
    ]);
    await Deno.writeTextFile(`${dir}/iteration-0/responses.jsonl`, '{"row": 3, "pro', { append: true });
    const samples = await sampleRows(dir, { iterations: [0], count: 40 });
    equal(samples[1]!.answers[0]!.isCut, true);
    deepEqual(samples.map(({ row }) => row), [0, 2]);
    deepEqual(samples[0]!.prompt, [{ role: "user", content: "hi" }, {
      role: "tool",
      content: '[{"type":"text","text":"t"}]',
    }]);
    deepEqual([samples[0]!.answers[0]!.isIdentical, samples[0]!.answers[0]!.isCut], [true, false]);
    deepEqual(await sampleRows(`${dir}/none`, { iterations: [0], count: 3 }), []);
  }));

Deno.test("latestRows() has the answers that came last, the newest first", () =>
  withFolder(async (dir) => {
    await write(dir, "iteration-2/responses.partial.jsonl", [0, 1, 2, 3].map((row) => response(row, `g${row}`)));
    await Deno.writeTextFile(`${dir}/iteration-2/responses.partial.jsonl`, '{"row": 4', { append: true });
    const rows = await latestRows(dir, 2, 2);
    deepEqual(rows.map(({ row, answers }) => [row, answers[0]!.text, answers[0]!.label]), [[3, "g3", null], [
      2,
      "g2",
      null,
    ]]);
    deepEqual(await latestRows(dir, 0, 2), []);
  }));
