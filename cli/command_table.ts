/** All commands in the order of the help; each one's work is loaded when it runs. @module */
import denoConfig from "../deno.json" with { type: "json" };
import { nearestWord } from "../core/config/nearest_word.ts";
import { UserError } from "../core/error.ts";
import { answerHelp } from "./answer_help.ts";
import type { CommandEntry } from "./command_entry.ts";
import { type Shell, SHELLS } from "./completion_scripts.ts";
import { config, data, importConfig, init, plan, report, runs, watch } from "./entries/config_entries.ts";
import { exportModel, merge } from "./entries/hand_on_entries.ts";
import { mtBench } from "./entries/judged_entries.ts";
import { doctor, tune } from "./entries/machine_entries.ts";
import { chat, compare, evaluate, exportPairs, push, score } from "./entries/model_entries.ts";
import { generate, label, optimize, sft, sweep, train } from "./entries/run_entries.ts";
import { loadCommand } from "./load_command.ts";
import { say } from "./print.ts";

/** `dnpo completions`. It is defined here because it needs the list of all commands. */
const completions: CommandEntry = {
  name: "completions",
  summary: "print a completion script for a shell",
  description:
    "Prints a script that completes commands, options, keys of --set with the words that they take, and files.",
  argument: { name: "SHELL", summary: "bash, zsh or fish", required: true, choices: SHELLS },
  options: [],
  examples: [
    ['eval "$(dnpo completions bash)"', "for this shell; in ~/.bashrc for all"],
    ["dnpo completions zsh > ~/.zfunc/_dnpo", "with fpath=(~/.zfunc $fpath) before compinit"],
    ["dnpo completions fish > ~/.config/fish/completions/dnpo.fish", "for all"],
  ],
  run: async (argument) => (await loadCommand("completions")).completions(argument as Shell, commands),
};

/** The version of the program. */
const { version } = denoConfig;

/** `dnpo help`. It is defined here because it needs the list of all commands. */
const help: CommandEntry = {
  name: "help",
  summary: "show the list of commands, or the help of one",
  description: "Shows the list of commands, or with COMMAND what that one does, its options and examples.",
  argument: { name: "COMMAND", summary: "the command (default: the list of all)", required: false, isCommand: true },
  options: [],
  examples: [
    ["dnpo help", "all commands"],
    ["dnpo help train", "the same as dnpo train --help"],
  ],
  run: (name) => {
    const answered = answerHelp(["help", ...name === undefined ? [] : [name]], commands, { version });
    if (answered !== undefined) return Promise.resolve(answered);
    const near = nearestWord(name!, commands.map((command) => command.name));
    const expected = near === undefined ? "one of those that `dnpo help` lists" : near;
    throw new UserError(`Cannot help with ${name}: there is no such command, expected ${expected}`);
  },
};

/** `dnpo version`. */
const versionEntry: CommandEntry = {
  name: "version",
  summary: "print the version",
  description: "Prints the program's version, as --version does.",
  options: [],
  examples: [["dnpo version", "for a report of a bug"]],
  run: () => {
    say(version);
    return Promise.resolve(0);
  },
};

/** All commands, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  init,
  train,
  sft,
  generate,
  label,
  optimize,
  score,
  evaluate,
  compare,
  mtBench,
  chat,
  push,
  merge,
  exportModel,
  exportPairs,
  config,
  importConfig,
  data,
  plan,
  sweep,
  report,
  runs,
  watch,
  doctor,
  tune,
  completions,
  help,
  versionEntry,
];
