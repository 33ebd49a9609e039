/** Logs to Trackio: the tables of its public schema that hold runs, in a SQLite file per project. @module */
import type { DatabaseSync } from "node:sqlite";
import { makeFolder } from "../../files/atomic.ts";
import { dirname, join } from "../../files/path.ts";
import type { Point, TrackedRun, Tracker } from "./tracker.ts";

/** The most milliseconds that a write waits for another program's. */
const BUSY_MILLISECONDS = 2000;

/** As Trackio makes them; it adds its other tables when it opens the file. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
    step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT
  );
  CREATE TABLE IF NOT EXISTS configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL, config TEXT NOT NULL,
    created_at TEXT NOT NULL, UNIQUE(run_id)
  );
  CREATE TABLE IF NOT EXISTS system_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL,
    metrics TEXT NOT NULL, log_id TEXT, space_id TEXT
  );
  CREATE INDEX IF NOT EXISTS idx_metrics_run_step ON metrics(run_id, step);
  CREATE INDEX IF NOT EXISTS idx_metrics_run_timestamp ON metrics(run_id, timestamp);
  CREATE INDEX IF NOT EXISTS idx_configs_run_name ON configs(run_name);
`;

/** The path of a project's file in Trackio's folder: of its name, letters, digits, `-` and `_` count. */
export function trackioPath(folder: string, project: string): string {
  return join(folder, `${project.replace(/[^\p{L}\p{N}_-]/gu, "") || "default"}.db`);
}

/** A run in Trackio's folder, which `trackio show` reads where TRACKIO_DIR names it. */
export class TrackioDatabase implements Tracker {
  readonly name = "trackio";
  readonly #run: TrackedRun;
  readonly #path: string;

  /** The run in `folder`; nothing is written yet. */
  constructor(run: TrackedRun, folder: string) {
    this.#run = run;
    this.#path = trackioPath(folder, run.project);
  }

  async begin(points: readonly Point[]): Promise<void> {
    await makeFolder(dirname(this.#path));
    const { id, name, created, config, tags } = this.#run;
    await this.#write((database) => {
      database.exec(TABLES);
      for (const table of ["metrics", "configs"]) database.prepare(`DELETE FROM ${table} WHERE run_id = ?`).run(id);
      // Trackio's own entries begin with `_`.
      const text = JSON.stringify({ ...config, ...tags, _Created: timeText(created) });
      database.prepare("INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)")
        .run(id, name, text, timeText(created));
      this.#insert(database, points);
    });
  }

  async add(point: Point): Promise<void> {
    await this.#write((database) => this.#insert(database, [point]));
  }

  end(): Promise<void> {
    // Its tables do not say how a run ended.
    return Promise.resolve();
  }

  #insert(database: DatabaseSync, points: readonly Point[]): void {
    const { id, name } = this.#run;
    const insert = database.prepare(
      "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)",
    );
    for (const { at, x, values } of points) insert.run(id, timeText(at), name, x, JSON.stringify(values));
  }

  /** Runs `work` as one transaction. The file is opened for it alone, as it may be moved or deleted in between. */
  async #write(work: (database: DatabaseSync) => void): Promise<void> {
    // Loaded here, as few runs need it.
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(this.#path, { timeout: BUSY_MILLISECONDS });
    try {
      database.exec("BEGIN IMMEDIATE");
      work(database);
      database.exec("COMMIT");
    } finally {
      // What was begun and not committed is undone.
      database.close();
    }
  }
}

/** A time as Trackio writes it, in UTC. */
function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace("Z", "+00:00");
}
