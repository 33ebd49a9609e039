/** The commands that hand models on to other programs: names, arguments, options and help. @module */
import type { DtypeName } from "../../core/dtype.ts";
import { QUANTIZATIONS } from "../../core/export/quantizations.ts";
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

/** `dnpo export-model`. */
export const exportModel: CommandEntry = {
  name: "export-model",
  summary: "write a model as a GGUF file, for llama.cpp, Ollama and LM Studio",
  description: "Writes weights, settings, vocabulary, special tokens and chat template into one file. An adapter is " +
    "merged into its base. What a GGUF file cannot hold is an error that names it. Needs no GPU.",
  argument: { name: "RUN", summary: "a run's folder, a model's or an adapter's", required: true, path: "folder" },
  options: [
    { flags: "-o, --output <file>", summary: "file to write", required: true, path: "file" },
    { flags: "--format <name>", summary: "format of the file (default: gguf)", choices: ["gguf"] },
    {
      flags: "--quantize <type>",
      summary: "type of the matrices (default: as they are stored)",
      choices: QUANTIZATIONS,
    },
    base,
    { flags: "--pre <name>", summary: "llama.cpp's name of the pre-tokenizer, where an error asks for it" },
    force,
    quiet,
  ],
  examples: [
    ["dnpo export-model runs/mine --format gguf --output mine.gguf", "as it is stored"],
    ["dnpo export-model runs/mine --quantize q8_0 --output mine-q8_0.gguf", "in 8 bits"],
  ],
  run: async (argument, values) => {
    const { exportModelCommand } = await loadCommand("export_model");
    return exportModelCommand({
      from: argument!,
      output: String(values.output),
      ...(typeof values.quantize === "string" && { quantize: values.quantize as typeof QUANTIZATIONS[number] }),
      ...(typeof values.base === "string" && { base: values.base }),
      ...(typeof values.pre === "string" && { pre: values.pre }),
      force: values.force === true,
      quiet: values.quiet === true,
    });
  },
};
