import { deepEqual, equal, rejects } from "node:assert/strict";
import { readTaskFile } from "../../../core/benchmark/task_file.ts";
import { splitSource } from "../../../core/benchmark/task_data.ts";
import { DocumentScorer } from "../../../core/benchmark/score_document.ts";
import { splitsOf } from "../../../core/benchmark/task_config.ts";
import { taskConfigJson } from "../../../core/benchmark/task_config_json.ts";
import { askedOf, firstRequest, openRows, taskConfig } from "./_tasks.ts";

const ARC = `
# A comment with !function in it.
tag:
  - ai2_arc
task: arc_easy
dataset_path: allenai/ai2_arc
dataset_name: ARC-Easy
output_type: multiple_choice
training_split: train
validation_split: validation
test_split: test
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{choices.label.index(answerKey)}}"
doc_to_choice: "{{choices.text}}"
should_decontaminate: true
doc_to_decontamination_query: "Question: {{question}}\\nAnswer:"
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: acc_norm
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
`;

const GSM8K = `
tag: [math_word_problems]
task: gsm8k
dataset_path: openai/gsm8k
dataset_name: main
output_type: generate_until
training_split: train
fewshot_split: train
test_split: test
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer}}"
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
    ignore_case: true
    ignore_punctuation: false
    regexes_to_ignore: [",", "\\\\$", "(?s).*#### ", "\\\\.$"]
generation_kwargs:
  until: ["Question:", "</s>", "<|im_end|>"]
  do_sample: false
  temperature: 0.0
repeats: 1
num_fewshot: 5
filter_list:
  - name: "strict-match"
    filter:
      - function: "regex"
        regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"
      - function: "take_first"
  - name: "flexible-extract"
    filter:
      - function: "regex"
        group_select: -1
        regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)"
      - function: "take_first"
metadata:
  version: 3.0
`;

async function withFile<T>(text: string, run: (file: string) => Promise<T>): Promise<T> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return await run(file);
  } finally {
    await Deno.remove(file);
  }
}

for (const [name, text, family] of [["arc_easy", ARC, "arc"], ["gsm8k", GSM8K, "gsm8k"]] as const) {
  Deno.test(`${name} as a file of one's own asks and scores as the built-in task does`, async () => {
    const own = await withFile(text, readTaskFile);
    const built = taskConfig(name);
    deepEqual(JSON.stringify(taskConfigJson(own)), JSON.stringify(taskConfigJson(built)));
    for (const numFewShot of [0, 2]) {
      const [a, b] = [own, built].map((config) => openRows(config, { family, evaluated: 2, numFewShot }));
      const [asked, expected] = [a!, b!].map((task) => [...task.requests()]);
      deepEqual(asked!.map(askedOf), expected!.map(askedOf));
      for (const [i, request] of asked!.entries()) {
        const answer = request.asked.kind === "loglikelihood"
          ? request.asked.pairs.map((_, at) => ({ logp: -at - 1, isGreedy: false }))
          : "So it is 5.\n#### 5";
        deepEqual(new DocumentScorer(a!).score(request, answer), new DocumentScorer(b!).score(expected![i]!, answer));
      }
    }
  });
}

Deno.test("a task's settings have lm-eval's keys, in its order", () => {
  deepEqual(Object.keys(taskConfigJson({ ...taskConfig("gsm8k"), num_fewshot: 5 })), [
    ...["task", "dataset_path", "dataset_name", "training_split", "test_split", "fewshot_split", "doc_to_text"],
    ...["doc_to_target", "unsafe_code", "description", "target_delimiter", "fewshot_delimiter", "fewshot_config"],
    ...["num_fewshot", "metric_list", "output_type", "generation_kwargs", "repeats", "filter_list"],
    ...["should_decontaminate", "metadata"],
  ]);
});

const SMALL = `task: colours
dataset_path: json
dataset_kwargs:
  data_files:
    test: colours.jsonl
    train: [a.jsonl, b.jsonl]
test_split: test
fewshot_split: train
output_type: multiple_choice
doc_to_text: goal
doc_to_choice: ["red", "blue"]
doc_to_target: label
`;

Deno.test("a task may name files, and columns in place of templates", async () => {
  const task = await withFile(SMALL, readTaskFile);
  deepEqual(splitsOf(task), { evaluated: "test", pool: "train" });
  deepEqual(splitSource(task, "train"), { files: ["a.jsonl", "b.jsonl"] });
  deepEqual(askedOf(firstRequest(openRows(task, { family: "piqa", numFewShot: 1 }))), [
    ["Dry a shirt blue\n\nOpen a jar", " red"],
    ["Dry a shirt blue\n\nOpen a jar", " blue"],
  ]);
});

/** What is wrong with a file, without its path. */
async function problem(text: string): Promise<string> {
  return await withFile(text, async (file) => {
    let message = "";
    await rejects(readTaskFile(file), (error: Error) => {
      equal(error.name, "UserError");
      equal(error.message.split("\n").length, 1);
      message = error.message.replace(file, "FILE");
      return true;
    });
    return message;
  });
}

const CHANGES: readonly [string, string, string][] = [
  [
    "doc_to_text: goal",
    "doc_to_text: !function utils.text",
    "FILE:10 doc_to_text: it is the Python function utils.text, which is not supported, expected a template",
  ],
  [
    "task: colours",
    "include: base.yaml\ntask: colours",
    "FILE:1:1 include: this key is not supported, expected all keys in this file",
  ],
  [
    "task: colours",
    "task: colours\nprocess_docs: x",
    "FILE:2:1 process_docs: this key is not supported, expected rows with the columns that the templates use",
  ],
  ["doc_to_text: goal", "doc_to_txt: goal", 'FILE:10:1 doc_to_txt: unknown key, did you mean "doc_to_text"?'],
  [
    "doc_to_text: goal",
    'doc_to_text: "{{goal"',
    'FILE:10:1 doc_to_text: line 1: unexpected end of template, expected "}}"',
  ],
  [
    '["red", "blue"]',
    "[no, yes]",
    "FILE:11:1 doc_to_choice: it is a list, expected a template, or choices that are texts (in quotes where YAML reads others)",
  ],
  ["doc_to_target: label\n", "", "FILE:1:1 doc_to_target: it is missing, expected a text"],
  [
    "test_split: test\n",
    "",
    "FILE:1:1 test_split: it is missing, and so is validation_split, expected the split that is evaluated",
  ],
  [
    "doc_to_target: label",
    "doc_to_target: label\nrepeats: 3",
    "FILE:13:1 repeats: it is 3, expected 1: a document is asked once",
  ],
  ...["num_fewshot", "fewshot_config", "metadata"].map((key): [string, string, string] => [
    "doc_to_target: label",
    `doc_to_target: label\n${key}: 2.0`,
    `FILE:13:1 ${key}: it is 2.0, expected ${key === "num_fewshot" ? "a whole number from 0" : "a mapping"}`,
  ]),
  [
    "doc_to_target: label",
    "doc_to_target: label\nnum_fewshot: few",
    'FILE:13:1 num_fewshot: it is "few", expected a whole number from 0',
  ],
  ...["metric_list", "filter_list"].map((key): [string, string, string] => [
    "doc_to_target: label",
    `doc_to_target: label\n${key}: []`,
    `FILE:13:1 ${key}: it is empty, expected one or more, or no such key`,
  ]),
  [
    "doc_to_target: label",
    "doc_to_target: label\nmetric_list: [{metric: bleu}]",
    'FILE:13:16 metric_list.0.metric: it is "bleu", expected one of acc, acc_norm, acc_bytes, acc_mutual_info, exact_match for multiple_choice',
  ],
  [
    "doc_to_target: label",
    "doc_to_target: label\nmetric_list: [{metric: acc, aggregation: bits_per_byte}]",
    'FILE:13:29 metric_list.0.aggregation: it is "bits_per_byte", expected one of mean, median, nanmean, perplexity',
  ],
  [
    "doc_to_target: label",
    "doc_to_target: label\nfewshot_config: {sampler: balanced}",
    'FILE:13:18 fewshot_config.sampler: it is "balanced", expected one of default, first_n',
  ],
  ["    test: colours.jsonl", "    1: colours.jsonl", "FILE:5:5 the key is 1, expected a text in quotes"],
  [
    "output_type: multiple_choice",
    "output_type: generate_until\nfilter_list: [{name: x, filter: [{function: regex}]}]",
    'FILE:10:15 filter_list.0: Cannot use the filter "x": it does not end with "take_first", expected that as its last',
  ],
  [
    "output_type: multiple_choice",
    'output_type: generate_until\nfilter_list: [{name: x, filter: [{function: regex, regex_pattern: "(a"}, {function: take_first}]}]',
    'FILE:10:15 filter_list.0: Cannot use the filter "x": regex: a group has no end',
  ],
  [
    "output_type: multiple_choice",
    "output_type: generate_until\nfilter_list: [{name: x, filter: [{function: multi_choice_regex}, {function: take_first}]}]",
    'FILE:10:15 filter_list.0: Cannot use the filter "x": the function "multi_choice_regex" is not supported, expected one of regex, remove_whitespace, lowercase, uppercase, map, take_first, majority_vote',
  ],
  [
    "output_type: multiple_choice",
    "output_type: generate_until\nfilter_list: [{name: x, filter: [{function: map, mapping_dict: 2.0}, {function: take_first}]}]",
    'FILE:10:15 filter_list.0: Cannot use the filter "x": map: "mapping_dict" is 2.0, expected a mapping',
  ],
  [
    "output_type: multiple_choice",
    "output_type: generate_until\ngeneration_kwargs: {until: 3}",
    'FILE:10:1 generation_kwargs: Cannot generate answers: "until" is 3, expected a text or a list of texts',
  ],
  ["task: colours", "task: colours\ntask: again", "FILE:2:1 Map keys must be unique"],
  ...["of/mine", "a,b", "a|b", "..", "a\\tb", " a"].map((name): [string, string, string] => [
    "task: colours",
    `task: "${name}"`,
    `FILE:1:1 task: it is "${name}", expected a text without , / \\ < > | \` and control characters, and with more than ` +
    "dots and blanks",
  ]),
];

Deno.test("a key or a value that is not understood is told with its place", async () => {
  for (const [from, to, expected] of CHANGES) equal(await problem(SMALL.replace(from, to)), expected);
});
