/** What a benchmark task is: lm-eval's keys (0.4.13, `lm_eval/config/task.py`), with its defaults. @module */
import type { JsonObject, JsonValue } from "../data/formats/json_numbers.ts";

/** One row of a task. */
export type Doc = JsonObject;

/** What a model is asked for each document. */
export const OUTPUT_TYPES = ["multiple_choice", "generate_until", "loglikelihood", "loglikelihood_rolling"] as const;

/** One of {@linkcode OUTPUT_TYPES}. */
export type OutputType = typeof OUTPUT_TYPES[number];

/** A function in place of a template, where lm-eval's task has one of Python. */
export interface DocFunction<T> {
  /** How lm-eval's YAML writes it, such as `!function utils.process_docs`. */
  readonly source: string;
  /** Computes it for one row. */
  readonly apply: (doc: Doc) => T;
}

/** A text: the name of a column, or a Jinja template. A number is a choice's index. */
export type TextField = string | number | DocFunction<string | number>;

/** As {@linkcode TextField}, or several right answers. */
export type TargetField = TextField | readonly JsonValue[];

/** Choices: the name of a column, a template that makes a list, or the choices themselves. */
export type ChoiceField =
  | string
  | readonly string[]
  | Readonly<Record<string, string>>
  | DocFunction<readonly string[]>;

/** How a metric of {@linkcode METRICS} is computed and put together. */
export interface MetricConfig {
  readonly metric: string;
  readonly aggregation?: string;
  readonly higher_is_better?: boolean;
  readonly ignore_case?: boolean;
  readonly ignore_punctuation?: boolean;
  readonly ignore_numbers?: boolean;
  readonly regexes_to_ignore?: readonly string[];
}

/** One step of a filter. */
export interface FilterStep {
  readonly function: string;
  readonly [setting: string]: JsonValue;
}

/** A named sequence of steps that finds an answer in a response. */
export interface FilterConfig {
  readonly name: string;
  readonly filter: readonly FilterStep[];
}

/** Where few-shot examples come from and how they are written, where that is not as the task's documents are. */
export interface FewShotConfig {
  readonly sampler?: string;
  readonly split?: string;
  readonly samples?: readonly Doc[];
  readonly doc_to_text?: TextField;
  readonly doc_to_target?: TargetField;
  readonly doc_to_choice?: ChoiceField;
  readonly gen_prefix?: string;
  readonly fewshot_delimiter?: string;
  readonly target_delimiter?: string;
}

/** A task. */
export interface TaskConfig {
  readonly task: string;
  readonly task_alias?: string;
  readonly tag?: readonly string[];
  readonly dataset_path: string;
  readonly dataset_name?: string;
  readonly dataset_kwargs?: JsonObject;
  readonly training_split?: string;
  readonly validation_split?: string;
  readonly test_split?: string;
  readonly fewshot_split?: string;
  readonly process_docs?: DocFunction<Doc>;
  /** Returns a row that can be scored, and throws a UserError for another; lm-eval has no such key. */
  readonly check_docs?: (doc: Doc) => Doc;
  readonly doc_to_text?: TextField;
  readonly doc_to_target?: TargetField;
  readonly doc_to_choice?: ChoiceField;
  /** How a document is scored in place of `metric_list`'s own functions. */
  readonly process_results?: { readonly source: string; readonly score: "mc2" | "ifeval" };
  readonly description?: string;
  readonly target_delimiter?: string;
  readonly fewshot_delimiter?: string;
  readonly fewshot_config?: FewShotConfig;
  readonly num_fewshot?: number;
  readonly metric_list?: readonly MetricConfig[];
  readonly output_type?: OutputType;
  readonly generation_kwargs?: JsonObject;
  readonly filter_list?: readonly FilterConfig[];
  readonly gen_prefix?: string;
  readonly should_decontaminate?: boolean;
  readonly doc_to_decontamination_query?: string;
  readonly metadata?: JsonObject;
}

/** Whether a field is a function. */
export function isDocFunction<T>(field: unknown): field is DocFunction<T> {
  return typeof field === "object" && field !== null && "apply" in field;
}

/** The kind of a task's requests. */
export function outputTypeOf({ output_type: type = "generate_until" }: TaskConfig): OutputType {
  return type;
}

/** What stands between a question and its answer. */
export function targetDelimiterOf({ target_delimiter: delimiter = " " }: TaskConfig): string {
  return delimiter;
}

/** What stands between few-shot examples. */
export function fewShotDelimiterOf({ fewshot_delimiter: delimiter = "\n\n" }: TaskConfig): string {
  return delimiter;
}

/** The filters of a task: by default one that takes a response as it is. */
export function filtersOf({ filter_list: filters }: TaskConfig): readonly FilterConfig[] {
  return filters ?? [{ name: "none", filter: [{ function: "take_first" }] }];
}

/** The version that a task's results name. */
export function versionOf({ metadata }: TaskConfig): JsonValue {
  return metadata?.version ?? "Yaml";
}

/** The names of the splits that a task reads: what is evaluated, and what few-shot examples are drawn from. */
export function splitsOf(config: TaskConfig): { evaluated: string | null; pool: string | null } {
  const { training_split: training, validation_split: validation, test_split: test, fewshot_config: own } = config;
  const split = own?.split ?? config.fewshot_split;
  return {
    evaluated: test ?? validation ?? null,
    pool: split ?? (own?.samples ? null : training ?? validation ?? test ?? null),
  };
}
