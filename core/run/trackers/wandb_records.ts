/** Records of a W&B run, as wandb_internal.proto numbers their fields. @module */
import { ProtoMessage } from "../proto_message.ts";
import type { Point, RunStatus, TrackedRun } from "./tracker.ts";

/** Fields of `Record`. */
const RECORD = { num: 1, history: 2, summary: 3, metric: 12, run: 17, exit: 18 } as const;

/** What curves are drawn over. */
const [STEPS, ITERATIONS] = ["train/global_step", "iteration"];

/** The tags' groups whose x is the iteration. */
const ITERATION_GROUPS = ["generation", "labels", "eval"];

/** W&B's own limit of a tag's length. */
const TAG_LENGTH = 64;

/** The id of a run at W&B: eight characters. */
export function wandbId({ id }: Pick<TrackedRun, "id">): string {
  return id.slice(0, 8);
}

/** A record of one kind. `num` counts a file's records from 1. */
function record(num: number, field: number, message: ProtoMessage): Uint8Array<ArrayBuffer> {
  return new ProtoMessage().int(RECORD.num, num).bytes(field, message).end();
}

/** A key with its value as JSON: HistoryItem, SummaryItem and ConfigItem alike. */
function item(key: string, value: unknown): ProtoMessage {
  return new ProtoMessage().text(1, key).text(16, JSON.stringify(value));
}

/** The records that a run's file begins with: the run with its config, and what its curves are drawn over. */
export function openingRecords(run: TrackedRun): Uint8Array<ArrayBuffer>[] {
  const config = new ProtoMessage();
  for (const [key, value] of Object.entries(run.config)) config.bytes(1, item(key, value));
  const message = new ProtoMessage().text(1, wandbId(run)).text(3, run.project).bytes(4, config).text(8, run.name);
  for (const tag of Object.values(run.tags)) message.text(10, [...tag].slice(0, TAG_LENGTH).join(""));
  message.bytes(17, timestamp(run.created));
  const records = [record(1, RECORD.run, message)];
  const define = (metric: ProtoMessage): void => {
    // The option `defined`: it does not follow from a pattern or another metric's axis.
    records.push(record(records.length + 1, RECORD.metric, metric.bytes(6, new ProtoMessage().int(3, 1))));
  };
  for (const name of [STEPS!, ITERATIONS!]) define(new ProtoMessage().text(1, name));
  define(new ProtoMessage().text(2, "train/*").text(4, STEPS!));
  for (const group of ITERATION_GROUPS) define(new ProtoMessage().text(2, `${group}/*`).text(4, ITERATIONS!));
  return records;
}

/** What a point adds to the history: its numbers, and where they stand. */
export function historyValues({ created }: TrackedRun, point: Point, step: number): Record<string, number> {
  const { at, isStep, iteration, x, values } = point;
  return {
    ...values,
    ...(isStep ? { [STEPS!]: x, [ITERATIONS!]: iteration } : { [ITERATIONS!]: x }),
    _timestamp: at / 1000,
    _runtime: Math.max(0, at - created) / 1000,
    _step: step,
  };
}

/** The record of a step of the history; `step` counts them from 0. */
export function historyRecord(
  num: number,
  { values, step }: { values: Readonly<Record<string, number>>; step: number },
): Uint8Array<ArrayBuffer> {
  const message = new ProtoMessage();
  for (const [key, value] of Object.entries(values)) message.bytes(1, item(key, value));
  return record(num, RECORD.history, message.bytes(2, new ProtoMessage().int(1, step)));
}

/** The records that a file ends with: the last value of each number, and how the run ended. */
export function closingRecords(
  num: number,
  { summary, seconds, status }: {
    summary: Readonly<Record<string, number>>;
    /** How long the run took. */
    seconds: number;
    status: RunStatus;
  },
): Uint8Array<ArrayBuffer>[] {
  const last = new ProtoMessage();
  for (const [key, value] of Object.entries(summary)) last.bytes(1, item(key, value));
  const exit = new ProtoMessage().int(1, status === "finished" ? 0 : 1).int(2, Math.round(seconds));
  return [record(num, RECORD.summary, last), record(num + 1, RECORD.exit, exit)];
}

function timestamp(milliseconds: number): ProtoMessage {
  const seconds = Math.floor(milliseconds / 1000);
  return new ProtoMessage().int(1, seconds).int(2, Math.round((milliseconds - seconds * 1000) * 1e6));
}
