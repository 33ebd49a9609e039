/** Options that several commands share, and how they are read. @module */
import type { Crew } from "../core/cluster/crew.ts";
import { QUANTIZATIONS } from "../core/config/choices.ts";
import { DTYPE_NAMES } from "../core/dtype.ts";
import type { CommandEntry, OptionEntry, Values } from "./command_entry.ts";

/** Hides progress, and not what warns. */
export const quiet: OptionEntry = { flags: "-q, --quiet", summary: "show no progress, only results and warnings" };

/** Prints JSON instead of text. */
export const json: OptionEntry = { flags: "--json", summary: "print JSON, for programs" };

/** Sets keys of the config on the command line. */
export const set: OptionEntry = {
  flags: "-s, --set <key=value>",
  summary: "override a key of the config; may be repeated",
  repeat: true,
};

/** Sets the key `dtype`, which is needed so often that it has an option of its own. */
export const dtype: OptionEntry = {
  flags: "--dtype <type>",
  summary: "storage type of the model that is handed out (default: the source's)",
  choices: DTYPE_NAMES,
};

/** Sets the key `quantization`. */
export const quantization: OptionEntry = {
  flags: "--quantization <kind>",
  summary: "quantize the linear layers on loading (default: as the model has them)",
  choices: QUANTIZATIONS,
};

/** Forbids the verifier module of a config that the user does not trust. */
export const noVerifier: OptionEntry = {
  flags: "--no-verifier",
  summary: "refuse to run the verifier module that the config names",
};

/** Begins anew where a folder holds work already. */
export const force: OptionEntry = {
  flags: "--force",
  summary: "begin anew: first remove what the command has made in output_dir",
};

/** The config's file; if it is not given, the embedded quick start takes its place. */
export const configFile: NonNullable<CommandEntry["argument"]> = {
  name: "CONFIG",
  summary: "YAML file (default: the embedded quick start)",
  required: false,
  path: "file",
};

/** The arguments that `train`, `sft`, `generate`, `label` and `optimize` share. */
export interface RunOptions {
  /** Config file; undefined if `train` is to run the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given; `--dtype X` is among them as `dtype=X`. */
  set: string[];
  /** False if `--no-verifier` forbids running a verifier module. */
  verifier: boolean;
  /** Whether progress is hidden. */
  quiet: boolean;
  /** Whether what the folder holds of the work is removed first. */
  force: boolean;
  /** Whether all ranks of a job tell what they note, and not the first alone. */
  verboseRanks: boolean;
  /** The other ranks of the job (default: there are none). */
  crew?: Crew;
}

/** The overrides of {@linkcode set}, in the order given. */
export function setOf(values: Values): string[] {
  return Array.isArray(values.set) ? values.set.map(String) : [];
}

/** Reads the options that the commands with a config share. */
export function readRunOptions(config: string | undefined, values: Values): RunOptions {
  const set = setOf(values);
  if (typeof values.dtype === "string") set.push(`dtype=${values.dtype}`);
  const verifier = values.verifier !== false;
  const verboseRanks = values.verboseRanks === true;
  return { config, set, verifier, quiet: values.quiet === true, force: values.force === true, verboseRanks };
}
