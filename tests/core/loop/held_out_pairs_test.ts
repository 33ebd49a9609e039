/** Held-out rows with a chosen and a rejected answer: TRL's measures of them after each iteration. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { iterationTable } from "../../../cli/commands/train_command.ts";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import type { RunSummary } from "../../../core/loop/run_summary.ts";
import { train } from "../../../core/loop/train_run.ts";
import { freeModel, loadModel } from "../../../core/model/model.ts";
import { referenceLogps } from "../../../core/train/reference_logps.ts";
import { commands, device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, tinyRows } from "../../_shared/tiny_model.ts";
import { pairIds } from "../_tiny.ts";
import { configOf, withChat, withInput } from "./_runs.ts";

const KEYS = [
  "eval_preference_loss",
  "eval_rewards_chosen",
  "eval_rewards_rejected",
  "eval_rewards_accuracies",
  "eval_rewards_margins",
  "eval_logps_chosen",
  "eval_logps_rejected",
] as const;

async function dpo(dir: string, keys: Parameters<typeof configOf>[1] = {}): Promise<ResolvedConfig> {
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8)));
  return await configOf(dir, {
    method: "dpo",
    data: { train: `${dir}/pairs.jsonl`, eval: `${dir}/pairs.jsonl`, eval_limit: 5 },
    iterations: 2,
    ...keys,
    training: { beta: 0.5, ...keys.training },
  });
}

const scoresOf = async (folder: string) => {
  const model = await loadModel(device, folder);
  const rows = pairIds(8).slice(0, 5);
  try {
    return await referenceLogps(commands, {
      scorer: model,
      rows,
      used: rows.map((_, i) => i),
      rejected: true,
      batchTokens: 4096,
    });
  } finally {
    freeModel(model);
  }
};

Deno.test("train() measures held-out pairs after each iteration, against the model that the run began with", () =>
  withInput(async (dir) => {
    const { iterations } = await train(await dpo(dir));
    const [start] = iterations;
    const base = await scoresOf(`${dir}/model`);
    const mean = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0) / 5;
    deepEqual(KEYS.map((key) => start![key]), [
      Math.LN2,
      0,
      0,
      0,
      0,
      mean(base.chosen),
      mean(base.rejected),
    ]);
    equal(start!.eval_pairs, 5);
    for (const k of [0, 1]) {
      const own = await scoresOf(`${dir}/run/iteration-${k}/model`);
      const chosen = own.chosen.map((logp, i) => 0.5 * (logp - base.chosen[i]!));
      const rejected = own.rejected.map((logp, i) => 0.5 * (logp - base.rejected[i]!));
      const margins = chosen.map((reward, i) => reward - rejected[i]!);
      const expected = [
        mean(margins.map((margin) => Math.log1p(Math.exp(-margin)))),
        mean(chosen),
        mean(rejected),
        mean(margins.map((margin) => Number(margin > 0))),
        mean(margins),
        mean(own.chosen),
        mean(own.rejected),
      ];
      KEYS.forEach((key, i) => {
        const found = iterations[k + 1]![key]!;
        ok(Math.abs(found - expected[i]!) < 1e-5, `${key} of iteration ${k}: ${found}, expected ${expected[i]}`);
      });
    }
    match(iterationTable(iterations), /held-out pairs ranked right +│ +0\.0 % │/);
    const report = await Deno.readTextFile(`${dir}/run/report.html`);
    match(report, /held-out preference loss<\/th><td>0\.6931/);
    match(report, /Held-out pairs ranked right/);
  }));

Deno.test("held-out pairs give the same numbers when an evaluation and the reference's scores are made again", () =>
  withInput(async (dir) => {
    const config = await dpo(dir, {
      training: { load_best_model_at_end: true, metric_for_best_model: "eval_rewards/margins" },
    });
    const summary = await train(config);
    equal(summary.best!.metric, "eval_rewards_margins");
    const text = await Deno.readTextFile(`${dir}/run/iteration-1/evaluation.json`);
    const logps = await Deno.readFile(`${dir}/run/held_out_logps.safetensors`);
    await Deno.remove(`${dir}/run/iteration-1/evaluation.json`);
    await Deno.remove(`${dir}/run/held_out_logps.safetensors`);
    deepEqual(await train(config) satisfies RunSummary, summary);
    equal(await Deno.readTextFile(`${dir}/run/iteration-1/evaluation.json`), text);
    deepEqual(await Deno.readFile(`${dir}/run/held_out_logps.safetensors`), logps);
  }));

Deno.test("held-out pairs without a rejected answer are told, and their chosen answers are measured all the same", () =>
  withChat(async (dir) => {
    // A template that writes the words alone, so that an answer without any has no token.
    await Deno.writeTextFile(`${dir}/words.jinja`, "{% for message in messages %}{{ message['content'] }}{% endfor %}");
    const turn = (role: string, content: string) => [{ role, content }];
    const rows = ["c", "d", "", "e"].map((rejected) => ({
      prompt: turn("user", "ab"),
      chosen: turn("assistant", "b"),
      rejected: turn("assistant", rejected),
    }));
    await Deno.writeTextFile(`${dir}/held.jsonl`, jsonLines(rows));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows.toSpliced(2, 1)));
    const notes: string[] = [];
    const data = {
      train: `${dir}/rows.jsonl`,
      eval: `${dir}/held.jsonl`,
      chat_template: `${dir}/words.jinja`,
    };
    const { iterations } = await train(await dpo(dir, { iterations: 1, data }), { onNote: (line) => notes.push(line) });
    deepEqual([iterations[1]!.eval_rows, iterations[1]!.eval_pairs], [4, 3]);
    deepEqual(notes.filter((line) => line.includes("of pairs")), [
      `${dir}/held.jsonl: 1 of 4 rows left out of the measures of pairs, as the rejected answer has no tokens`,
    ]);
  }));

Deno.test("pairs are measured with adapters too, and not where rows have one answer or the loss has no reference", () =>
  withInput(async (dir) => {
    const adapted = await train(await dpo(dir, { lora: { r: 2 }, iterations: 1, output_dir: `${dir}/lora` }));
    equal(adapted.iterations[0]!.eval_preference_loss, Math.LN2);
    ok(adapted.iterations[1]!.eval_logps_chosen !== adapted.iterations[0]!.eval_logps_chosen);
    for (
      const keys of [
        { method: "sft" },
        { data: { train: `${dir}/pairs.jsonl`, eval: `${dir}/mixed.jsonl` } },
      ]
    ) {
      await Deno.writeTextFile(`${dir}/mixed.jsonl`, jsonLines([...tinyPairs(2), ...tinyRows(1)]));
      const notes: string[] = [];
      const output_dir = await Deno.makeTempDir({ dir });
      const { iterations } = await train(await dpo(dir, { iterations: 1, output_dir, ...keys }), {
        onNote: (line) => notes.push(line),
      });
      equal(iterations[1]!.eval_pairs, undefined);
      equal(notes.some((line) => /: 2 of 3 rows have a rejected answer; where not/.test(line)), "data" in keys);
      await rejects(
        train(
          await dpo(dir, {
            output_dir: `${output_dir}/other`,
            ...keys,
            training: { load_best_model_at_end: true, metric_for_best_model: "rewards/margins" },
          }),
        ),
        /^UserError: Cannot pick iterations by training\.metric_for_best_model eval_rewards_margins: no pairs are measured on \S+, expected a chosen and a rejected answer in each row, and a loss that compares pairs \(or eval_loss\)$/,
      );
    }
  }));
