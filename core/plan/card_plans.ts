/** On which cards a run fits, and what to change where it does not. @module */
import { usualGpu } from "../../kernels/device/usual_gpu.ts";
import type { ResolvedConfig } from "../config/config.ts";
import {
  batchSizes,
  changes,
  firstThatFits,
  halvesOf,
  lighterBases,
  lighterSegments,
  type MemorySettings,
} from "./lighter_settings.ts";
import { openPlan } from "./open_plan.ts";
import { type PlanOptions, planSteps, sumUp } from "./plan_run.ts";
import type { RunPlan } from "./plan_types.ts";
import { Planner, type SharedPlans } from "./planner.ts";

/** Memory of the cards that are looked at, in GB. */
export const CARDS: readonly number[] = [8, 12, 16, 24, 48, 80];

/** The share of a card's memory that a run may use: drivers refuse the last of it, as Deno does above 97 %. */
export const USABLE_SHARE = 0.97;

/** A run on a card. */
export interface CardPlan {
  /** Memory of the card in GB, that is 10⁹ bytes. */
  gigabytes: number;
  /** Bytes of it that may be used. */
  memory: number;
  /** What to change so that the run fits, as `--set` takes it: empty if it fits as it is; null if nothing was found. */
  set: string[] | null;
  /** Bytes that the run takes then, at most; null if nothing was found. */
  bytes: number | null;
}

/**
 * Plans a run for cards of usual sizes with the limits of a usual GPU, whatever this machine has; nothing is measured.
 * For each card the change is named that costs least: layers computed again and fewer rows sampled at a time, which
 * take time alone, then where only adapters are trained a base in int8 and in int4, and then smaller micro-batches for
 * the same optimizer batch. Throws UserError as the run would.
 *
 * @example
 * ```ts
 * import { loadConfig, planCards } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const { cards } = await planCards(await loadConfig("examples/quickstart/config.yaml"));
 * assert.deepEqual(cards.map(({ gigabytes, set }) => [gigabytes, set]).at(0), [8, []]);
 * ```
 */
export async function planCards(
  config: ResolvedConfig,
  { cards = CARDS, ...told }: { cards?: readonly number[] } & Pick<PlanOptions, "onProgress" | "onNote"> = {},
): Promise<{ plan: RunPlan; cards: CardPlan[] }> {
  const opened = await openPlan(config, told);
  const device = usualGpu({ matrices: config.training.precision !== "float32" });
  const shared: SharedPlans = { rows: new Map(), known: new Map() };
  const plannerOf = async (changed: ResolvedConfig): Promise<Planner> => {
    const planner = new Planner({ ...opened, device, memory: Infinity, isThorough: false, shared });
    await planSteps(planner, opened.stepsOf(changed));
    return planner;
  };
  const plan = await sumUp(await plannerOf(config), { config, opened, time: null });
  /** Bytes of optimize, and of the stages beside it; Infinity where the limits do not allow it. */
  const bytesOf = async (settings: MemorySettings): Promise<{ optimize: number; others: number; all: number }> => {
    const { quantization, training, generation } = settings;
    const { stages } = await plannerOf({
      ...config,
      quantization,
      training: { ...config.training, ...training },
      generation: { ...config.generation, ...generation },
    });
    const most = { optimize: 0, others: 0 };
    for (const { stage, bytes } of stages.sums(null)) {
      const key = stage === "optimize" ? stage : "others";
      most[key] = Math.max(most[key], bytes ?? Infinity);
    }
    return { ...most, all: Math.max(most.optimize, most.others) };
  };
  const segments = lighterSegments(device, opened.folder.config, config.training.gradient_checkpointing);
  const bases = lighterBases(config.quantization, { isFrozen: config.lora !== undefined, folder: opened.folder });
  const search = async (memory: number): Promise<Pick<CardPlan, "set" | "bytes">> => {
    for (const batch of batchSizes(config.training)) {
      for (const quantization of bases) {
        const settingsOf = (batch_size: number, gradient_checkpointing: boolean | number): MemorySettings => ({
          quantization,
          training: { ...batch, gradient_checkpointing },
          generation: { ...config.generation, batch_size },
        });
        const slots = await firstSlots(halvesOf(config.generation.batch_size), async (count) => {
          const { optimize, others } = await bytesOf(settingsOf(count, segments.at(-1)!));
          return optimize > memory ? "never" : others <= memory;
        });
        if (slots === null) continue;
        const found = await firstThatFits(segments.map((segment) => settingsOf(slots, segment)), {
          memory,
          bytesOf: async (settings) => (await bytesOf(settings)).all,
        });
        if (found) return { set: changes(config, found.item), bytes: found.bytes };
      }
    }
    return { set: null, bytes: null };
  };
  const planned: CardPlan[] = [];
  for (const gigabytes of cards) {
    const memory = Math.floor(gigabytes * 1e9 * USABLE_SHARE);
    planned.push({ gigabytes, memory, ...await search(memory) });
  }
  return { plan, cards: planned };
}

/** The first count with which the stages beside optimize fit; null if there is none, or more counts cannot help. */
async function firstSlots(
  counts: readonly number[],
  fits: (count: number) => Promise<boolean | "never">,
): Promise<number | null> {
  for (const count of counts) {
    const answer = await fits(count);
    if (answer === "never") return null;
    if (answer) return count;
  }
  return null;
}
