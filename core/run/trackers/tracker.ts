/** What an experiment tracker is given: a run, and points of its curves. @module */

/** How a run stands. A run that a killed process left behind stays `running` until it goes on. */
export type RunStatus = "running" | "finished" | "failed" | "stopped";

/** A run as trackers know it. */
export interface TrackedRun {
  /** 32 hexadecimal digits; the same each time the run goes on. */
  readonly id: string;
  /** When it began, in milliseconds since 1970. */
  readonly created: number;
  readonly name: string;
  readonly project: string;
  /** The config, as a tree of plain values. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What runs are searched by: method, base model, version. */
  readonly tags: Readonly<Record<string, string>>;
}

/** The numbers of one line. */
export interface Point {
  /** When it was logged, in milliseconds since 1970. */
  readonly at: number;
  readonly iteration: number;
  /** Whether it is an optimizer step's. */
  readonly isStep: boolean;
  /** The optimizer steps of all iterations so far; of other lines the iterations that its numbers follow. */
  readonly x: number;
  /** By TensorBoard's tag. All are finite. */
  readonly values: Readonly<Record<string, number>>;
}

/** A place that a run's points are logged to. Whatever goes wrong is thrown; it costs a note, and never the run. */
export interface Tracker {
  readonly name: TrackerName;
  /** Makes the place hold the run, and of its points exactly these, as far as points can be removed there. */
  begin(points: readonly Point[]): Promise<void>;
  /** Adds a point. */
  add(point: Point): Promise<void>;
  /** Says how the run ended. */
  end(status: Exclude<RunStatus, "running">): Promise<void>;
}

/** The trackers besides TensorBoard. */
export type TrackerName = "wandb" | "mlflow" | "trackio";
