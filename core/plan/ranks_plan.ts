/** What a run takes on several ranks: memory, traffic, and how much of their time is work. @module */
import type { IterationConfig } from "../config/config_types.ts";
import { orderSteps } from "../train/step_batches.ts";
import type { TrainingRows } from "../train/training_rows.ts";
import { passesOf, type StepExchange, stepExchange } from "./rank_exchange.ts";
import { type RankLoads, rankLoads } from "./rank_loads.ts";
import type { RankSettings } from "./rank_settings.ts";
import { efficiencyOf, type StepTimes, stepTimes, wireSeconds } from "./rank_times.ts";
import type { StagingSpeed } from "./staging_speed.ts";
import type { TrainedChunks } from "./trained_chunks.ts";

/** Links that are looked at where none is named, in bits per second. */
export const LINKS: readonly number[] = [1e9, 10e9, 100e9];

/** A step over a link between the ranks. */
export interface LinkPlan {
  /** Bits per second that a rank sends, and receives at the same time. */
  bits: number;
  /** Seconds on the wire. */
  wire: number;
  /** Where the time of a step goes; null if nothing was measured. */
  times: StepTimes | null;
  /** Share of the ranks' time that one process alone would need; null if nothing was measured. */
  efficiency: number | null;
}

/** The optimizer steps of the first iteration on several ranks. */
export interface RanksPlan extends RankSettings {
  /** The numbers that are trained. */
  trained: TrainedChunks;
  /** Tokens of a step and of its heaviest rank, as the rows' lengths are known. */
  loads: RankLoads;
  /** What a step exchanges. */
  exchange: StepExchange;
  /** Optimizer steps of the iteration. */
  steps: number;
  /** Bytes that a rank sends in the iteration. */
  sent: number;
  /** Seconds of a step of one process alone; null if nothing was measured. */
  alone: number | null;
  /** Rates of copies and sums that were measured; null if none was. */
  staging: StagingSpeed | null;
  /** A step by link. */
  links: LinkPlan[];
}

/** The first training of a run. */
export interface PlannedTraining {
  /** Its rows, with answers of likely lengths. */
  rows: TrainingRows;
  settings: IterationConfig;
  trained: TrainedChunks;
}

/** Plans the steps of a training on ranks. */
export function planRanks(
  { rows, settings, trained }: PlannedTraining,
  { ranks, links, measured }: {
    ranks: RankSettings;
    links: readonly number[];
    /** Seconds of all steps on one process, and the rates of copies and sums; null if nothing was measured. */
    measured: { seconds: number; staging: StagingSpeed } | null;
  },
): RanksPlan {
  const order = orderSteps(rows, settings);
  const loads = rankLoads(rows, { order, settings: ranks });
  const exchange = stepExchange(trained, { settings: ranks, passes: passesOf(settings) });
  const alone = measured && measured.seconds / order.steps;
  const size = ranks.ranks;
  return {
    ...ranks,
    trained,
    loads,
    exchange,
    steps: order.steps,
    sent: order.steps * exchange.sent,
    alone,
    staging: measured && measured.staging,
    links: links.map((bits): LinkPlan => {
      const times = measured &&
        stepTimes(exchange, { ranks: size, bits, alone: alone!, loads, staging: measured.staging });
      return {
        bits,
        wire: wireSeconds(exchange, { ranks: size, bits }),
        times,
        efficiency: times && efficiencyOf(times, { ranks: size, alone: alone! }),
      };
    }),
  };
}
