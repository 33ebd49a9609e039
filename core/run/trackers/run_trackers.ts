/** The trackers of a run: opened from its config, given its points, and never in the way of its training. @module */
import type { ResolvedConfig } from "../../config/config_types.ts";
import { StoppedError } from "../../error.ts";
import { fromFileUrl } from "../../files/file_url.ts";
import { exists } from "../../files/io.ts";
import type { MetricsLine } from "../../files/json_lines.ts";
import { join } from "../../files/path.ts";
import { WARNING } from "../../progress.ts";
import { safeLine } from "../../safe_text.ts";
import { MlflowClient, mlflowLogin } from "../../server/mlflow_client.ts";
import { runPaths } from "../run_paths.ts";
import { MlflowFolder } from "./mlflow_folder.ts";
import { MlflowServer } from "./mlflow_server.ts";
import { type TrackedLine, TrackedPoints } from "./tracked_points.ts";
import { RunIdentity, trackedRun } from "./tracked_run.ts";
import type { RunStatus, TrackedRun, Tracker, TrackerName } from "./tracker.ts";
import { TrackioDatabase } from "./trackio_database.ts";
import { WandbRun } from "./wandb_run.ts";

const NAMES: readonly TrackerName[] = ["wandb", "mlflow", "trackio"];

/** What fails where the points themselves cannot be kept. */
const ALL = "trackers";

/** The trackers that a config names. None of the methods throws: a failure is a warning, once for each tracker. */
export class RunTrackers {
  readonly #config: ResolvedConfig;
  readonly #onNote: (line: string) => void;
  /** Null until the first point or stage: a run that has nothing to do writes nothing. */
  #trackers: Tracker[] | null = null;
  #points: TrackedPoints | null = null;
  /** Those that failed since the stage began: a file may end in the middle of a record. */
  readonly #failed = new Set<Tracker>();
  readonly #told = new Set<string>();

  /** Opens nothing yet. */
  constructor(config: ResolvedConfig, onNote: (line: string) => void) {
    this.#config = config;
    this.#onNote = onNote;
  }

  /** Goes on where a stage begins: of the points that were logged, those of lines that `keep` refuses are dropped. */
  async goOn(keep: (line: MetricsLine) => boolean): Promise<void> {
    if (this.#names().length === 0) return;
    await this.guard(ALL, async () => {
      this.#failed.clear();
      const { opened, points } = await TrackedPoints.open(this.#config.output_dir, keep);
      this.#points = opened;
      this.#trackers ??= await this.#open();
      await this.#each((tracker) => tracker.begin(points));
    });
  }

  /** Adds a point. */
  async add(line: TrackedLine): Promise<void> {
    if (this.#names().length === 0) return;
    if (this.#points === null) await this.goOn(() => true);
    await this.guard(ALL, async () => {
      const point = await this.#points?.append(line);
      if (point) await this.#each((tracker) => tracker.add(point));
    });
  }

  /** Whether the run has logged an evaluation of an iteration's model (−1: the start) to trackers. */
  async hasEvaluation(iteration: number): Promise<boolean> {
    if (this.#names().length === 0) return false;
    let has = false;
    // It drops nothing; it only looks.
    const look = (line: MetricsLine): boolean => {
      has ||= line.stage === "evaluate" && line.iteration === iteration;
      return true;
    };
    await this.guard(ALL, () => TrackedPoints.open(this.#config.output_dir, look));
    return has;
  }

  /** Drops the evaluations: the models are evaluated again. */
  async dropEvaluations(): Promise<void> {
    const { trackingPoints } = runPaths(this.#config.output_dir);
    if (!await exists(trackingPoints)) return;
    const keep = (line: MetricsLine): boolean => line.stage !== "evaluate";
    if (this.#names().length > 0) return await this.goOn(keep);
    await this.guard(ALL, () => TrackedPoints.open(this.#config.output_dir, keep));
  }

  /** Does the work of the tracker of this name; undefined where it fails, which is noted the first time. */
  async guard<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#tell(name, error);
      return undefined;
    }
  }

  /** Does the work, and tells the trackers how it ended. */
  async follow<T>(work: () => Promise<T>): Promise<T> {
    const end = async (status: Exclude<RunStatus, "running">): Promise<void> => {
      await this.#each((tracker) => tracker.end(status));
      this.#trackers = null;
      this.#points = null;
    };
    try {
      const result = await work();
      await end("finished");
      return result;
    } catch (error) {
      await end(error instanceof StoppedError ? "stopped" : "failed");
      throw error;
    }
  }

  #names(): TrackerName[] {
    const { report_to: names } = this.#config.training;
    return NAMES.filter((name) => names.includes(name));
  }

  async #open(): Promise<Tracker[]> {
    const { output_dir: folder } = this.#config;
    const identity = await RunIdentity.open(folder);
    const run = await trackedRun(this.#config, identity);
    return this.#names().map((name) => {
      if (name === "wandb") return new WandbRun(run, join(folder, "wandb"));
      if (name === "trackio") return new TrackioDatabase(run, join(folder, "trackio"));
      return this.#openMlflow(run, identity);
    });
  }

  #openMlflow(run: TrackedRun, identity: RunIdentity): Tracker {
    const { output_dir: folder, training: { mlflow_tracking_uri: uri = join(folder, "mlruns") } } = this.#config;
    if (!/^https?:/i.test(uri)) {
      return new MlflowFolder(run, /^file:/i.test(uri) ? fromFileUrl(new URL(uri)) : uri);
    }
    return new MlflowServer(run, {
      client: new MlflowClient(uri, mlflowLogin()),
      kept: { get: () => identity.on(uri), set: (id) => identity.keep(uri, id) },
      onFailure: (error) => this.#tell("mlflow", error),
    });
  }

  /** Runs `work` for each tracker; one that fails is left out until the next stage. */
  async #each(work: (tracker: Tracker) => Promise<void>): Promise<void> {
    for (const tracker of this.#trackers ?? []) {
      if (this.#failed.has(tracker)) continue;
      this.#failed.add(tracker);
      await this.guard(tracker.name, async () => {
        await work(tracker);
        this.#failed.delete(tracker);
      });
    }
  }

  #tell(name: string, error: unknown): void {
    if (this.#told.has(name)) return;
    this.#told.add(name);
    const why = safeLine(error instanceof Error ? error.message : String(error));
    this.#onNote(`${WARNING}Cannot log to ${name}: ${why}; the run goes on without it, and its later stages try again`);
  }
}
