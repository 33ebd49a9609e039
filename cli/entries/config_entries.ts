/** The commands about configs and runs: names, arguments, options and help. @module */
import { METHODS } from "../../core/config/choices.ts";
import { FOREIGN_PROGRAMS, type ForeignProgram } from "../../core/config/import/recognize_program.ts";
import { UserError } from "../../core/error.ts";
import type { CommandEntry } from "../command_entry.ts";
import { loadCommand } from "../load_command.ts";
import { configFile, json, quiet, set, setOf } from "../options.ts";
import { linkBits, rankCount } from "../rank_flags.ts";

/** `dnpo init`. */
export const init: CommandEntry = {
  name: "init",
  summary: "write a config, from a few questions or flags",
  description:
    "Asks a few questions (in a terminal, and only what no flag answers), checks that what is named is there and " +
    "fits, and writes a commented config, with the JSON Schema that editors check and complete it with beside it.",
  argument: { name: "FILE", summary: "file to write (default: config.yaml)", required: false, path: "file" },
  options: [
    { flags: "-m, --model <dir>", summary: "model to start from", path: "folder" },
    { flags: "-d, --data <file>", summary: "rows to train on", path: "file" },
    { flags: "-e, --eval <file>", summary: "held-out rows to measure on (default: none)", path: "file" },
    { flags: "--method <name>", summary: "what to run (default: dnpo)", choices: METHODS.toReversed() },
    {
      flags: "--judge <name>",
      summary: "who tells chosen from rejected, of method dnpo; human: nobody, the human answer wins",
    },
    { flags: "--verifier <file>", summary: "module that scores, of judge verifier", path: "file" },
    {
      flags: "--judge-model <dir>",
      summary: "model that judges: a folder or org/name; of judge llm its name there",
      path: "folder",
    },
    { flags: "--lora", summary: "train a LoRA adapter, which takes far less memory than all weights" },
    { flags: "--iterations <n>", summary: "how often the model is trained on its own answers (default: 3)" },
    { flags: "-o, --output <dir>", summary: "the run's folder (default: runs/NAME of NAME.yaml)", path: "folder" },
    { flags: "-f, --force", summary: "overwrite a file that is there" },
  ],
  examples: [
    ["dnpo init", "asks, and writes config.yaml"],
    ["dnpo init mine.yaml --model models/small --data rows.jsonl", "asks for the rest; without a terminal, an error"],
  ],
  run: async (argument, values) => (await loadCommand("init")).init(argument, values),
};

/** `dnpo config`. */
export const config: CommandEntry = {
  name: "config",
  summary: "print the resolved settings and where each comes from",
  description:
    "Prints the settings as YAML, defaults filled in, each with its origin: file, line and column, --set, the " +
    "method's preset, or default.",
  argument: configFile,
  options: [set, { flags: "--schema", summary: "print the JSON Schema of configs instead" }, json],
  examples: [
    ["dnpo config config.yaml --set method=spin", "what a run would be told to do"],
    ["dnpo config --schema > dnpo.schema.json", "for editors: # yaml-language-server: $schema=./dnpo.schema.json"],
  ],
  run: async (argument, values) =>
    (await loadCommand("config")).config({
      config: argument,
      set: setOf(values),
      schema: values.schema === true,
      json: values.json === true,
    }),
};

/** `dnpo import-config`. */
export const importConfig: CommandEntry = {
  name: "import-config",
  summary: "turn a config of TRL, alignment-handbook, LLaMA-Factory or axolotl into one of dnpo's",
  description:
    "Prints a config that does the same, with the other program's defaults written out. Comments at its top name the " +
    "keys that mean something else here or have no counterpart; a chat template in it goes into a file beside FILE of -o. What would train something else is an error.",
  argument: { name: "FILE", summary: "YAML or JSON file of the other program", required: true, path: "file" },
  options: [
    { flags: "-o, --output <file>", summary: "file to write (default: standard output)", path: "file" },
    { flags: "--from <program>", summary: "whose config it is (default: by its keys)", choices: FOREIGN_PROGRAMS },
    { flags: "--method <name>", summary: "the command of TRL, where its keys do not tell", choices: ["dpo", "sft"] },
    { flags: "-f, --force", summary: "overwrite a file that is there" },
  ],
  examples: [
    ["dnpo import-config dpo_config.yaml -o mine.yaml", "then: dnpo data mine.yaml, and dnpo plan mine.yaml"],
    ["dnpo import-config trl.yaml --method sft", "to look at it first"],
  ],
  run: async (argument, values) =>
    (await loadCommand("import_config")).importForeign({
      file: argument!,
      output: typeof values.output === "string" ? values.output : undefined,
      from: values.from as ForeignProgram | undefined,
      method: values.method as "dpo" | "sft" | undefined,
      force: values.force === true,
    }),
};

/** `dnpo data`. */
export const data: CommandEntry = {
  name: "data",
  summary: "show what the model will see of the data, row by row and token by token",
  description:
    "Reads and tokenizes the rows as the run will, and prints which are read, dropped and cut and why, some of them with " +
    "the template's text, the borders of tokens and what is trained on, how long they are, and what data.max_length " +
    "costs. Needs no GPU.",
  argument: configFile,
  options: [set, { flags: "--rows <n>", summary: "how many rows are shown token by token (default: 3)" }, json],
  examples: [
    ["dnpo data config.yaml", "in colours; in a pipe or with NO_COLOR with marks instead"],
    ["dnpo data config.yaml --set data.max_length=2048 --rows 1", "the same, with another limit"],
  ],
  run: async (argument, values) =>
    (await loadCommand("data")).data({
      config: argument,
      set: setOf(values),
      rows: typeof values.rows === "string" ? values.rows : undefined,
      json: values.json === true,
    }),
};

/** `dnpo plan`. */
export const plan: CommandEntry = {
  name: "plan",
  summary: "print memory, work and time of a run, before anything is loaded",
  description:
    "Reads the model's headers and the data, and prints parameters, device memory by part, tokens, FLOP and an " +
    "estimated time. Exit code 1 where the run does not fit.",
  argument: configFile,
  options: [
    set,
    { flags: "--memory <GiB>", summary: "memory of the device (default: the system's where the device is a CPU)" },
    { flags: "--no-time", summary: "do not measure the device's speed" },
    {
      flags: "--cards",
      summary: "a table for cards of 8 to 80 GB instead: whether it fits, and what to change if not",
    },
    {
      flags: "--ranks <n>",
      summary: "also what ranks of an MPI job hold and send, and how much of their time is work",
    },
    {
      flags: "--link <bits/s>",
      summary: "what a rank's network carries in a second, such as 10G (default: 1G, 10G and 100G)",
    },
    json,
  ],
  examples: [
    ["dnpo plan config.yaml --memory 24", "whether it fits, and what to change if not"],
    ["dnpo plan config.yaml --cards", "which card it fits on; needs no GPU"],
    ["dnpo plan config.yaml --ranks 8 --link 10G", "on eight machines like this one"],
  ],
  run: async (argument, values) =>
    (await loadCommand("plan")).plan({
      config: argument,
      set: setOf(values),
      memory: gibibytes(values.memory),
      time: values.time !== false,
      cards: values.cards === true,
      ranks: rankCount(values.ranks),
      link: linkBits(values.link),
      json: values.json === true,
    }),
};

/** `dnpo runs`. */
export const runs: CommandEntry = {
  name: "runs",
  summary: "list the runs of a folder",
  description: "Prints a table of runs: method, model, judge, iterations, state, last loss, evaluations.",
  argument: { name: "DIR", summary: "folder of runs (default: runs)", required: false, path: "folder" },
  options: [json],
  examples: [["dnpo runs", "the runs in runs/, the latest first"]],
  run: async (argument, values) => (await loadCommand("runs")).runs({ dir: argument, json: values.json === true }),
};

/** `dnpo watch`. */
export const watch: CommandEntry = {
  name: "watch",
  summary: "follow a run in a browser, or several laid over one another",
  description:
    "Serves a page on this machine (127.0.0.1, at an address with a secret) that shows a run as it goes: how far it is, " +
    "curves, answers, scores, its log. It reads the run's files, so that old runs and mounted folders work too, and " +
    "changes nothing, but that it can ask a run to stop. Ctrl-C ends it.",
  argument: {
    name: "DIR",
    summary: "a run's folder, or a folder of runs (default: runs)",
    required: false,
    path: "folder",
  },
  options: [{ flags: "-p, --port <number>", summary: "port on 127.0.0.1 (default: a free one)" }],
  examples: [
    ["dnpo watch runs/quickstart", "one run"],
    ["dnpo watch", "the runs in runs/, laid over one another"],
  ],
  run: async (argument, values) => {
    const { portOf, watch } = await loadCommand("watch");
    return await watch({ dir: argument ?? "runs", port: portOf(values.port) });
  },
};

/** `dnpo report`. */
export const report: CommandEntry = {
  name: "report",
  summary: "compare runs, or the runs of a sweep, on one page with figures and tables",
  description:
    "Writes a folder with a page (index.html, which needs nothing else), its figures as SVG files and its numbers as " +
    "CSV: right answers, benchmarks, win rates, held-out loss, labels and losses by iteration, histograms of " +
    "log-probabilities, and the ablation of labels and noise. Runs that differ in their seeds alone are means with standard errors. It reads the " +
    "runs' files only, and needs no GPU. What they do not tell is left out, and said.",
  argument: { name: "RUN", summary: "folder of a run or of a sweep", required: true, path: "folder", repeat: true },
  options: [
    { flags: "-o, --output <dir>", summary: "folder to write (default: runs/report)", path: "folder" },
    {
      flags: "-e, --evaluations <dir>",
      summary:
        "folder of results_*.json, as dnpo evaluate --iterations all writes them; those of evaluate in a config are found",
      path: "folder",
    },
    {
      flags: "-w, --win-rates <dir>",
      summary: "folder of win rates, as dnpo compare --iterations writes them",
      path: "folder",
    },
    { flags: "-f, --force", summary: "replace a report that is there" },
    json,
    quiet,
  ],
  examples: [
    ["dnpo report runs/mine-sweep", "the variants of a sweep, with errors over its seeds"],
    ["dnpo report runs/spin runs/dnpo --evaluations runs/evaluate -o runs/paper", "two runs, with their benchmarks"],
    ["dnpo report runs/spin runs/dnpo --win-rates runs/compare", "with the win rates of one against the other"],
  ],
  run: async (argument, values, ...more) => (await loadCommand("report")).report([argument!, ...more], values),
};

function gibibytes(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) throw new UserError(`--memory: expected GiB such as 24, got ${JSON.stringify(value)}`);
  return Math.round(number * 2 ** 30);
}
