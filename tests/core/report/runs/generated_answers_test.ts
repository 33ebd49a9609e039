import { deepEqual, equal, rejects } from "node:assert/strict";
import { generatedAnswers } from "../../../../core/report/runs/generated_answers.ts";
import { lines } from "../../_run_folders.ts";
import { withFiles, writeLogps } from "./_report_folders.ts";

type Pair = Record<string, unknown>;

const human = (human: number | null, generated: number | null): Pair => ({
  chosen_from: "human",
  score_human: human,
  score_generated: generated,
});
const generated = { chosen_from: "generated", score_human: 0.25, score_generated: 0.75 };

async function answersOf(
  pairs: readonly Pair[],
  logps: { chosen: number[]; rejected: number[] } | null,
  options?: { before: number },
) {
  return await withFiles({ "run/iteration-0/pairs.jsonl": lines(...pairs) }, async (dir) => {
    if (logps !== null) await writeLogps(`${dir}/run/iteration-0`, logps);
    return (await generatedAnswers(`${dir}/run`, 0, options))!;
  });
}

Deno.test("generatedAnswers() counts equal scores as at least as high, and no pair without both scores", async () => {
  const { scored } = await answersOf([human(1, 0.5), human(0.5, 0.5), generated, human(null, 1), human(1, null)], null);
  deepEqual(scored, { pairs: 3, atLeast: 2 });
});

Deno.test("generatedAnswers() takes the side that was generated, of the pairs that were used", async () => {
  const pairs = [human(1, 0), generated, human(1, 0)];
  const { logps } = await answersOf(pairs, { chosen: [-1, -2, NaN], rejected: [-3, -4, NaN] });
  deepEqual(logps, [-3, -2]);
  // Pairs of the iteration before follow those of this one.
  const mixed = await answersOf(pairs, { chosen: [-1, -2, -5, -7], rejected: [-3, -4, -6, -8] }, { before: 1 });
  deepEqual(mixed.logps, [-3, -2, -6]);
});

Deno.test("generatedAnswers() says why log-probabilities are not known, and guesses none", async () => {
  const pairs = [human(1, 0), generated];
  const of = async (own: readonly Pair[], logps: Parameters<typeof answersOf>[1]) =>
    (await answersOf(own, logps)).logps;
  equal(await of(pairs, null), "no log-probabilities were kept");
  equal(
    await of(pairs, { chosen: [-1, -2], rejected: [NaN, NaN] }),
    "with noise, those of rejected answers are kept when training ends, and not by older versions",
  );
  equal(
    await of(pairs, { chosen: [-1], rejected: [-2] }),
    "pairs were dropped as too long, so that log-probabilities cannot be told apart",
  );
  // One pair was dropped, of this iteration's two or of the two before.
  equal(
    (await answersOf(pairs, { chosen: [-1, -2, -5], rejected: [-3, -4, -6] }, { before: 2 })).logps,
    "pairs were dropped as too long, so that log-probabilities cannot be told apart",
  );
  equal(
    await of([{ chosen: "a" }], { chosen: [-1], rejected: [-2] }),
    "the pairs do not tell which answer was generated",
  );
});

Deno.test("generatedAnswers() names a line that is malformed, and is null without pairs", async () => {
  await withFiles({ "run/iteration-0/pairs.jsonl": "{\n", "run/x": "" }, async (dir) => {
    await rejects(generatedAnswers(`${dir}/run`, 0), {
      name: "UserError",
      message: /^Cannot read \S+pairs\.jsonl:1: /,
    });
    equal(await generatedAnswers(`${dir}/run`, 1), null);
  });
});
