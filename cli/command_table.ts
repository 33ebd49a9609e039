/** All commands in the order of the help; each one's work is loaded when it runs. @module */
import type { CommandEntry } from "./command_entry.ts";
import { type Shell, SHELLS } from "./completion_scripts.ts";
import { config, data, importConfig, init, plan, runs, watch } from "./entries/config_entries.ts";
import { exportModel, merge } from "./entries/hand_on_entries.ts";
import { doctor, tune } from "./entries/machine_entries.ts";
import { chat, compare, exportPairs, push, score } from "./entries/model_entries.ts";
import { generate, label, optimize, sft, train } from "./entries/run_entries.ts";
import { loadCommand } from "./load_command.ts";

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

/** All commands, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  init,
  train,
  sft,
  generate,
  label,
  optimize,
  score,
  compare,
  chat,
  push,
  merge,
  exportModel,
  exportPairs,
  config,
  importConfig,
  data,
  plan,
  runs,
  watch,
  doctor,
  tune,
  completions,
];
