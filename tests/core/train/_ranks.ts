/** Training on logical ranks of one process: each has its own model, and all share the device. @module */
import { openLocal } from "../../../core/cluster/local.ts";
import type { WireDtype } from "../../../core/cluster/transport.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import { type AnyModel, freeModel, loadModel } from "../../../core/model/model.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import type { Distribution } from "../../../core/train/distribution.ts";
import { referenceLogps } from "../../../core/train/reference_logps.ts";
import { RowTrainer } from "../../../core/train/row_trainer.ts";
import { giveState, ownState, rankedState } from "../../../core/train/state_transfer.ts";
import type { StepMetrics } from "../../../core/train/step_metrics.ts";
import type { TrainingRows } from "../../../core/train/training_rows.ts";
import { Commands } from "../../../kernels/device/commands.ts";
import { device } from "../../_shared/device.ts";
import { settingsOf } from "../_tiny.ts";

/** What is trained, and how. */
export interface RankedOptions {
  /** Keys of the config. */
  keys: { method?: string; noise?: unknown; lora?: Record<string, unknown>; training?: Record<string, unknown> };
  rows: TrainingRows;
  shards: number;
  ranks: number;
  gradientDtype?: WireDtype;
}

/** What a rank has at the end. */
export interface RankedResult {
  metrics: StepMetrics[];
  /** The whole state, by names, as rank 0 would save it. */
  state: Record<string, Uint8Array>;
  /** Bytes that the rank has sent. */
  sent: number;
}

/** Trains on `ranks` logical ranks, beginning with the model in DIR/model each; null: in one process without any. */
export async function trainOnRanks(dir: string, { ranks, ...options }: RankedOptions): Promise<RankedResult[]> {
  if (ranks === 0) return [await trainAs(dir, null, options)];
  const transports = await openLocal(ranks, { timeout: 60 });
  return await Promise.all(transports.map((transport) => trainAs(dir, transport, options)));
}

async function trainAs(
  dir: string,
  transport: Distribution["transport"],
  { keys, rows, shards, gradientDtype = "float32" }: Omit<RankedOptions, "ranks">,
): Promise<RankedResult> {
  using commands = new Commands(device);
  const settings = await settingsOf({ ...keys, training: { per_device_train_batch_size: 2, ...keys.training } });
  const model: AnyModel = await loadModel(device, `${dir}/model`);
  const adapter = settings.lora && createAdapter(device, model.config, {
    settings: settings.lora,
    base: null,
    init: "uniform",
    seed: 3,
    iteration: 0,
  });
  const policy: AnyModel = adapter ? { ...model, adapter } : model;
  const own = await loadModel(device, `${dir}/model`);
  const trainer = await RowTrainer.create(commands, {
    model: policy,
    data: rows,
    settings,
    reference: settings.noise === "none" ? null : parametersOf(own.weights, { adapter: null }),
    logps: ({ steps: _, ...request }) => referenceLogps(commands, { ...request, scorer: own }),
    distribution: { shards, gradientDtype, transport },
  });
  try {
    const metrics: StepMetrics[] = [];
    while (trainer.done < trainer.order.steps) {
      await trainer.advance();
      metrics.push(...await trainer.read());
    }
    await trainer.shareRejectedLogps();
    const buffers = trainer.stateBuffers;
    const state: Record<string, Uint8Array> = {};
    if (transport && transport.rank > 0) await giveState(device, transport, buffers);
    else {
      const reader = (transport ? rankedState(device, transport) : ownState(device)).open(buffers);
      for (const name of Object.keys(buffers)) {
        const pieces = await Array.fromAsync(reader.next(), (piece) => piece.slice());
        state[name] = new Uint8Array(await new Blob(pieces).arrayBuffer());
      }
      await reader.close();
    }
    return { metrics, state, sent: transport?.counters.sent ?? 0 };
  } finally {
    trainer.free();
    freeModel(policy);
    own.weights.free();
  }
}
