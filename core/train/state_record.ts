/** The record that a resume state keeps besides the buffers, and its parser. @module */
import { isKnownModel, type KnownModel } from "../checkpoint/folder_identity.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import type { StepMetrics } from "./step_metrics.ts";

/** The settings and data of the stage. A stage that goes on from the state must have the same. */
export type Origin = Pick<IterationConfig, "iteration" | "model" | "training" | "lora" | "noise"> & {
  /** Absent if it is `none`. */
  quantization?: IterationConfig["quantization"];
  /** Absent if there is one shard. */
  distributed?: Pick<IterationConfig["distributed"], "shards" | "gradient_dtype">;
  data: string;
  /** The model that the stage began with; absent in a state that was saved before states were sealed. */
  begun?: KnownModel;
};

/** The progress of a stage. */
export interface StateRecord {
  /** Optimizer steps that are done. */
  step: number;
  /** Tokens of these steps. */
  tokens: number;
  /** Numbers of the steps since the last logged one. */
  pending: StepMetrics[];
  /** The last logged line's numbers. */
  last: StepMetrics;
  origin: Origin;
}

/** Parses the record of the file at `path`, which is named after `step`. Throws a UserError if it is malformed. */
export function parseRecord(text: string, { path, step }: { path: string; step: number }): StateRecord {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    throw new UserError(`Cannot resume from ${path}: its record is no JSON`);
  }
  const refuse = (key: string, expected: string): never => {
    const value = isRecord(record) ? record[key] : record;
    throw new UserError(`Cannot resume from ${path}: "${key}" of its record is ${quote(value)}, expected ${expected}`);
  };
  if (!isRecord(record)) return refuse("step", "an object");
  const { tokens, pending, last, origin } = record;
  if (record.step !== step) refuse("step", `${step} as in the file's name`);
  if (!Number.isSafeInteger(tokens) || (tokens as number) < 0) refuse("tokens", "a number of tokens");
  if (!Array.isArray(pending) || !pending.every(isMetrics)) refuse("pending", "a list of numbers by name");
  if (!isMetrics(last)) refuse("last", "numbers by name");
  if (!isRecord(origin)) refuse("origin", "the settings that it was made with");
  const { begun } = origin as Record<string, unknown>;
  if (begun !== undefined && !isKnownModel(begun)) refuse("origin", "the settings and the model that it was made with");
  return {
    step,
    tokens: tokens as number,
    pending: (pending as Written[]).map(withNaN),
    last: withNaN(last as Written),
    origin: origin as unknown as Origin,
  };
}

/** Numbers as JSON writes them: a NaN (of a step that was skipped) is null. */
type Written = Readonly<Record<string, number | null>>;

function isMetrics(value: unknown): value is Written {
  return isRecord(value) && Object.values(value).every((item) => item === null || typeof item === "number");
}

function withNaN(metrics: Written): StepMetrics {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, value ?? NaN]));
}
