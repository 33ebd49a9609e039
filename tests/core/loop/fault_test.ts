import { equal } from "node:assert/strict";
import { dieAndGoOn } from "./_faults.ts";
import { withInput } from "./_runs.ts";

/** Where a file and its checksum part: one has taken its place and the other has not. */
const BETWEEN =
  /rename \S+\.tmp to \S+\/checksums\.json$|rename \S+ to \S+\/(iteration-0\/\w+(\.jsonl)?|model)$|write \S+partial/;

Deno.test("train() that dies between a file and its checksum goes on to the same bytes, and to no note of damage", () =>
  withInput(async (dir) => {
    const choose = (changes: readonly string[]): number[] => {
      const between = [...changes.keys()].filter((i) => BETWEEN.test(changes[i]!));
      // Of the rows of a part of the responses, two.
      const rows = between.filter((i) => /partial/.test(changes[i]!) && /^write/.test(changes[i]!));
      return [...between.filter((i) => !rows.includes(i)), ...rows.slice(4, 8)];
    };
    const count = await dieAndGoOn(dir, { iterations: 1, choose });
    equal(count >= 10, true, `${count}`);
  }));

Deno.test("train() that dies as it ends early and hands out the best iteration goes on to the same", () =>
  withInput(async (dir) => {
    const summaryOf = async (run: string): Promise<string> =>
      (await Deno.readTextFile(`${dir}/${run}/summary.json`)).replaceAll(`${dir}/${run}/`, "");
    let summary: string | undefined;
    const choose = (changes: readonly string[]): number[] => {
      const first = changes.findIndex((change) => /^rename \S+ to \S+\/iteration-1\/evaluation\.json$/.test(change));
      equal(first > 0, true, changes.join("\n"));
      return [...changes.keys()].slice(first - 1).filter((i) => /^rename(?!.*report)/.test(changes[i]!));
    };
    const count = await dieAndGoOn(dir, {
      iterations: 3,
      evaluates: true,
      choose,
      keys: { method: "sft" },
      // The loss falls, so that iteration 1 is no better than iteration 0.
      training: {
        loss_type: "sft",
        load_best_model_at_end: true,
        greater_is_better: true,
        early_stopping_patience: 1,
      },
      onResult: async (run) => equal(await summaryOf(run), summary ??= await summaryOf("whole")),
    });
    const { best, stopped_early: stop } = JSON.parse(summary!);
    equal(`${best.iteration} ${stop.iteration}`, "0 1");
    equal(count >= 6, true, `${count}`);
  }));
