import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { BufferSet, forwardBuffers } from "../../../core/model/activations.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import { freeModel, loadModel, type Model } from "../../../core/model/model.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { pairLogps } from "../../../core/model/row_logps.ts";
import { layerSegments, segmentLayers } from "../../../core/model/segments.ts";
import { modelCost, recomputeFlop } from "../../../core/plan/flops.ts";
import { countOf } from "../../../core/plan/step_work.ts";
import { batchCapacity, packBatch } from "../../../core/train/step_batches.ts";
import type { StepMetrics } from "../../../core/train/step_metrics.ts";
import { Trainer } from "../../../core/train/trainer.ts";
import { exampleRows, longestRow, pairRows, places, type TrainingRows } from "../../../core/train/training_rows.ts";
import { commands, device } from "../../_shared/device.ts";
import { exampleIds, pairIds, settingsOf, withTinyModel } from "../_tiny.ts";
import { run, stoppedAt } from "./_optimize.ts";

const LAYERS = 5;
const STEPS = 3;
const PAIRS = pairIds(4);

/** What steps gave, to the last bit, and what they held. */
interface Trained {
  metrics: StepMetrics[];
  /** Values and moments of everything that is trained. */
  state: Uint8Array[];
  /** The most bytes that were live. */
  bytes: number;
  /** FLOP of the matrix products that were recorded. */
  flop: number;
}

/** Three steps of two micro-batches each on the model in DIR. */
async function trained(
  dir: string,
  { checkpointing, ...keys }: { checkpointing: boolean | number } & Keys,
): Promise<Trained> {
  const settings = await settingsOf({
    ...keys,
    training: {
      learning_rate: 1e-2,
      logging_steps: STEPS,
      per_device_train_batch_size: 2,
      gradient_checkpointing: checkpointing,
      ...keys.training,
    },
  });
  const loaded = await loadModel(device, `${dir}/model`);
  const model: Model = settings.lora
    ? {
      ...loaded,
      adapter: createAdapter(device, loaded.config, {
        settings: settings.lora,
        base: null,
        init: "uniform",
        seed: 3,
        iteration: 0,
      }),
    }
    : loaded;
  const own = settings.noise === "none" || settings.lora ? null : await loadModel(device, `${dir}/model`);
  const isSft = settings.training.loss_type === "sft";
  const rows: TrainingRows = isSft ? exampleRows(exampleIds(4)) : pairRows(PAIRS);
  const batch = packBatch(rows, places(rows), { size: 2, noise: settings.noise !== "none" });
  const sums = await pairLogps(commands, model, { pairs: PAIRS });
  device.peakBytes = device.bytes;
  const trainer = await Trainer.create(commands, {
    model,
    settings,
    ...(!isSft && {
      reference: {
        logps: {
          chosen: Float32Array.from(PAIRS, (_, i) => sums[2 * i]!),
          rejected: Float32Array.from(PAIRS, (_, i) => sums[2 * i + 1]!),
        },
        parameters: parametersOf((own ?? model).weights, { adapter: null }),
      },
    }),
    capacity: batchCapacity(batch, device),
    maxPositions: longestRow(rows),
  });
  const dispatch = commands.dispatch;
  let flop = 0;
  try {
    commands.dispatch = (kernel, call) => {
      const { m, n, k_first: first, k_last: last } = call.uniforms as Record<string, number>;
      if (kernel.name.startsWith("matmul ")) flop += 2 * m! * n! * (last! - first!);
      dispatch.call(commands, kernel as never, call as never);
    };
    for (let step = 0; step < STEPS; step++) await trainer.step(batch, { step, factor: 1 });
    const { metrics } = await trainer.read();
    const state = await device.readAll(Object.values(trainer.stateBuffers).map(({ slice }) => slice!));
    return { metrics, state: state.map((bytes) => new Uint8Array(bytes)), bytes: device.peakBytes, flop };
  } finally {
    commands.dispatch = dispatch;
    trainer.free();
    freeModel(model);
    own?.weights.free();
  }
}

type Keys = {
  method?: string;
  noise?: unknown;
  lora?: Record<string, unknown>;
  training?: Record<string, unknown>;
};

const METHODS: Record<string, Keys> = {
  dpo: { noise: "none" },
  "dnpo, joint": { noise: { update: "joint", learning_rate: 1e-2 } },
  "dnpo, alternating": { noise: { update: "alternating", noise_steps: 2, learning_rate: 1e-2 } },
  sft: { method: "sft", noise: "none", training: { loss_type: "sft" } },
};

const FAMILIES: Record<string, Record<string, unknown>> = {
  llama: {},
  "mistral with a window of 4": { architectures: ["MistralForCausalLM"], model_type: "mistral", sliding_window: 4 },
  "qwen3, tied": { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 8, tie_word_embeddings: true },
};

const TRAINED: Record<string, Keys> = {
  "all weights": {},
  adapters: { lora: { r: 4 } },
  "adapters with dropout": { lora: { r: 4, lora_dropout: 0.3 } },
};

let tests = 0;
for (const [method, keys] of Object.entries(METHODS)) {
  for (const [what, { lora }] of Object.entries(TRAINED)) {
    const [family, config] = Object.entries(FAMILIES)[(tests++ + Object.keys(METHODS).indexOf(method)) % 3]!;
    Deno.test(`recomputed layers give the same bits: ${method}, ${what}, ${family}`, () =>
      withTinyModel(async ({ dir, model }) => {
        const kept = await trained(dir, { ...keys, ...(lora && { lora }), checkpointing: false });
        equal(kept.metrics.length, STEPS);
        notDeepEqual(kept.metrics[0], kept.metrics[1]);
        for (const checkpointing of [true, 2, 3, 4, LAYERS + 2]) {
          const again = await trained(dir, { ...keys, ...(lora && { lora }), checkpointing });
          deepEqual(again.metrics, kept.metrics, `segments of ${checkpointing}`);
          deepEqual(again.state, kept.state, `segments of ${checkpointing}`);
          // A segment of all layers has nothing to compute again.
          const isLess = checkpointing !== LAYERS + 2;
          equal(
            again.bytes < kept.bytes,
            isLess,
            `segments of ${checkpointing}: ${again.bytes} of ${kept.bytes} bytes`,
          );
          const more = again.flop - kept.flop;
          equal(more > 0, isLess, `segments of ${checkpointing}`);
          const segment = segmentLayers(checkpointing, LAYERS);
          const counts = { ...countOf(method === "sft" ? exampleIds(4) : PAIRS), pairs: 0 };
          // Of adapters the plan counts those of the last products too.
          if (!lora) {
            equal(
              more,
              STEPS * recomputeFlop(modelCost(model.config), counts, { segment }),
              `segments of ${checkpointing}`,
            );
          }
        }
      }, { config: { num_hidden_layers: LAYERS, ...config } }));
  }
}

Deno.test("layerSegments() cuts from the end, so that what is kept is a whole segment", () => {
  deepEqual(layerSegments(5, 2), [{ first: 0, end: 1 }, { first: 1, end: 3 }, { first: 3, end: 5 }]);
  deepEqual(layerSegments(5, 4), [{ first: 0, end: 1 }, { first: 1, end: 5 }]);
  deepEqual(layerSegments(4, 2), [{ first: 0, end: 2 }, { first: 2, end: 4 }]);
  deepEqual(layerSegments(3, 3), [{ first: 0, end: 3 }]);
  deepEqual([false, true, 2, 9].map((value) => segmentLayers(value, 5)), [5, 1, 2, 5]);
});

Deno.test("the buffers of a forward pass are those of one segment, and each segment's input", () =>
  withTinyModel(({ model: { config } }) => {
    const capacity = 7;
    const held = (segment: number): number => {
      const set = new BufferSet(device);
      const before = device.bytes;
      try {
        forwardBuffers(set, { config, capacity, segment, ranks: 3 });
        return device.bytes - before;
      } finally {
        set.free();
      }
    };
    // Hidden size 16, 4 heads and 2 key-value heads of 4, intermediate size 24.
    const [hidden, qkv, heads, inner] = [16, 4 * (4 + 2 * 2), 4, 24];
    // Three 1/rms; q, k, v; attended; log-sum-exp; mid; gate and up.
    const layer = 2 + qkv + hidden + heads + hidden + 2 * inner;
    // normed, activated, adapters; last 1/rms, hidden, projected.
    const shared = hidden + inner + 3 + 1 + 2 * hidden;
    for (const segment of [1, 2, 3, 4, LAYERS]) {
      const streams = Math.ceil(LAYERS / segment) + segment - 1 + 1;
      equal(held(segment), 4 * capacity * (streams * hidden + segment * layer + shared), `segments of ${segment}`);
    }
    return Promise.resolve();
  }, { config: { num_hidden_layers: LAYERS } }));

Deno.test("a stage that was stopped goes on with recomputed layers to the same bytes", () =>
  withTinyModel(async ({ dir }) => {
    const training = { max_steps: 5, per_device_train_batch_size: 2 };
    const whole = await run(dir, { training });
    const stop = new AbortController();
    const onStep = (done: number): void => done === 2 ? stop.abort() : undefined;
    await stoppedAt(run(dir, { training, name: "stopped", signal: stop.signal, onStep }));
    const rest = await run(dir, { training: { ...training, gradient_checkpointing: 2 }, name: "stopped" });
    deepEqual(rest.lines, whole.lines);
    deepEqual(rest.weights, whole.weights);
  }, { config: { num_hidden_layers: LAYERS } }));
