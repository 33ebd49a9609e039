/**
 * The points of a run's curves, in tracking.jsonl: what trackers were or are to be given, each line with its time. A
 * tracker's own place follows from it, so that a run which goes on neither doubles nor loses a point.
 *
 * @module
 */
import { LineLog, type MetricsLine, readLines } from "../../files/json_lines.ts";
import { runPaths } from "../run_paths.ts";
import type { Point } from "./tracker.ts";

/** The line of a point: stage, iteration and step as metrics.jsonl has them, its time, and its numbers by tag. */
export interface TrackedLine {
  stage: string;
  iteration: number;
  /** Of optimizer steps. */
  step?: number;
  values: Readonly<Record<string, number>>;
}

/** The points of the run in a folder. */
export class TrackedPoints {
  readonly #log: LineLog;
  /** By iteration, the optimizer steps of those before. */
  readonly #before: (iteration: number) => number;

  private constructor(log: LineLog, before: (iteration: number) => number) {
    this.#log = log;
    this.#before = before;
  }

  /** Opens the points for appending, and drops those of lines that `keep` refuses. Throws a UserError. */
  static async open(
    folder: string,
    keep: (line: MetricsLine) => boolean,
  ): Promise<{ opened: TrackedPoints; points: Point[] }> {
    const { trackingPoints: path, metrics } = runPaths(folder);
    const steps = new Map<number, number>();
    // An iteration's last step is logged, whatever training.logging_steps is.
    for (const { line: { iteration, step } } of (await readLines(metrics)).lines) {
      if (typeof step === "number") steps.set(Number(iteration), Math.max(step, steps.get(Number(iteration)) ?? 0));
    }
    const before = (iteration: number): number =>
      [...steps].reduce((sum, [other, count]) => other < iteration ? sum + count : sum, 0);
    const opened = new TrackedPoints(await LineLog.open(path, keep), before);
    const { lines } = await readLines(path);
    return { opened, points: lines.map(({ line }) => opened.#point(line)) };
  }

  /** Appends a point, logged now, and returns it. Throws a UserError if it cannot be written. */
  async append({ stage, iteration, step, values }: TrackedLine): Promise<Point> {
    const line = { iteration, ...(step === undefined ? { stage } : { step }), at: Date.now(), ...finite(values) };
    await this.#log.append(line);
    return this.#point(line);
  }

  #point({ at, iteration, step, stage, ...values }: MetricsLine): Point {
    const k = Number(iteration);
    const isStep = step !== undefined;
    // An evaluation is that of the model after the iteration.
    const x = isStep ? this.#before(k) + Number(step) : stage === "evaluate" ? k + 1 : k;
    return { at: Number(at), iteration: k, isStep, x, values: finite(values) };
  }
}

/** The values that are finite numbers: JSON has no others. */
function finite(values: Readonly<Record<string, unknown>>): Record<string, number> {
  const entries = Object.entries(values).filter(([, value]) => typeof value === "number" && Number.isFinite(value));
  return Object.fromEntries(entries) as Record<string, number>;
}
