/** Logs to W&B: an offline run, which `wandb sync` uploads. @module */
import { makeFolder, openAppend, writeFileAtomic } from "../../files/atomic.ts";
import { dirname, join } from "../../files/path.ts";
import type { Point, RunStatus, TrackedRun, Tracker } from "./tracker.ts";
import { frameRecord, RUN_FILE_HEADER } from "./wandb_framing.ts";
import { closingRecords, historyRecord, historyValues, openingRecords, wandbId } from "./wandb_records.ts";

/** The path of a run's file in `folder`, as W&B names it; its time is UTC. */
export function wandbPath(folder: string, run: Pick<TrackedRun, "id" | "created">): string {
  const time = new Date(run.created).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "_");
  return join(folder, `offline-run-${time}-${wandbId(run)}`, `run-${wandbId(run)}.wandb`);
}

/** An offline run in a folder. Its file follows from the run and its points alone. */
export class WandbRun implements Tracker {
  readonly name = "wandb";
  readonly #run: TrackedRun;
  readonly #path: string;
  #size = 0;
  /** Records and steps of the history so far. */
  #records = 0;
  #steps = 0;
  #summary: Record<string, number> = {};

  /** The run in `folder`; nothing is written yet. */
  constructor(run: TrackedRun, folder: string) {
    this.#run = run;
    this.#path = wandbPath(folder, run);
  }

  async begin(points: readonly Point[]): Promise<void> {
    this.#steps = 0;
    this.#summary = {};
    const opening = openingRecords(this.#run);
    this.#records = opening.length;
    const parts: Uint8Array[] = [RUN_FILE_HEADER];
    this.#size = RUN_FILE_HEADER.length;
    for (const record of opening) parts.push(this.#frame(record));
    for (const point of points) parts.push(this.#history(point));
    await makeFolder(dirname(this.#path));
    await writeFileAtomic(this.#path, joined(parts));
  }

  async add(point: Point): Promise<void> {
    await this.#append([this.#history(point)]);
  }

  async end(status: RunStatus): Promise<void> {
    const seconds = Math.max(0, Date.now() - this.#run.created) / 1000;
    const records = closingRecords(this.#records + 1, { summary: this.#summary, seconds, status });
    await this.#append(records.map((record) => this.#frame(record)));
  }

  #history(point: Point): Uint8Array {
    const step = this.#steps++;
    const values = historyValues(this.#run, point, step);
    Object.assign(this.#summary, values);
    return this.#frame(historyRecord(++this.#records, { values, step }));
  }

  #frame(record: Uint8Array): Uint8Array {
    const bytes = frameRecord(record, this.#size);
    this.#size += bytes.length;
    return bytes;
  }

  async #append(parts: readonly Uint8Array[]): Promise<void> {
    using file = await openAppend(this.#path);
    await file.append(joined(parts));
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
