import { deepEqual } from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { nothingMeasured } from "../../../core/loop/measured.ts";
import { summarizeRun } from "../../../core/loop/run_summary.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

async function settingsOf(
  dir: string,
  training: Record<string, unknown> = {},
): Promise<Pick<ResolvedConfig, "output_dir" | "training">> {
  return await loadConfig(undefined, { defaults: { output_dir: dir, data: { eval: "held.jsonl" }, training } });
}

Deno.test("summarizeRun() takes each iteration's numbers, and leaves out what was not measured", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(
      `${dir}/metrics.jsonl`,
      jsonLines([
        { iteration: 0, stage: "generate", "generation/rows": 9, "generation/length": 4.5, "generation/truncated": 2 },
        {
          iteration: 0,
          stage: "label",
          "labels/pairs": 8,
          "labels/generated_chosen": 0.25,
          "labels/ties": 1,
          "labels/identical": 1,
        },
        { iteration: 0, step: 10, loss: 0.7, "rewards/margins": 0, "rewards/accuracies": 0.5 },
        { iteration: 0, step: 14, loss: 0.5, "rewards/margins": 1, "rewards/accuracies": 1 },
        { iteration: 1, step: 3, loss: 0.25, "noise/loss": -0.5, "noise/variance": 0.125 },
      ]),
    );
    const evaluations = new Map([[-1, { rows: 3, loss: 2, greedy: 0.5, sampled: 0.25 }], [0, { rows: 3, loss: 1.5 }]]);
    const measured = { ...nothingMeasured(), evaluations };
    deepEqual(await summarizeRun(await settingsOf(dir), { model: `${dir}/model`, measured, last: 1 }), {
      iterations: [
        { iteration: -1, greedy: 0.5, sampled: 0.25, eval_loss: 2, eval_rows: 3 },
        {
          iteration: 0,
          eval_loss: 1.5,
          eval_rows: 3,
          generated_chosen: 0.25,
          pairs: 8,
          ties: 1,
          identical: 1,
          generation_length: 4.5,
          truncated: 2,
          steps: 14,
          loss: 0.6,
          rewards_margins: 0.5,
          rewards_accuracies: 0.75,
        },
        { iteration: 1, steps: 3, loss: 0.25, noise_loss: -0.5, noise_variance: 0.125 },
      ],
      model: `${dir}/model`,
    });
  }));

Deno.test("summarizeRun() of a run without a log has the start alone", () =>
  withFolder(async (dir) => {
    deepEqual(
      (await summarizeRun(await settingsOf(dir), { model: `${dir}/model`, measured: nothingMeasured(), last: -1 }))
        .iterations,
      [{
        iteration: -1,
      }],
    );
  }));

Deno.test("summarizeRun() marks the best iteration and an early end, where the config asks for them", () =>
  withFolder(async (dir) => {
    const evaluations = new Map([[-1, { rows: 3, loss: 1 }], [0, { rows: 3, loss: 1.5 }], [1, { rows: 3, loss: 2 }]]);
    const marks = async (training: Record<string, unknown>, isStopped = false): Promise<unknown> => {
      const { iterations: _, ...rest } = await summarizeRun(await settingsOf(dir, training), {
        model: "m",
        measured: { ...nothingMeasured(), evaluations },
        last: 1,
        isStopped,
      });
      return rest;
    };
    const best = { iteration: 0, metric: "eval_loss", value: 1.5 };
    deepEqual(await marks({}), { model: "m" });
    deepEqual(await marks({ load_best_model_at_end: true }), { model: "m", best });
    deepEqual(await marks({ early_stopping_patience: 1 }), { model: "m" });
    deepEqual(await marks({ early_stopping_patience: 1 }, true), {
      model: "m",
      stopped_early: { iteration: 1, patience: 1 },
    });
  }));
