/** The commands that run what a config says: names, arguments, options and help. @module */
import type { CommandEntry, OptionEntry, Values } from "../command_entry.ts";
import { loadCommand } from "../load_command.ts";
import { configFile, dtype, force, json, noVerifier, quiet, readRunOptions, type RunOptions, set } from "../options.ts";

interface RunEntry extends Pick<CommandEntry, "name" | "summary" | "description" | "examples"> {
  config: "required" | "optional";
  /** Options besides those that all such commands have. */
  options?: readonly OptionEntry[];
  load: () => Promise<(options: RunOptions & Values) => Promise<number>>;
  /** Whether it works on several ranks (default false). */
  ranks?: true;
}

/** A command that runs what a config says. */
function runEntry({ config, load, options: own = [], ranks, ...entry }: RunEntry): CommandEntry {
  const optionsOf = (argument: string | undefined, values: Values): RunOptions & Values => ({
    ...values,
    ...readRunOptions(argument, values),
  });
  return {
    ...entry,
    argument: config === "required" ? { ...configFile, summary: "YAML file", required: true } : configFile,
    options: [...own, set, dtype, force, noVerifier, quiet],
    run: async (argument, values) => (await load())(optionsOf(argument, values)),
    ...(ranks && {
      runOnRanks: async (argument, values) => {
        const [command, { onRanks }] = [await load(), await loadCommand("on_ranks")];
        return await onRanks(optionsOf(argument, values), (options) => command({ ...values, ...options }));
      },
    }),
  };
}

/** `dnpo train`. */
export const train: CommandEntry = runEntry({
  name: "train",
  summary: "run all iterations: generate, label, optimize, evaluate",
  description: "Runs all iterations of a config, each in OUTPUT_DIR/iteration-K/. A run that was stopped goes on " +
    "where it was when the same command is given again.",
  config: "optional",
  examples: [
    ["dnpo train", "the quick start, in runs/quickstart/"],
    ["dnpo train config.yaml", "all iterations of a config"],
    ["dnpo train config.yaml --set iterations=2 --set training.beta=0.05", "the same with two keys changed"],
  ],
  load: async () => (await loadCommand("train")).train,
  ranks: true,
});

/** `dnpo sft`. */
export const sft: CommandEntry = runEntry({
  name: "sft",
  summary: "fine-tune on human responses",
  description: "Trains cross-entropy on the human responses of data.train, and leaves OUTPUT_DIR/model/.",
  config: "required",
  examples: [["dnpo sft config.yaml --set output_dir=runs/sft", "a model to start iterating from"]],
  load: async () => (await loadCommand("sft")).sft,
  ranks: true,
});

/** `dnpo generate`. */
export const generate: CommandEntry = runEntry({
  name: "generate",
  summary: "sample a response to every prompt",
  description: "Samples a response to every prompt of data.train with the model, and writes responses.jsonl.",
  config: "required",
  examples: [["dnpo generate config.yaml --set generation.temperature=0", "greedy responses"]],
  load: async () => (await loadCommand("generate")).generate,
  ranks: true,
});

/** `dnpo label`. */
export const label: CommandEntry = runEntry({
  name: "label",
  summary: "judge responses into chosen and rejected",
  description: "Judges each generated response against the human one, and makes pairs.jsonl of responses.jsonl.",
  config: "required",
  options: [{
    flags: "--dry-run",
    summary: "print the first requests to a judging model and their number; send nothing",
  }],
  examples: [
    ["dnpo label config.yaml --dry-run", "what a judging model would be asked"],
    ["dnpo label config.yaml", "pairs of the responses that generate has written"],
  ],
  load: async () => (await loadCommand("label")).label,
  ranks: true,
});

/** `dnpo optimize`. */
export const optimize: CommandEntry = runEntry({
  name: "optimize",
  summary: "train the model on pairs",
  description: "Optimizes the model on the pairs of the file that `pairs` names. Leaves OUTPUT_DIR/model/, " +
    "OUTPUT_DIR/noise.safetensors where there is noise, and OUTPUT_DIR/metrics.jsonl.",
  config: "required",
  examples: [["dnpo optimize config.yaml --set pairs=pairs.jsonl --set noise=none", "without noise"]],
  load: async () => (await loadCommand("optimize")).optimize,
  ranks: true,
});

/** `dnpo sweep`. */
export const sweep: CommandEntry = {
  name: "sweep",
  summary: "run a config with several settings and seeds, and compare",
  description:
    "Runs `train` with every combination of the values of --vary, each with every seed, one after the other, " +
    "and prints one table with means and standard errors. The same command goes on with a sweep that was stopped; " +
    "finished runs are only read.",
  argument: { ...configFile, summary: "YAML file", required: true },
  options: [
    { flags: "--vary <key=values>", summary: "values of a key, with commas between; may be repeated", repeat: true },
    {
      flags: "--seeds <seeds>",
      summary: "5: seeds 1 to 5; 7,8: those; of training and sampling (default: the config's)",
    },
    {
      flags: "-o, --output <dir>",
      summary: "folder of the runs (default: the config's output_dir with -sweep)",
      path: "folder",
    },
    { flags: "--all", summary: "show every iteration, and not the last alone" },
    json,
    set,
    dtype,
    force,
    noVerifier,
    quiet,
  ],
  examples: [
    ["dnpo sweep config.yaml --vary training.beta=0.05,0.1 --seeds 5", "two settings, five seeds each: ten runs"],
    [
      "dnpo sweep config.yaml --vary noise=none,{} --vary labels.judge=human,verifier",
      "four settings, with the config's seeds",
    ],
  ],
  run: async (argument, values) => (await loadCommand("sweep")).sweep(argument!, values),
};
