/** ARC, OpenBookQA, PIQA and BoolQ, as lm-eval 0.4.13 asks them: questions whose answers are given with each. @module */
import { JsonFloat } from "../../data/formats/json_numbers.ts";
import type { TaskConfig } from "../task_config.ts";
import { ACCURACIES } from "./task_parts.ts";

/** ARC's easy questions. */
export const ARC_EASY: TaskConfig = {
  task: "arc_easy",
  tag: ["ai2_arc"],
  dataset_path: "allenai/ai2_arc",
  dataset_name: "ARC-Easy",
  training_split: "train",
  validation_split: "validation",
  test_split: "test",
  doc_to_text: "Question: {{question}}\nAnswer:",
  doc_to_target: "{{choices.label.index(answerKey)}}",
  doc_to_choice: "{{choices.text}}",
  metric_list: ACCURACIES,
  output_type: "multiple_choice",
  should_decontaminate: true,
  doc_to_decontamination_query: "Question: {{question}}\nAnswer:",
  metadata: { version: new JsonFloat("1.0") },
};

/** ARC's hard questions. */
export const ARC_CHALLENGE: TaskConfig = { ...ARC_EASY, task: "arc_challenge", dataset_name: "ARC-Challenge" };

/** OpenBookQA, without its book. */
export const OPENBOOKQA: TaskConfig = {
  task: "openbookqa",
  dataset_path: "allenai/openbookqa",
  dataset_name: "main",
  training_split: "train",
  validation_split: "validation",
  test_split: "test",
  doc_to_text: "question_stem",
  doc_to_target: "{{choices.label.index(answerKey.lstrip())}}",
  doc_to_choice: "{{choices.text}}",
  metric_list: ACCURACIES,
  output_type: "multiple_choice",
  should_decontaminate: true,
  doc_to_decontamination_query: "question_stem",
  metadata: { version: new JsonFloat("1.0") },
};

/** PIQA. */
export const PIQA: TaskConfig = {
  task: "piqa",
  dataset_path: "baber/piqa",
  training_split: "train",
  validation_split: "validation",
  doc_to_text: "Question: {{goal}}\nAnswer:",
  doc_to_target: "label",
  doc_to_choice: "{{[sol1, sol2]}}",
  metric_list: ACCURACIES,
  output_type: "multiple_choice",
  should_decontaminate: true,
  doc_to_decontamination_query: "goal",
  metadata: { version: new JsonFloat("1.0") },
};

/** BoolQ, of SuperGLUE. */
export const BOOLQ: TaskConfig = {
  task: "boolq",
  tag: ["super-glue-lm-eval-v1"],
  dataset_path: "aps/super_glue",
  dataset_name: "boolq",
  training_split: "train",
  validation_split: "validation",
  doc_to_text: "{{passage}}\nQuestion: {{question}}?\nAnswer:",
  doc_to_target: "label",
  doc_to_choice: ["no", "yes"],
  metric_list: [{ metric: "acc" }],
  output_type: "multiple_choice",
  should_decontaminate: true,
  doc_to_decontamination_query: "passage",
  metadata: { version: new JsonFloat("2.0") },
};
