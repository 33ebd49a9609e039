import { deepEqual, rejects } from "node:assert/strict";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { logprobJudge } from "../../../core/label/logprob_judge.ts";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands } from "../../_shared/device.ts";
import { withTinyModel } from "../_tiny.ts";
import { writeTokenizer } from "../data/_fixtures.ts";
import { responseRow } from "./_rows.ts";

const ROWS = [
  responseRow(0, { promptIds: [1, 5, 6], responseIds: [6, 9, 2], generatedIds: [7, 2] }),
  responseRow(1, { promptIds: [1], responseIds: [8, 2], generatedIds: [7, 30, 31, 12, 2] }),
];

Deno.test("logprobJudge() scores the ids as they are by their mean log-probability", () =>
  withTinyModel(async ({ model }) => {
    const done: number[] = [];
    const scores = await logprobJudge(commands, { model, tokenizer: null }).score(ROWS, (count) => done.push(count));
    const examples = ROWS.flatMap(({ row, promptIds, responseIds, generatedIds }) => [
      { example: row, promptIds, responseIds },
      { example: row, promptIds, responseIds: generatedIds },
    ]);
    const sums = await responseLogps(commands, model, { rows: examples });
    const expected = examples.map(({ responseIds }, i) => sums[i]! / responseIds.length);
    assertClose(scores.flatMap(({ human, generated }) => [human!, generated!]), expected);
    deepEqual(done, [2]);
  }));

Deno.test("logprobJudge() with another tokenizer encodes the texts anew, with EOS unless the answer was cut", () =>
  withTinyModel(async ({ dir, model }) => {
    await writeTokenizer(dir);
    const tokenizer = await loadTokenizer(dir);
    const promptIds = tokenizer.encode("hello ");
    for (const [finished, eos] of [[true, "<|im_end|>"], [false, ""]] as const) {
      // Ids of the generating model, which the judge's vocabulary may not even have.
      const texts = { prompt: "hello ", response: "ab", generated: "b a" };
      const rows = [responseRow(0, { ...texts, promptIds: [9999], finished })];
      const [score] = await logprobJudge(commands, { model, tokenizer }).score(rows, () => {});
      const examples = ["ab<|im_end|>", `b a${eos}`].map((text) => ({
        example: 0,
        promptIds,
        responseIds: tokenizer.encode(`hello ${text}`).slice(promptIds.length),
      }));
      deepEqual(examples.map(({ responseIds }) => responseIds.at(-1) === 2), [true, finished]);
      const sums = await responseLogps(commands, model, { rows: examples });
      const expected = examples.map(({ responseIds }, i) => sums[i]! / responseIds.length);
      assertClose([score!.human!, score!.generated!], expected);
    }
  }, { config: { vocab_size: 400 } }));

Deno.test("logprobJudge() names a row whose ids or texts it cannot score", () =>
  withTinyModel(async ({ dir, model }) => {
    const judge = logprobJudge(commands, { model, tokenizer: null });
    await rejects(
      judge.score([responseRow(5, { generatedIds: [37, 2] })], () => {}),
      /^UserError: Cannot score row 5 with .*model: token id is 37, expected less than its vocabulary of 37$/,
    );
    await rejects(judge.score([responseRow(6, { generatedIds: [] })], () => {}), /row 6 .* has no tokens there$/);
    await writeTokenizer(dir);
    const other = logprobJudge(commands, { model, tokenizer: await loadTokenizer(dir) });
    await rejects(other.score([responseRow(7)], () => {}), /row 7 .*: token id is \d+, expected less than/);
  }));
