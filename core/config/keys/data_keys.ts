/** Keys of `data`. @module */
import { z } from "zod";
import { count, key, named, seed, text } from "./key.ts";

/** Keys of a mapping that names columns. */
export const columnKeys = {
  prompt: key(text.exactOptional(), "Column of the prompt."),
  response: key(text.exactOptional(), "Column of the human answer."),
  chosen: key(text.exactOptional(), "Column of the better answer."),
  rejected: key(text.exactOptional(), "Column of the worse answer."),
  messages: key(text.exactOptional(), "Column of the conversation."),
  instruction: key(text.exactOptional(), "Column of Alpaca's instruction."),
  input: key(text.exactOptional(), "Column of Alpaca's input."),
  output: key(text.exactOptional(), "Column of Alpaca's output."),
  system: key(text.exactOptional(), "Column of the system turn."),
  reference: key(text.exactOptional(), "Column of what a verifier compares with."),
  tools: key(text.exactOptional(), "Column of the tools that the chat template tells the model of."),
};

const columns = named("DataColumns", z.strictObject(columnKeys));

/** Keys of one data set of several. */
export const dataSetKeys = {
  path: key(
    text,
    "File (.jsonl, .json, .csv, .tsv, .parquet, also with .gz), folder of them, or org/name of the hub.",
    {
      hf: ["ScriptArguments.dataset_name"],
    },
  ),
  name: key(text.exactOptional(), "Configuration of a data set of the hub.", {
    hf: ["ScriptArguments.dataset_config"],
  }),
  split: key(text.exactOptional(), "Split, with or without a slice: train, train[:2000], test[10%:20%]."),
  weight: key(
    z.number().gt(0).max(1).exactOptional(),
    "Share of the set's rows that is taken, above 0 and at most 1, picked by data.seed; default: all.",
  ),
  columns: key(columns.exactOptional(), "Names of the set's columns by what they are; default: data.columns."),
};

const dataSet = named("DataSetConfig", z.strictObject(dataSetKeys));

/** One set, or a list of several that are read one after the other. */
const dataSource = named("DataSourceConfig", z.union([text, z.array(z.union([text, dataSet])).min(1)]));

/** Keys of `data`. */
export const dataKeys = {
  train: key(
    dataSource.exactOptional(),
    "Rows to train on: a file (.jsonl, .json, .csv, .tsv, .parquet, also with .gz), a folder of them, or " +
      "org/name[:config][/split][@revision] of the hub, each with or without a slice such as [:2000], [10%:20%] or " +
      "[-100:]; or a list of these, or of {path, name, split, weight, columns}. Of a folder whose files' names tell " +
      "splits, the split train where none is named.",
    { hf: ["DPOTrainer.train_dataset", "ScriptArguments.dataset_name"] },
  ),
  limit: key(count.exactOptional(), "Number of rows to read from data.train; default: all."),
  max_length: key(
    z.int().min(2).default(1024),
    "Tokens of prompt and response together, at most; longer responses are cut, longer prompts dropped.",
    { hf: ["DPOConfig", "SFTConfig"] },
  ),
  template: key(
    text.exactOptional(),
    "Prompt of Alpaca rows, with {instruction} and {input}; default: the instruction, then a blank line and the " +
      "input where there is one.",
  ),
  prompt_words: key(
    count.exactOptional(),
    "Words of a row of plain text ({text}) that become its prompt, which the rest answers; default: 16.",
  ),
  on_bad_row: key(
    z.enum(["error", "skip"]).default("error"),
    "What a malformed row does. error: it stops the run; skip: it is counted and left out.",
  ),
  eval: key(
    dataSource.exactOptional(),
    "Held-out rows to evaluate on, named as data.train is; of a folder's or the hub's split test, then validation, " +
      "where none is named.",
    { hf: ["DPOTrainer.eval_dataset"], mayDiffer: true },
  ),
  eval_limit: key(count.exactOptional(), "Number of rows to read from data.eval; default: all.", { mayDiffer: true }),
  columns: key(
    columns.exactOptional(),
    "Names of the columns by what they are, such as {prompt: question, response: answer}; default: the known shapes.",
  ),
  shuffle: key(
    z.boolean().exactOptional(),
    "Whether the rows of data.train are shuffled once, all sets together, before data.limit is taken; default: false.",
    { hf: ["SFTConfig.shuffle_dataset"] },
  ),
  seed: key(
    seed.exactOptional(),
    "Seed, below 2^32, of data.shuffle and of what is taken of sets with a weight below 1; default: 42.",
    { hf: ["TrainingArguments.data_seed"] },
  ),
  conversational: key(
    z.boolean().exactOptional(),
    "Whether rows of text become conversations of a user's and an assistant's turn, for the chat template; default: " +
      "false.",
  ),
  system_prompt: key(text.exactOptional(), "System turn of the conversations that begin with none."),
  chat_template: key(
    text.exactOptional(),
    "File of a Jinja chat template, which the handed-out model carries; default: the tokenizer's own.",
    { hf: ["SFTConfig.chat_template_path"] },
  ),
  assistant_only_loss: key(
    z.boolean().exactOptional(),
    "Whether sft trains on all assistant turns of a conversation; default: false, which is the last turn alone. " +
      "Preference methods always answer the last turn.",
    { hf: ["SFTConfig"] },
  ),
};
