/** A task's settings as lm-eval writes them into its results (0.4.13, `config/task.py`). @module */
import type { JsonObject, JsonValue } from "../data/formats/json_numbers.ts";
import { fewShotDelimiterOf, isDocFunction, outputTypeOf, targetDelimiterOf, type TaskConfig } from "./task_config.ts";

/** The settings with their defaults, in lm-eval's order; functions by the name that its YAML has for them. */
export function taskConfigJson(config: TaskConfig): JsonObject {
  const own = config.fewshot_config ?? {};
  const shared = {
    process_docs: plain(config.process_docs),
    doc_to_text: plain(config.doc_to_text),
    doc_to_target: plain(config.doc_to_target),
    doc_to_choice: plain(config.doc_to_choice),
    gen_prefix: plain(config.gen_prefix),
  };
  return withoutNulls({
    task: config.task,
    task_alias: plain(config.task_alias),
    dataset_path: config.dataset_path,
    dataset_name: plain(config.dataset_name),
    dataset_kwargs: plain(config.dataset_kwargs),
    training_split: plain(config.training_split),
    validation_split: plain(config.validation_split),
    test_split: plain(config.test_split),
    fewshot_split: plain(config.fewshot_split),
    process_docs: shared.process_docs,
    doc_to_text: shared.doc_to_text,
    doc_to_target: shared.doc_to_target,
    unsafe_code: false,
    doc_to_choice: shared.doc_to_choice,
    process_results: config.process_results?.source ?? null,
    description: config.description ?? "",
    target_delimiter: targetDelimiterOf(config),
    fewshot_delimiter: fewShotDelimiterOf(config),
    fewshot_config: {
      sampler: own.sampler ?? "default",
      split: plain(own.split ?? config.fewshot_split),
      process_docs: shared.process_docs,
      fewshot_indices: null,
      samples: plain(own.samples),
      doc_to_text: plain(own.doc_to_text) ?? shared.doc_to_text,
      doc_to_choice: plain(own.doc_to_choice) ?? shared.doc_to_choice,
      doc_to_target: plain(own.doc_to_target) ?? shared.doc_to_target,
      gen_prefix: own.gen_prefix ?? shared.gen_prefix,
      fewshot_delimiter: own.fewshot_delimiter ?? fewShotDelimiterOf(config),
      target_delimiter: own.target_delimiter ?? targetDelimiterOf(config),
    },
    num_fewshot: plain(config.num_fewshot),
    metric_list: plain(config.metric_list),
    output_type: outputTypeOf(config),
    generation_kwargs: plain(config.generation_kwargs),
    repeats: 1,
    filter_list: plain(config.filter_list),
    should_decontaminate: config.should_decontaminate ?? false,
    doc_to_decontamination_query: plain(config.doc_to_decontamination_query),
    gen_prefix: shared.gen_prefix,
    metadata: plain(config.metadata),
  });
}

function plain(field: unknown): JsonValue {
  if (field === undefined) return null;
  return isDocFunction(field) ? field.source : field as JsonValue;
}

function withoutNulls(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
