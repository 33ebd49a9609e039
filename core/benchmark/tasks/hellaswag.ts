/** HellaSwag, as lm-eval 0.4.13 asks it (`lm_eval/tasks/hellaswag`). @module */
import { UserError } from "../../error.ts";
import { JsonFloat } from "../../data/formats/json_numbers.ts";
import { strip } from "../../data/tokenizer/template/python_strings.ts";
import { capitalize } from "../../data/tokenizer/template/text_case.ts";
import { quote } from "../../values.ts";
import type { Doc, TaskConfig } from "../task_config.ts";
import { ACCURACIES } from "./task_parts.ts";
import { textColumn, textsColumn } from "./doc_columns.ts";

/** A text without the marks of the articles that it was taken from. */
export function cleanHellaSwag(text: string): string {
  return strip(text, null).replaceAll(" [title]", ". ").replace(/\[[^\n]*?\]/g, "").replaceAll("  ", " ");
}

function processDoc(doc: Doc): Doc {
  const context = `${textColumn(doc, "ctx_a")} ${capitalize(textColumn(doc, "ctx_b"))}`;
  const label = typeof doc.label === "string" ? strip(doc.label, null) : String(doc.label);
  if (!/^[+-]?\d+$/.test(label)) {
    throw new UserError(`"label" is ${quote(doc.label)}, expected a whole number`);
  }
  return {
    ...doc,
    query: cleanHellaSwag(`${textColumn(doc, "activity_label")}: ${context}`),
    choices: textsColumn(doc, "endings").map(cleanHellaSwag),
    gold: Number(label),
  };
}

/** The task. */
export const HELLASWAG: TaskConfig = {
  task: "hellaswag",
  tag: ["multiple_choice"],
  dataset_path: "Rowan/hellaswag",
  training_split: "train",
  validation_split: "validation",
  process_docs: { source: "!function utils.process_docs", apply: processDoc },
  doc_to_text: "{{query}}",
  doc_to_target: "{{label}}",
  doc_to_choice: "choices",
  metric_list: ACCURACIES,
  output_type: "multiple_choice",
  metadata: { version: new JsonFloat("1.0") },
};
