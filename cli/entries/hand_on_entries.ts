/** The commands that hand models on to other programs: names, arguments, options and help. @module */
import type { DtypeName } from "../../core/dtype.ts";
import type { CommandEntry, OptionEntry } from "../command_entry.ts";
import { loadCommand } from "../load_command.ts";
import { dtype, quiet } from "../options.ts";

const base: OptionEntry = {
  flags: "--base <dir>",
  summary: "model to add the adapter to (default: the one that it names)",
  path: "folder",
};

const force: OptionEntry = { flags: "-f, --force", summary: "overwrite what is there" };

/** `dnpo merge`. */
export const merge: CommandEntry = {
  name: "merge",
  summary: "merge an adapter into its base, as a model folder",
  description: "Adds the matrices of a PEFT adapter to the weights of the model that it was trained on, and writes a " +
    "folder with weights, config, tokenizer and chat template that needs no adapter. Needs no GPU.",
  argument: { name: "ADAPTER", summary: "an adapter's folder, or a run's", required: true, path: "folder" },
  options: [
    { flags: "-o, --output <dir>", summary: "folder to write", required: true, path: "folder" },
    { ...dtype, summary: "storage type of the weights (default: the base's)" },
    base,
    force,
    quiet,
  ],
  examples: [
    ["dnpo merge runs/mine --output models/mine", "the adapter that a run has trained"],
    ["dnpo merge adapters/theirs --base models/base --output models/merged --dtype float32", "anyone's"],
  ],
  run: async (argument, values) => {
    const { merge } = await loadCommand("merge");
    return merge({
      adapter: argument!,
      output: String(values.output),
      ...(typeof values.base === "string" && { base: values.base }),
      ...(typeof values.dtype === "string" && { dtype: values.dtype as DtypeName }),
      force: values.force === true,
      quiet: values.quiet === true,
    });
  },
};
