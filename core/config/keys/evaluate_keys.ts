/** Keys of `evaluate`. @module */
import { z } from "zod";
import { count, key, type KeyFacts, named, text } from "./key.ts";

/** What is measured changes nothing that is trained. */
const MEASURES: KeyFacts = { mayDiffer: true };

const names = named("string | string[]", z.union([text, z.array(text).min(1)]));

/** Keys of `evaluate`, by lm-eval's names. */
export const evaluateKeys = {
  tasks: key(
    names,
    "Benchmarks, a list or with commas between: tasks and groups as `dnpo evaluate --list` names them, and YAML files " +
      "of tasks of one's own.",
    MEASURES,
  ),
  num_fewshot: key(
    z.int().min(0).exactOptional(),
    "Examples in a prompt, where a task does not ask for none; default: each task's own.",
    MEASURES,
  ),
  limit: key(
    z.number().gt(0).exactOptional(),
    "Documents of each task at most, or a share of them below 1; default: all.",
    MEASURES,
  ),
  data: key(
    text.exactOptional(),
    "Folder of rows in place of the hub, FOLDER/NAME/CONFIG/SPLIT.jsonl with the last part of the data set's name.",
    MEASURES,
  ),
  text: key(names.exactOptional(), "Files of text that the task perplexity reads.", MEASURES),
  apply_chat_template: key(
    z.boolean().default(false),
    "Whether prompts are written with the chat template: data.chat_template, or else the model's own.",
    MEASURES,
  ),
  fewshot_as_multiturn: key(
    z.boolean().default(true),
    "Whether examples are turns of their own, where there is a chat template.",
    MEASURES,
  ),
  system_instruction: key(
    text.exactOptional(),
    "Text before everything, the system's turn with a chat template.",
    MEASURES,
  ),
  batch_tokens: key(
    count.exactOptional(),
    "Most tokens of a batch; default: what suits the device's memory.",
    MEASURES,
  ),
  gen_kwargs: key(
    text.exactOptional(),
    "What replaces keys of the tasks' generation: key=value with commas between, or JSON.",
    MEASURES,
  ),
};
