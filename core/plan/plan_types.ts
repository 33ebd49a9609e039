/** The types of a plan. @module */
import type { Advice } from "./advice.ts";
import type { Speed } from "./device_speed.ts";

/** A stage of the run. */
export type PlannedStage = "evaluate" | "generate" | "label" | "optimize";

/** What a stage takes, summed over the iterations; the memory is that of the iteration with the most. */
export interface StagePlan {
  stage: PlannedStage;
  /** How often it runs. */
  times: number;
  /** Peak of bytes on the device, in all and by part; null if the device's limits do not allow the stage. */
  bytes: number | null;
  parts: Record<string, number>;
  /** Why the limits do not allow it; absent if they do. */
  problem?: string;
  /** Tokens through the model's layers, each forward pass counted once. */
  tokens: number;
  flop: number;
  /** Estimated seconds; null if nothing was measured. */
  seconds: number | null;
}

/** What a run takes. */
export interface RunPlan {
  model: { path: string; type: string; parameters: number; dtype: string };
  /** Parameters of the noise generator, 0 without noise. */
  noiseParameters: number;
  data: {
    path: string;
    /** Rows read, and how many of them were tokenized; the others are taken to be alike. */
    rows: number;
    tokenized: number;
    kept: number;
    /** Mean tokens. */
    promptTokens: number;
    responseTokens: number;
  };
  iterations: number;
  /** Optimizer steps of the first iteration. */
  steps: number;
  stages: StagePlan[];
  /** Peak of bytes on the device; null if its limits do not allow a stage. */
  bytes: number | null;
  tokens: number;
  flop: number;
  seconds: number | null;
  speed: Speed | null;
  /** What does not fit and what to change; empty if everything fits. */
  advice: Advice[];
  /** Work of the run that these numbers leave out, a line each: that of most judges, and of servers. */
  uncounted: string[];
}
