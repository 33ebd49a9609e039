import { deepEqual, notDeepEqual, ok } from "node:assert/strict";
import { exampleRows, pairRows } from "../../../core/train/training_rows.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { exampleIds, pairIds, withTinyModel } from "../_tiny.ts";
import { type RankedOptions, trainOnRanks } from "./_ranks.ts";

/** Large enough that several ranks own a part of each large chunk. */
const CONFIG = { hidden_size: 64, intermediate_size: 128 };
const TRAINING = { learning_rate: 1e-3, gradient_accumulation_steps: 3, max_steps: 3 };
const PAIRS = pairRows(pairIds(7));

/** The last step of an epoch has one row, so that most shards are empty. */
const METHODS: Record<string, Pick<RankedOptions, "keys" | "rows">> = {
  "full dpo": { keys: { noise: "none", training: TRAINING }, rows: PAIRS },
  "sft with rmsprop": {
    keys: { method: "sft", training: { ...TRAINING, optim: "rmsprop" } },
    rows: exampleRows(exampleIds(7)),
  },
  "adapters with joint noise": {
    keys: {
      lora: { r: 4 },
      noise: { update: "joint", learning_rate: 1e-2 },
      training: { ...TRAINING, max_grad_norm: 0.1 },
    },
    rows: PAIRS,
  },
  "full dnpo, noise and model in turn": {
    keys: { noise: { update: "alternating", learning_rate: 1e-2 }, training: TRAINING },
    rows: PAIRS,
  },
};

for (const [name, { keys, rows }] of Object.entries(METHODS)) {
  Deno.test(`${name}: four shards give the same bytes on 1, 2 and 4 ranks, and nearly those of one`, () =>
    withTinyModel(async ({ dir }) => {
      const [alone] = await trainOnRanks(dir, { keys, rows, shards: 4, ranks: 0 });
      const [whole] = await trainOnRanks(dir, { keys, rows, shards: 1, ranks: 0 });
      for (const ranks of [1, 2, 4]) {
        const all = await trainOnRanks(dir, { keys, rows, shards: 4, ranks });
        for (const { metrics } of all) deepEqual(metrics, alone!.metrics, `metrics on ${ranks}`);
        deepEqual(all[0]!.state, alone!.state, `state on ${ranks}`);
      }
      for (const [step, metrics] of whole!.metrics.entries()) {
        const of = Object.values(metrics) as number[];
        assertClose(of, Object.values(alone!.metrics[step]!) as number[], { rtol: 1e-3, atol: 1e-4 });
      }
      notDeepEqual(whole!.state, alone!.state);
    }, { config: CONFIG }));
}

Deno.test("gradients in bfloat16 give the same bytes on any number of ranks, and send fewer", () =>
  withTinyModel(async ({ dir }) => {
    const { keys, rows } = METHODS["adapters with joint noise"]!;
    const options = { keys, rows, shards: 4 } as const;
    const [alone] = await trainOnRanks(dir, { ...options, ranks: 0, gradientDtype: "bfloat16" });
    const [exact] = await trainOnRanks(dir, { ...options, ranks: 0 });
    notDeepEqual(alone!.state, exact!.state);
    for (const ranks of [2, 4]) {
      const [first] = await trainOnRanks(dir, { ...options, ranks, gradientDtype: "bfloat16" });
      const [other] = await trainOnRanks(dir, { ...options, ranks });
      deepEqual(first!.state, alone!.state, `state on ${ranks}`);
      ok(first!.sent < other!.sent, `${first!.sent} of ${other!.sent} bytes`);
    }
  }, { config: CONFIG }));
