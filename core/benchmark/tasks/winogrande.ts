/** WinoGrande, as lm-eval 0.4.13 asks it (`lm_eval/tasks/winogrande`): the contexts differ, not the continuation. @module */
import { JsonFloat } from "../../data/formats/json_numbers.ts";
import { strip } from "../../data/tokenizer/template/python_strings.ts";
import { UserError } from "../../error.ts";
import { quote } from "../../values.ts";
import type { Doc, TaskConfig } from "../task_config.ts";
import { textColumn } from "./doc_columns.ts";
import { ACCURACY } from "./task_parts.ts";

/** The sentence before its gap and after it. */
function halves(doc: Doc): [before: string, after: string] {
  const sentence = textColumn(doc, "sentence");
  const gap = sentence.indexOf("_");
  if (gap < 0) throw new UserError(`"sentence" is ${quote(sentence)}, expected a gap "_"`);
  return [sentence.slice(0, gap), sentence.slice(gap + 1)];
}

function answerOf(doc: Doc): number {
  const { answer } = doc;
  if (answer !== "1" && answer !== "2") throw new UserError(`"answer" is ${quote(answer)}, expected "1" or "2"`);
  return Number(answer) - 1;
}

const MODULE = "!function preprocess_winogrande";

/** The task. */
export const WINOGRANDE: TaskConfig = {
  task: "winogrande",
  dataset_path: "allenai/winogrande",
  dataset_name: "winogrande_xl",
  training_split: "train",
  validation_split: "validation",
  doc_to_text: { source: `${MODULE}.doc_to_text`, apply: answerOf },
  doc_to_target: { source: `${MODULE}.doc_to_target`, apply: (doc) => strip(halves(doc)[1], null) },
  doc_to_choice: {
    source: `${MODULE}.doc_to_choice`,
    apply: (doc) => ["option1", "option2"].map((option) => halves(doc)[0] + textColumn(doc, option)),
  },
  metric_list: ACCURACY,
  output_type: "multiple_choice",
  should_decontaminate: true,
  doc_to_decontamination_query: "sentence",
  metadata: { version: new JsonFloat("1.0") },
};
