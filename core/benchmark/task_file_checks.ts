/** Checks a task of one's own before anything is read or asked. @module */
import { nearestWord } from "../config/nearest_word.ts";
import { isMapping, show, type YamlSource } from "../config/yaml_source.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import { compileTemplate } from "../data/tokenizer/template/compile_template.ts";
import { UserError } from "../error.ts";
import { exactMatch } from "./exact_match.ts";
import { SAMPLERS } from "./few_shot_sampler.ts";
import { generationSettings } from "./generation_settings.ts";
import { AGGREGATIONS, METRICS } from "./metric_registry.ts";
import { responseFilter } from "./response_filters.ts";
import { OUTPUT_TYPES, outputTypeOf, type TaskConfig } from "./task_config.ts";

type Path = readonly (string | number)[];

/** What a value is; its error is what was expected. */
type Check = (value: unknown, path: Path, fail: Fail) => void;
type Fail = (path: Path, problem: string) => never;

const typed = (expected: string, holds: (value: unknown) => boolean): Check => (value, path, fail) => {
  if (!holds(value)) fail(path, `it is ${show(value)}, expected ${expected}`);
};
const text = typed("a text", (value) => typeof value === "string");
const texts = typed("a text or a list of texts", (value) => [value].flat().every((item) => typeof item === "string"));
const flag = typed("true or false", (value) => typeof value === "boolean");
const count = typed("a whole number from 0", (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const mapping = typed("a mapping", isMapping);
const mappings = typed("a list of mappings", (value) => Array.isArray(value) && value.every(isMapping));
const someMappings: Check = (value, path, fail) => {
  mappings(value, path, fail);
  if ((value as unknown[]).length === 0) fail(path, "it is empty, expected one or more, or no such key");
};
const word = (words: readonly string[]): Check =>
  typed(`one of ${words.join(", ")}`, (value) => words.includes(value as string));

const textTemplate: Check = (value, path, fail) => {
  text(value, path, fail);
  try {
    compileTemplate(value as string, { isPlain: true });
  } catch (error) {
    fail(path, errorLine(error));
  }
};
const template: Check = (value, path, fail) => {
  if (!Number.isSafeInteger(value)) textTemplate(value, path, fail);
};
const target: Check = (value, path, fail) => {
  if (!Array.isArray(value)) template(value, path, fail);
};
const choices: Check = (value, path, fail) => {
  if (typeof value === "string") return textTemplate(value, path, fail);
  const items = Array.isArray(value) ? value : isMapping(value) ? Object.values(value) : [];
  if (items.length === 0 || !items.every((item) => typeof item === "string")) {
    fail(
      path,
      `it is ${show(value)}, expected a template, or choices that are texts (in quotes where YAML reads others)`,
    );
  }
  if (isMapping(value) && Object.keys(value).some((key) => /^\d+$/.test(key))) {
    fail(path, "its keys are numbers, whose order is lost, expected a list");
  }
};

/** Keys of texts that few-shot examples may have of their own. */
const FIELDS: Readonly<Record<string, Check>> = {
  doc_to_text: template,
  doc_to_target: target,
  doc_to_choice: choices,
  gen_prefix: textTemplate,
  target_delimiter: text,
  fewshot_delimiter: text,
};

/** It is a part of the names of files and of numbers, and stands in lists with commas. */
const taskName = typed(
  "a text without , / \\ < > | ` and control characters, and with more than dots and blanks",
  (value) =>
    typeof value === "string" && /^[^,/\\<>|`\p{C}]+$/u.test(value) && /[^. ]/.test(value) && value.trim() === value,
);

const KEYS: Readonly<Record<string, Check>> = {
  ...FIELDS,
  task: taskName,
  task_alias: text,
  tag: texts,
  dataset_path: text,
  dataset_name: text,
  dataset_kwargs: datasetKwargs,
  training_split: text,
  validation_split: text,
  test_split: text,
  fewshot_split: text,
  description: textTemplate,
  fewshot_config: fewShotConfig,
  num_fewshot: count,
  metric_list: someMappings,
  output_type: word(OUTPUT_TYPES),
  generation_kwargs: mapping,
  filter_list: someMappings,
  repeats: typed("1: a document is asked once", (value) => value === 1),
  unsafe_code: typed("false: no code is run", (value) => value === false),
  should_decontaminate: flag,
  doc_to_decontamination_query: text,
  metadata: mapping,
};

/** lm-eval's keys that are not supported, and what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  include: "expected all keys in this file",
  group: "expected a single task",
  use_prompt: "expected doc_to_text and doc_to_target",
  custom_dataset: "expected dataset_path",
  process_docs: "expected rows with the columns that the templates use",
  process_results: "expected a metric of metric_list",
  doc_to_image: "expected a task of texts",
  doc_to_audio: "expected a task of texts",
};

/** Throws a UserError that names the place of the first key or value that is wrong or not supported. */
export function checkTask({ values, locate }: Pick<YamlSource, "values" | "locate">): void {
  const fail: Fail = (path, problem) => {
    throw new UserError(`${locate(path, { key: true })} ${path.join(".")}: ${problem}`);
  };
  checkKeys(values, { path: [], keys: KEYS, unsupported: UNSUPPORTED, fail });
  const task = values as unknown as TaskConfig;
  const type = outputTypeOf(task);
  for (const key of ["task", "dataset_path", "doc_to_target", "output_type"]) {
    if (values[key] === undefined) fail([key], `it is missing, expected ${key === "output_type" ? "one" : "a text"}`);
  }
  if (task.doc_to_text === undefined && type !== "loglikelihood_rolling") fail(["doc_to_text"], "it is missing");
  if (type === "multiple_choice" && task.doc_to_choice === undefined) fail(["doc_to_choice"], "it is missing");
  if (task.test_split === undefined && task.validation_split === undefined) {
    fail(["test_split"], "it is missing, and so is validation_split, expected the split that is evaluated");
  }
  task.metric_list?.forEach((_, i) => checkMetric(task, i, fail));
  task.filter_list?.forEach((filter, i) => {
    const path = ["filter_list", i];
    const isFilter = typeof filter.name === "string" && Array.isArray(filter.filter) &&
      filter.filter.every((step) => isMapping(step) && typeof step.function === "string");
    if (!isFilter) fail(path, 'expected "name", and "filter" as a list with a "function" in each');
    attempt(path, () => responseFilter(filter), fail);
    if (type !== "generate_until" && filter.filter.length > 1) fail(path, `expected take_first alone for ${type}`);
  });
  if (task.generation_kwargs !== undefined) {
    if (type !== "generate_until") fail(["generation_kwargs"], `expected none for ${type}`);
    attempt(["generation_kwargs"], () => generationSettings(task.generation_kwargs!), fail);
  }
}

function attempt(path: Path, run: () => unknown, fail: Fail): void {
  try {
    run();
  } catch (error) {
    fail(path, errorLine(error));
  }
}

function checkKeys(
  values: Readonly<Record<string, unknown>>,
  { path, keys, unsupported = {}, fail }: {
    path: Path;
    keys: Readonly<Record<string, Check>>;
    unsupported?: Readonly<Record<string, string>>;
    fail: Fail;
  },
): void {
  for (const [key, value] of Object.entries(values)) {
    const place = [...path, key];
    const check = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (check !== undefined) check(value, place, fail);
    else if (Object.hasOwn(unsupported, key)) fail(place, `this key is not supported, ${unsupported[key]}`);
    else {
      const nearest = nearestWord(key, Object.keys(keys));
      fail(
        place,
        nearest ? `unknown key, did you mean "${nearest}"?` : `unknown key, expected ${Object.keys(keys).join(", ")}`,
      );
    }
  }
}

function fewShotConfig(value: unknown, path: Path, fail: Fail): void {
  mapping(value, path, fail);
  checkKeys(value as Record<string, unknown>, {
    path,
    keys: { ...FIELDS, sampler: word(SAMPLERS), split: text, samples: mappings },
    unsupported: { fewshot_indices: "which lm-eval reads and does not use", process_docs: UNSUPPORTED.process_docs! },
    fail,
  });
}

function datasetKwargs(value: unknown, path: Path, fail: Fail): void {
  mapping(value, path, fail);
  const files: Check = (value, path, fail) => {
    if (!isMapping(value)) return texts(value, path, fail);
    for (const [split, names] of Object.entries(value)) texts(names, [...path, split], fail);
  };
  checkKeys(value as Record<string, unknown>, {
    path,
    keys: { data_files: files, revision: text, trust_remote_code: flag },
    fail,
  });
}

/** Aggregations of values that are a sum and what it is divided by. */
const WEIGHTED = ["weighted_perplexity", "bits_per_byte"];

function checkMetric(task: TaskConfig, index: number, fail: Fail): void {
  const path = ["metric_list", index];
  const settings = task.metric_list![index] as unknown as Record<string, unknown>;
  const type = outputTypeOf(task);
  const facts = Object.hasOwn(METRICS, String(settings.metric)) ? METRICS[String(settings.metric)] : undefined;
  if (facts === undefined || !facts.of.includes(type)) {
    const known = Object.entries(METRICS).filter(([, { of }]) => of.includes(type)).map(([name]) => name);
    return fail([...path, "metric"], `it is ${show(settings.metric)}, expected one of ${known.join(", ")} for ${type}`);
  }
  const isWeighted = WEIGHTED.includes(facts.aggregation);
  const aggregations = AGGREGATIONS.filter((name) => WEIGHTED.includes(name) === isWeighted);
  const own: Readonly<Record<string, Check>> = settings.metric === "exact_match" && type === "generate_until"
    ? { ignore_case: flag, ignore_punctuation: flag, ignore_numbers: flag, regexes_to_ignore: texts }
    : {};
  checkKeys(settings, {
    path,
    keys: { metric: text, aggregation: word(aggregations), higher_is_better: flag, ...own },
    unsupported: { hf_evaluate: "expected a metric by its name alone" },
    fail,
  });
  if (typeof settings.regexes_to_ignore === "string") fail([...path, "regexes_to_ignore"], "expected a list of texts");
  if (settings.metric === "exact_match") attempt(path, () => exactMatch(task.metric_list![index]!), fail);
}
