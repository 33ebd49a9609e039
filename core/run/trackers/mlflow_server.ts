/** Logs to an MLflow tracking server, in the background: no step waits for it. @module */
import type { MlflowClient, MlflowMetric } from "../../server/mlflow_client.ts";
import { MLFLOW_STATUS, mlflowParams, mlflowTags } from "./flat_config.ts";
import type { Point, RunStatus, TrackedRun, Tracker } from "./tracker.ts";

/** What MLflow takes in one call. */
const [METRICS_A_CALL, PARAMS_A_CALL] = [1000, 100];

/** The most points that wait. The file of points keeps what is dropped; the next stage sends it. */
const MAX_WAITING = 10_000;

/** The longest wait for what is left at a run's end, in milliseconds. */
const CLOSING_MILLISECONDS = 20_000;

/** What the run's folder keeps of a run on a server. */
export interface ServerRun {
  get(): string | undefined;
  set(run: string): Promise<void>;
}

/** A run on a tracking server. */
export class MlflowServer implements Tracker {
  readonly name = "mlflow";
  readonly #client: MlflowClient;
  readonly #run: TrackedRun;
  readonly #kept: ServerRun;
  readonly #onFailure: (error: unknown) => void;
  #id: string | null = null;
  #waiting: Point[] = [];
  /** What is to be there instead of what waits. */
  #anew: Point[] | null = null;
  #most = MAX_WAITING;
  /** By the tag that tells a kind of points, what the server has of it. */
  #there = new Map<string, Set<string>>();
  #sending: Promise<void> = Promise.resolve();
  #isSending = false;
  #hasFailed = false;

  /** The run on the client's server. Failures while sending go to `onFailure`; each `begin()` tries again. */
  constructor(
    run: TrackedRun,
    { client, kept, onFailure }: { client: MlflowClient; kept: ServerRun; onFailure: (error: unknown) => void },
  ) {
    this.#run = run;
    this.#client = client;
    this.#kept = kept;
    this.#onFailure = onFailure;
  }

  begin(points: readonly Point[]): Promise<void> {
    this.#hasFailed = false;
    this.#anew = [...points];
    this.#most = points.length + MAX_WAITING;
    this.#send();
    return Promise.resolve();
  }

  add(point: Point): Promise<void> {
    if (this.#hasFailed) return Promise.resolve();
    const waiting = this.#anew ?? this.#waiting;
    if (waiting.length >= this.#most) {
      this.#fail();
      throw new Error(`${MAX_WAITING} lines wait for the server, which is too slow`);
    }
    waiting.push(point);
    this.#send();
    return Promise.resolve();
  }

  async end(status: RunStatus): Promise<void> {
    const closing = async (): Promise<void> => {
      while (this.#isSending) await this.#sending;
      if (this.#hasFailed) return;
      await this.#client.updateRun(await this.#open(), { status: MLFLOW_STATUS[status].word, end: Date.now() });
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`the last lines were not taken within ${CLOSING_MILLISECONDS / 1000} s`);
      timer = setTimeout(() => reject(error), CLOSING_MILLISECONDS);
    });
    try {
      await Promise.race([closing(), late]);
    } finally {
      clearTimeout(timer);
      this.#fail();
      this.#client.close();
      await this.#sending;
    }
  }

  /** Nothing more is sent, until a stage begins. */
  #fail(): void {
    this.#hasFailed = true;
    this.#waiting = [];
    this.#anew = null;
  }

  /** Sends what waits, one call at a time, until nothing does. */
  #send(): void {
    if (this.#isSending || this.#hasFailed) return;
    this.#isSending = true;
    this.#sending = this.#sendAll().catch((error) => {
      // What was given up is not told again.
      if (!this.#hasFailed) this.#onFailure(error);
      this.#fail();
    }).finally(() => {
      this.#isSending = false;
      if (this.#anew !== null || this.#waiting.length > 0) this.#send();
    });
  }

  async #sendAll(): Promise<void> {
    const id = await this.#open();
    while (this.#anew !== null || this.#waiting.length > 0) {
      if (this.#anew !== null) {
        this.#waiting = this.#anew;
        this.#anew = null;
        this.#there = new Map();
      }
      const waiting = this.#waiting;
      const metrics: MlflowMetric[] = [];
      let taken = 0;
      for (const point of waiting) {
        const own = await this.#isThere(id, point) ? [] : metricsOf(point);
        if (taken > 0 && metrics.length + own.length > METRICS_A_CALL) break;
        metrics.push(...own);
        taken++;
      }
      if (this.#anew !== null || this.#hasFailed) continue;
      waiting.splice(0, taken);
      if (metrics.length > 0) await this.#client.logBatch(id, { metrics });
    }
  }

  /** Whether the server has the point: a run that goes on computes again what it had logged, to the same numbers. */
  async #isThere(id: string, { values, x }: Point): Promise<boolean> {
    const [first] = Object.entries(values);
    if (first === undefined) return true;
    const [tag, value] = first;
    let found = this.#there.get(tag);
    if (found === undefined) {
      const history = await this.#client.history(id, tag);
      this.#there.set(tag, found = new Set(history.map(({ step, value }) => `${step} ${value}`)));
    }
    return found.has(`${x} ${value}`);
  }

  /** The run's id at the server, where it is made if it is not there. */
  async #open(): Promise<string> {
    if (this.#id !== null) return this.#id;
    const kept = this.#kept.get();
    if (kept !== undefined && await this.#client.hasRun(kept)) {
      await this.#client.updateRun(kept, { status: MLFLOW_STATUS.running.word, end: null });
      return this.#id = kept;
    }
    const experiment = await this.#client.experiment(this.#run.project);
    const { name, created: start, config } = this.#run;
    const id = await this.#client.createRun({ experiment, name, start, tags: mlflowTags(this.#run) });
    await this.#kept.set(id);
    const params = mlflowParams(config);
    for (let at = 0; at < params.length; at += PARAMS_A_CALL) {
      await this.#client.logBatch(id, { params: params.slice(at, at + PARAMS_A_CALL) });
    }
    return this.#id = id;
  }
}

function metricsOf({ at, x, values }: Point): MlflowMetric[] {
  return Object.entries(values).map(([key, value]) => ({ key, value, timestamp: at, step: x }));
}
