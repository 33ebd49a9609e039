/** What the commands are given. @module */

/** What `train`, `sft`, `generate`, `label` and `optimize` are given. */
export interface RunOptions {
  /** Config file; undefined where `train` is to run the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given; `--dtype X` is among them as `dtype=X`. */
  set: string[];
  /** False where `--no-verifier` forbids to run a verifier module. */
  verifier: boolean;
  /** Whether progress is left out. */
  quiet: boolean;
}

/** What `score` is given. */
export interface ScoreOptions {
  /** Model folder. */
  model: string;
  /** File of pairs. */
  pairs: string;
  /** Whether progress is left out. */
  quiet: boolean;
}

/** What `push` is given. */
export interface PushCommandOptions {
  /** The run's folder. */
  run: string;
  /** `org/name`. */
  repo: string;
  /** Whether nothing is sent, and what would be is shown. */
  dryRun: boolean;
  /** Whether anybody may see a repository that is made. */
  isPublic: boolean;
  /** The commit's message, if one was given. */
  message: string | undefined;
  /** The branch, if one was given. */
  revision: string | undefined;
  /** File of the model card: written by a dry run, sent instead of the run's own otherwise. */
  cardPath: string | undefined;
  /** Whether progress is left out. */
  quiet: boolean;
}

/** What `tune` is given. */
export interface TuneOptions {
  /** Bits of lavapipe's vectors to measure with, and keep where they pay; undefined: the driver's own. */
  vectorWidth: number | undefined;
  /** Whether progress is left out. */
  quiet: boolean;
}

/** What `export` is given. */
export interface ExportCommandOptions {
  /** A run's folder, or a file of pairs. */
  from: string;
  /** The file that is written. */
  output: string;
  /** Which iteration of a run; the last one with pairs where absent. */
  iteration?: number;
}

/** What `plan` is given. */
export interface PlanOptions {
  /** Config file; undefined for the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given. */
  set: string[];
  /** Bytes of the device's memory where told. */
  memory: number | undefined;
  /** Whether the device's speed is measured. */
  time: boolean;
  /** Whether it is printed as JSON. */
  json: boolean;
}

/** What `config` is given. */
export interface ConfigOptions {
  /** Config file; undefined for the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given. */
  set: string[];
  /** Print the JSON Schema instead. */
  schema: boolean;
  /** Whether it is printed as JSON. */
  json: boolean;
}

/** What `runs` is given. */
export interface RunsOptions {
  /** Folder of runs, or a run's own. */
  dir: string;
  /** Whether it is printed as JSON. */
  json: boolean;
}

/** What `doctor` is given: nothing yet needs a choice. */
export type DoctorOptions = Record<never, never>;
