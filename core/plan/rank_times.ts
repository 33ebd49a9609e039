/** How long a step takes on several ranks: a model, of which some numbers are measured. @module */
import type { StepExchange } from "./rank_exchange.ts";
import type { RankLoads } from "./rank_loads.ts";
import type { StagingSpeed } from "./staging_speed.ts";

/** Seconds until a message is there, whatever its size: that of TCP between machines of one network. */
export const MESSAGE_SECONDS = 50e-6;

/** Where a step's time goes, in seconds, of the rank that takes the longest. */
export interface StepTimes {
  /** The work of its rows. */
  compute: number;
  /** Copies between device and process, and sums. */
  staging: number;
  /** What is sent, and the messages' way. */
  wire: number;
}

/** Seconds of what is sent in a step over a link of `bits` bits per second, both ways at once. */
export function wireSeconds(
  { sent, collectives }: Pick<StepExchange, "sent" | "collectives">,
  { ranks, bits }: { ranks: number; bits: number },
): number {
  return 8 * sent / bits + collectives * Math.log2(ranks) * MESSAGE_SECONDS;
}

/** Seconds of copies and sums. */
export function stagingSeconds({ down, up, added }: StepExchange, speed: StagingSpeed): number {
  return down / speed.down + up / speed.up + added / speed.sum;
}

/** A step on several ranks, none of it at the same time as another part; `alone` are the seconds of one process. */
export function stepTimes(
  exchange: StepExchange,
  { ranks, bits, alone, loads, staging }: {
    ranks: number;
    bits: number;
    alone: number;
    loads: RankLoads;
    staging: StagingSpeed;
  },
): StepTimes {
  return {
    compute: alone * (loads.heaviest / loads.tokens),
    staging: stagingSeconds(exchange, staging),
    wire: wireSeconds(exchange, { ranks, bits }),
  };
}

/** The share of the ranks' time that one process would need. */
export function efficiencyOf(
  { compute, staging, wire }: StepTimes,
  { ranks, alone }: { ranks: number; alone: number },
): number {
  return alone / (ranks * (compute + staging + wire));
}
