/** The commands: names, arguments, options, help, and where each one's work is loaded from. @module */
import { UserError } from "../core/error.ts";
import type { CommandEntry, OptionEntry, Values } from "./command_entry.ts";
import type { RunOptions } from "./options.ts";
import { samplingOptions } from "./sampling_options.ts";

const quiet: OptionEntry = { flags: "-q, --quiet", summary: "show no progress" };

const json: OptionEntry = { flags: "--json", summary: "print JSON, for programs" };
const set: OptionEntry = {
  flags: "-s, --set <key=value>",
  summary: "override a key of the config; may be repeated",
  repeat: true,
};

const runOptions: readonly OptionEntry[] = [
  set,
  {
    flags: "--dtype <type>",
    summary: "storage type of the model that is handed out (default: the source's)",
    choices: ["float32", "float16", "bfloat16"],
  },
  { flags: "--no-verifier", summary: "refuse to run the verifier module that the config names" },
  quiet,
];

function setOf(values: Values): string[] {
  return Array.isArray(values.set) ? values.set.map(String) : [];
}

function gibibytes(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) throw new UserError(`--memory: expected GiB such as 24, got ${JSON.stringify(value)}`);
  return Math.round(number * 2 ** 30);
}

const configArgument = {
  name: "CONFIG",
  summary: "YAML file (default: the embedded quick start)",
  required: false,
  path: "file",
} as const;

/** Reads the options that the commands with a config share. */
export function readRunOptions(config: string | undefined, values: Values): RunOptions {
  const set = setOf(values);
  if (typeof values.dtype === "string") set.push(`dtype=${values.dtype}`);
  return { config, set, verifier: values.verifier !== false, quiet: values.quiet === true };
}

/** An iteration as it was typed. Throws a UserError where it is no number. */
function readIteration(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && /^\d{1,9}$/.test(value)) return Number(value);
  throw new UserError(`--iteration: expected an integer ≥ 0, got ${JSON.stringify(value)}`);
}

interface RunEntry extends Pick<CommandEntry, "name" | "summary" | "description" | "examples"> {
  config: "required" | "optional";
  /** Options besides those that all such commands have. */
  options?: readonly OptionEntry[];
  load: () => Promise<(options: RunOptions & Values) => Promise<number>>;
}

/** A command that runs what a config says. */
function runEntry({ config, load, options: own = [], ...entry }: RunEntry): CommandEntry {
  const required = config === "required";
  const summary = required ? "YAML file" : "YAML file (default: the embedded quick start)";
  return {
    ...entry,
    argument: { name: "CONFIG", summary, required, path: "file" },
    options: [...own, ...runOptions],
    run: async (argument, values) => (await load())({ ...values, ...readRunOptions(argument, values) }),
  };
}

/** All commands, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  {
    name: "init",
    summary: "write a config, from a few questions or flags",
    description:
      "Asks a few questions (in a terminal, and only what no flag answers) and writes a commented config, with " +
      "the JSON Schema that editors check and complete it with beside it.",
    argument: { name: "FILE", summary: "file to write (default: config.yaml)", required: false, path: "file" },
    options: [
      { flags: "-m, --model <dir>", summary: "model to start from", path: "folder" },
      { flags: "-d, --data <file>", summary: "rows to train on", path: "file" },
      { flags: "--method <name>", summary: "what to run (default: dnpo)", choices: ["dnpo", "spin", "dpo", "sft"] },
      { flags: "--judge <name>", summary: "who tells chosen from rejected (default: human)" },
      { flags: "--verifier <file>", summary: "module that scores, of judge verifier", path: "file" },
      {
        flags: "--judge-model <dir>",
        summary: "model that judges: a folder or org/name; of judge llm its name there",
        path: "folder",
      },
      { flags: "--iterations <n>", summary: "how often the model is trained on its own answers (default: 3)" },
      { flags: "-o, --output <dir>", summary: "the run's folder (default: runs/NAME of NAME.yaml)", path: "folder" },
      { flags: "-f, --force", summary: "overwrite a file that is there" },
    ],
    examples: [
      ["dnpo init", "asks, and writes config.yaml"],
      ["dnpo init mine.yaml --model models/small --data rows.jsonl", "asks for the rest; without a terminal, defaults"],
    ],
    run: async (argument, values) => (await import("./commands/init_command.ts")).init(argument, values),
  },
  runEntry({
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
    load: async () => (await import("./commands/train_command.ts")).train,
  }),
  runEntry({
    name: "sft",
    summary: "fine-tune on human responses",
    description: "Trains cross-entropy on the human responses of data.train, and leaves OUTPUT_DIR/model/.",
    config: "required",
    examples: [["dnpo sft config.yaml --set output_dir=runs/sft", "a model to start iterating from"]],
    load: async () => (await import("./commands/sft_command.ts")).sft,
  }),
  runEntry({
    name: "generate",
    summary: "sample a response to every prompt",
    description: "Samples a response to every prompt of data.train with the model, and writes responses.jsonl.",
    config: "required",
    examples: [["dnpo generate config.yaml --set generation.temperature=0", "greedy responses"]],
    load: async () => (await import("./commands/generate_command.ts")).generate,
  }),
  runEntry({
    name: "label",
    summary: "judge responses into chosen and rejected",
    description: "Judges each generated response against the human one, and makes pairs.jsonl of responses.jsonl.",
    config: "required",
    options: [{
      flags: "--dry-run",
      summary: "print the first requests to a judging model and their number; send nothing",
    }],
    examples: [
      ["dnpo label config.yaml --set labels.judge=human", "the human response always chosen"],
      ["dnpo label config.yaml --dry-run", "what a judging model would be asked"],
    ],
    load: async () => (await import("./commands/label_command.ts")).label,
  }),
  runEntry({
    name: "optimize",
    summary: "train the model on pairs",
    description: "Optimizes the model on the pairs of the file that `pairs` names. Leaves OUTPUT_DIR/model/, " +
      "OUTPUT_DIR/noise.safetensors where there is noise, and OUTPUT_DIR/metrics.jsonl.",
    config: "required",
    examples: [["dnpo optimize config.yaml --set pairs=pairs.jsonl --set noise=none", "without noise"]],
    load: async () => (await import("./commands/optimize_command.ts")).optimize,
  }),
  {
    name: "score",
    summary: "print log-probabilities of pairs",
    description: 'Prints {"chosen": …, "rejected": …}, the summed log-probabilities of both responses, for each row.',
    options: [
      {
        flags: "-m, --model <dir>",
        summary: "model folder, or org/name on the hub",
        required: true,
        path: "folder",
      },
      { flags: "-p, --pairs <file>", summary: "pairs: a file, or org/name on the hub", required: true, path: "file" },
      quiet,
    ],
    examples: [["dnpo score --model runs/trial/model --pairs pairs.jsonl", "one JSON object a line"]],
    run: async (_, values) => {
      const { score } = await import("./commands/score_command.ts");
      return score({ model: String(values.model), pairs: String(values.pairs), quiet: values.quiet === true });
    },
  },
  {
    name: "compare",
    summary: "win, tie and loss of one model against another",
    description: "Lets two models answer the same prompts and a judge compare the answers: how often B wins, with " +
      "intervals and a test. The judge's other settings are keys of labels (--set labels.KEY=…).",
    argument: { name: "A", summary: "model: a folder, a run's, or org/name on the hub", required: true },
    secondArgument: { name: "B", summary: "the one that is compared with it" },
    options: [
      { flags: "-p, --prompts <file>", summary: "rows whose prompts are answered", required: true },
      { flags: "--limit <count>", summary: "rows to read at most (default: all)" },
      { flags: "-j, --judge <name>", summary: "verifier, logprob, reward-model, … (default: the config's)" },
      { flags: "--verifier <file>", summary: "module that scores, of judge verifier" },
      { flags: "--judge-model <dir>", summary: "model folder, of judges logprob and reward-model" },
      { flags: "-c, --config <file>", summary: "config whose labels, generation and data settings are taken" },
      ...samplingOptions({ temperature: "0, greedy", tokens: "256", seed: "42" }),
      { flags: "--max-length <count>", summary: "tokens of prompt and answer at most (default: the models')" },
      { flags: "-o, --output <file>", summary: "write all rows with answers, scores and outcomes, as JSON lines" },
      { flags: "--json", summary: "print the summary as JSON" },
      { flags: "-s, --set <key=value>", summary: "override a key of the config; may be repeated", repeat: true },
      { flags: "--no-verifier", summary: "refuse to run the verifier module that the config names" },
      quiet,
    ],
    examples: [
      [
        "dnpo compare models/base runs/mine --prompts heldout.jsonl --judge verifier --verifier judge.ts",
        "greedy answers",
      ],
      ["dnpo compare A B -p heldout.jsonl -j reward-model --judge-model models/reward -o rows.jsonl", "rows kept"],
    ],
    run: async (a, values, b) => (await import("./commands/compare_command.ts")).compare(a!, b!, values),
  },
  {
    name: "chat",
    summary: "talk with a model",
    description:
      "Answers what is typed, with the tokenizer's chat template; without one each line is completed. In a " +
      "pipe it reads prompts line by line and prints the answers alone.",
    options: [
      { flags: "-m, --model <dir>", summary: "model: a folder, a run's, or org/name on the hub", required: true },
      { flags: "-p, --prompt <text>", summary: "answer this and leave" },
      { flags: "--system <text>", summary: "system prompt" },
      ...samplingOptions({ temperature: "the model's own, else 0", tokens: "512", seed: "another one each time" }),
      {
        flags: "--max-length <count>",
        summary: "tokens of the conversation at most (default: what the model was made for, at most 4096)",
      },
      { flags: "--whole", summary: "read all of standard input as one prompt" },
      { flags: "--stats", summary: "tokens per second after each answer, on standard error" },
    ],
    examples: [
      ["dnpo chat --model runs/quickstart", "talk; /help lists the commands"],
      ["dnpo chat --model runs/quickstart --prompt hello --temperature 0.7", "one answer"],
    ],
    run: async (_, values) => (await import("./commands/chat_command.ts")).chat(values),
  },
  {
    name: "push",
    summary: "send a run's model to the hub, with a model card",
    description:
      "Sends the model in RUN/model to the repository REPO of the Hugging Face hub as one commit, with its " +
      "tokenizer, a model card and the run's figure. Makes the repository where it is missing, private unless --public " +
      "is given. Needs HF_TOKEN, with write access.",
    argument: { name: "RUN", summary: "the run's folder", required: true, path: "folder" },
    secondArgument: { name: "REPO", summary: "org/name" },
    options: [
      { flags: "--dry-run", summary: "send nothing: list the files with their sizes, and print the model card" },
      { flags: "--public", summary: "let anybody see a repository that is made" },
      { flags: "--message <text>", summary: "the commit's message" },
      { flags: "--revision <branch>", summary: "branch, made where it is missing (default: main)" },
      { flags: "--card <file>", summary: "model card to send; with --dry-run, file to write the run's own to" },
      quiet,
    ],
    examples: [
      ["dnpo push runs/mine your-name/my-model", "private"],
      ["dnpo push runs/mine your-name/my-model --dry-run --card card.md", "the card, to read and edit"],
      ["dnpo push runs/mine your-name/my-model --card card.md --public", "for everybody, with the edited card"],
    ],
    run: async (argument, values, secondArgument) => {
      const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined;
      const { push } = await import("./commands/push_command.ts");
      return push({
        run: argument!,
        repo: secondArgument!,
        dryRun: values.dryRun === true,
        isPublic: values.public === true,
        message: text(values.message),
        revision: text(values.revision),
        cardPath: text(values.card),
        quiet: values.quiet === true,
      });
    },
  },
  {
    name: "export",
    summary: "write pairs as a TRL preference data set",
    description: "Writes the pairs of a run's last iteration, or of a file, as prompt, chosen and rejected (lists of " +
      "messages, or texts where the data is text) with their scores, so that the labelled data can be trained anywhere.",
    argument: { name: "RUN|PAIRS", summary: "a run's folder, or a file of pairs", required: true, path: "file" },
    options: [
      { flags: "-o, --output <file>", summary: "file to write: .jsonl or .parquet", required: true, path: "file" },
      { flags: "--iteration <k>", summary: "iteration of the run (default: the last with pairs)" },
    ],
    examples: [
      ["dnpo export runs/mine --output pairs.parquet", 'load_dataset("parquet", data_files="pairs.parquet")'],
      ["dnpo export pairs.jsonl --output trl.jsonl", "of a file of pairs"],
    ],
    run: async (argument, values) => {
      const { exportCommand } = await import("./commands/export_command.ts");
      const iteration = readIteration(values.iteration);
      return exportCommand({
        from: String(argument),
        output: String(values.output),
        ...(iteration !== undefined && { iteration }),
      });
    },
  },
  {
    name: "config",
    summary: "print the resolved settings and where each comes from",
    description:
      "Prints the settings as YAML, defaults filled in, each with its origin: file, line and column, --set, the " +
      "method's preset, or default.",
    argument: configArgument,
    options: [set, { flags: "--schema", summary: "print the JSON Schema of configs instead" }, json],
    examples: [
      ["dnpo config config.yaml --set method=spin", "what a run would be told to do"],
      ["dnpo config --schema > dnpo.schema.json", "for editors: # yaml-language-server: $schema=./dnpo.schema.json"],
    ],
    run: async (argument, values) =>
      (await import("./commands/config_command.ts")).config({
        config: argument,
        set: setOf(values),
        schema: values.schema === true,
        json: values.json === true,
      }),
  },
  {
    name: "plan",
    summary: "print memory, work and time of a run, before anything is loaded",
    description:
      "Reads the model's headers and the data, and prints parameters, device memory by part, tokens, FLOP and an " +
      "estimated time. Exit code 1 where the run does not fit.",
    argument: configArgument,
    options: [
      set,
      { flags: "--memory <GiB>", summary: "memory of the device (default: the system's where the device is a CPU)" },
      { flags: "--no-time", summary: "do not measure the device's speed" },
      json,
    ],
    examples: [["dnpo plan config.yaml --memory 24", "whether it fits, and what to change if not"]],
    run: async (argument, values) =>
      (await import("./commands/plan_command.ts")).plan({
        config: argument,
        set: setOf(values),
        memory: gibibytes(values.memory),
        time: values.time !== false,
        json: values.json === true,
      }),
  },
  {
    name: "runs",
    summary: "list the runs of a folder",
    description: "Prints a table of runs: method, model, judge, iterations, state, last loss, evaluations.",
    argument: { name: "DIR", summary: "folder of runs (default: runs)", required: false, path: "folder" },
    options: [json],
    examples: [["dnpo runs", "the runs in runs/, the latest first"]],
    run: async (argument, values) =>
      (await import("./commands/runs_command.ts")).runs({ dir: argument ?? "runs", json: values.json === true }),
  },
  {
    name: "doctor",
    summary: "show what this machine's GPU offers, and what is missing",
    description: "Prints adapter, driver, limits, features asked for and granted, and what is missing.",
    options: [],
    examples: [["dnpo doctor", "exit code 1 where something is missing"]],
    run: async () => (await import("./commands/doctor_command.ts")).doctor({}),
  },
  {
    name: "tune",
    summary: "measure kernel variants on this machine's GPU, and keep the fastest",
    description: "Measures the variants of the matrix product, prints their rates, and keeps the choice in the cache " +
      "folder, where runs that begin from now on find it. On a CPU (lavapipe) it measures with the driver's own vector " +
      "width and with 512 bits. Runs do this themselves, once, unless autotune is false.",
    options: [
      {
        flags: "--vector-width <bits>",
        summary: "measure this width of lavapipe's vectors alone; kept where it is the fastest of those measured",
        choices: ["128", "256", "512"],
      },
      quiet,
    ],
    examples: [
      ["dnpo tune", "some seconds; a minute where the driver compiles the kernels first"],
      ["dnpo tune --vector-width 128", "one width more"],
    ],
    run: async (_, { vectorWidth, quiet }) => {
      const { tune } = await import("./commands/tune_command.ts");
      return tune({ vectorWidth: vectorWidth === undefined ? undefined : Number(vectorWidth), quiet: quiet === true });
    },
  },
  {
    name: "completions",
    summary: "print a completion script for a shell",
    description: "Prints a script that completes commands, options, keys of --set and files.",
    argument: { name: "SHELL", summary: "bash, zsh or fish", required: true, choices: ["bash", "zsh", "fish"] },
    options: [],
    examples: [
      ['eval "$(dnpo completions bash)"', "for this shell; in ~/.bashrc for all"],
      ["dnpo completions zsh > ~/.zfunc/_dnpo", "with fpath=(~/.zfunc $fpath) before compinit"],
      ["dnpo completions fish > ~/.config/fish/completions/dnpo.fish", "for all"],
    ],
    run: async (argument) =>
      (await import("./commands/completions_command.ts")).completions(argument as "bash" | "zsh" | "fish", commands),
  },
];
