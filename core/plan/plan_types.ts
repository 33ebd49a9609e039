/** The types of a plan. @module */
import type { Advice } from "./advice.ts";
import type { Speed } from "./device_speed.ts";
import type { RanksPlan } from "./ranks_plan.ts";
import type { LengthSummary } from "./row_lengths.ts";

/** A stage of the run. */
export type PlannedStage = "evaluate" | "generate" | "label" | "optimize";

/** What a stage takes, summed over the iterations; the memory is that of the iteration with the most. */
export interface StagePlan {
  /** Which stage it is. */
  stage: PlannedStage;
  /** How often it runs. */
  times: number;
  /** Peak of bytes on the device; null if the device's limits do not allow the stage. */
  bytes: number | null;
  /** Bytes by part of the memory at the largest peak that the limits allow; empty if they allow none. */
  parts: Record<string, number>;
  /** Why the limits do not allow it; absent if they do. */
  problem?: string;
  /** Tokens through the model's layers, each forward pass counted once. */
  tokens: number;
  /** Floating-point operations. */
  flop: number;
  /** Estimated seconds; null if nothing was measured. */
  seconds: number | null;
}

/** What a run takes. */
export interface RunPlan {
  /** The model: its name in the config, its family, how many parameters it has, and their storage type. */
  model: { path: string; type: string; parameters: number; dtype: string };
  /** Parameters of the noise generator, 0 without noise. */
  noiseParameters: number;
  /** What was read of the data. */
  data: {
    /** Its name in the config. */
    path: string;
    /** Rows read. */
    rows: number;
    /** How many of them were tokenized; the others are taken to be alike. */
    tokenized: number;
    /** Rows to train on. */
    kept: number;
    /** Mean tokens of a prompt. */
    promptTokens: number;
    /** Mean tokens of a response, of pairs over both. */
    responseTokens: number;
    /** Tokens of a prompt with its response, of pairs with the longer one, as far as rows are kept and not cut. */
    rowTokens: LengthSummary;
    /** Malformed rows that are left out. */
    malformed: number;
    /** Rows dropped of those that were tokenized. */
    dropped: number;
    /** Responses cut of those that were tokenized. */
    cut: number;
  };
  /** Iterations of the run. */
  iterations: number;
  /** Optimizer steps of the first iteration. */
  steps: number;
  /**
   * Whether these are the most that there can be, and tokens and work of `optimize` too: pairs are made by labeling, which
   * drops those whose answers are the same.
   */
  stepsAreAtMost: boolean;
  /** What each stage takes. */
  stages: StagePlan[];
  /** Peak of bytes on the device; null if its limits do not allow a stage. */
  bytes: number | null;
  /** Tokens through the layers, summed over the stages. */
  tokens: number;
  /** Floating-point operations, summed over the stages. */
  flop: number;
  /** Estimated seconds of all stages; null if nothing was measured. */
  seconds: number | null;
  /** Rates that were measured; null if none was. */
  speed: Speed | null;
  /** What does not fit and what to change; empty if everything fits. */
  advice: Advice[];
  /**
   * Its training on several ranks; absent if none were asked for, null if the device's limits do not allow it. The bytes
   * are those of a rank then, and work and seconds those of all ranks together.
   */
  ranks?: RanksPlan | null;
  /** Work of the run that these numbers leave out, a line each: that of most judges, and of servers. */
  uncounted: string[];
}
