/** Built-in tasks on rows that were written for the tests. @module */
import { BenchmarkTask, type DocumentRequest, type TaskOptions } from "../../../core/benchmark/benchmark_task.ts";
import { findTasks } from "../../../core/benchmark/find_tasks.ts";
import type { PromptOptions } from "../../../core/benchmark/prompts.ts";
import type { Doc, TaskConfig } from "../../../core/benchmark/task_config.ts";
import type { JsonObject, JsonValue } from "../../../core/data/formats/json_numbers.ts";

const science = (question: string, texts: string[], answerKey: string, labels = "ABCDE"): JsonObject => ({
  id: question.slice(0, 4),
  question,
  choices: { text: texts, label: [...labels.slice(0, texts.length)] },
  answerKey,
});

const quiz = (question: string, right: string, wrong: string[]): JsonObject => {
  const targets = { choices: [right, ...wrong], labels: [1, ...wrong.map(() => 0)] };
  return { question, mc1_targets: targets, mc2_targets: targets };
};

/** Rows by task: the first are evaluated, and examples are drawn from all others. */
export const ROWS: Readonly<Record<string, readonly Doc[]>> = {
  arc: [
    science("Which of these is warm?", ["ice", "the sun", "snow"], "B"),
    science("Which floats?", ["wood", "iron"], "1", "12"),
    science("What do bees make?", ["honey", "milk", "silk", "wool"], "A"),
    science("What is red?", ["a lemon", "a cherry"], "B"),
    science("What barks?", ["a dog", "a cat"], "A"),
  ],
  hellaswag: [
    {
      activity_label: "Making tea",
      ctx_a: "A man boils water. [substeps] He waits.",
      ctx_b: "he THEN",
      endings: ["pours  it.", "[step] leaves [title] at once", "sings.", "sleeps."],
      label: "0",
    },
    { activity_label: "Skiing", ctx_a: "Two go up.", ctx_b: "", endings: ["They fall.", "They fly."], label: "0" },
    { activity_label: "Rowing", ctx_a: "A boat.", ctx_b: "it", endings: ["sinks.", "moves."], label: "1" },
  ],
  winogrande: [
    { sentence: "Ann gave Bea a book because _ had two.", option1: "Ann", option2: "Bea", answer: "1" },
    { sentence: "The cup broke the plate as _ was hard.", option1: "the cup", option2: "the plate", answer: "1" },
    { sentence: "Cem saw Dan, but _ looked away.", option1: "Cem", option2: "Dan", answer: "2" },
  ],
  piqa: [
    { goal: "Open a jar", sol1: "Turn the lid.", sol2: "Shake the jar.", label: 0 },
    { goal: "Dry a shirt", sol1: "Freeze it.", sol2: "Hang it up.", label: 1 },
  ],
  openbookqa: [
    { question_stem: "Plants need", ...choicesOf(["light", "noise", "salt", "ink"]), answerKey: " A" },
    { question_stem: "A magnet pulls", ...choicesOf(["iron", "glass", "wool", "air"]), answerKey: "A" },
  ],
  boolq: [
    { question: "is water wet", passage: "Water is a liquid.", idx: 0, label: 1 },
    { question: "do stones swim", passage: "Stones sink.", idx: 1, label: 0 },
  ],
  truthfulqa: [
    quiz("Do fish breathe?", "Fish take oxygen from water.", ["Fish never breathe.", "Only whales do."]),
    quiz("Can pigs fly?", "No, pigs cannot fly.", ["Yes, at night."]),
  ],
  gsm8k: [
    { question: "Tom has 2 pens and buys 3. How many has he?", answer: "2 + 3 = <<2+3=5>>5\n#### 5" },
    { question: "What is 10 times 100?", answer: "It is 1,000.\n#### 1,000" },
    { question: "What is half of 9?", answer: "#### 4.5" },
    { question: "A box holds 6. How many do 2 hold?", answer: "2*6=12\n#### 12" },
  ],
  mmlu: [
    { question: " What is 1+1? ", subject: "world_religions", choices: ["1", "2", "3", "4"], answer: 1 },
    { question: "Which is a fruit?", subject: "world_religions", choices: ["pear", "oak", "fern", "moss"], answer: 0 },
    { question: "Which is a tree?", subject: "world_religions", choices: ["pear", "oak", "fern", "moss"], answer: 1 },
  ],
};

function choicesOf(text: string[]): JsonObject {
  return { choices: { text, label: ["A", "B", "C", "D"] } };
}

/** A built-in task. */
export function taskConfig(name: string): TaskConfig {
  return findTasks(name).tasks[0]!;
}

/** A task on rows of {@linkcode ROWS}: the first one is evaluated unless `evaluated` is given. */
export function openRows(
  config: TaskConfig,
  { family, evaluated, pool, ...options }: TaskOptions & { family: string; evaluated?: number; pool?: readonly Doc[] },
): BenchmarkTask {
  const rows = ROWS[family]!;
  const count = evaluated ?? 1;
  return new BenchmarkTask(config, { evaluated: rows.slice(0, count), pool: pool ?? rows.slice(count) }, options);
}

/** The first request of a task. */
export function firstRequest(task: BenchmarkTask, options: PromptOptions = {}): DocumentRequest {
  return [...task.requests({ ...options, limit: 1 })][0]!;
}

/** What is asked, as plain values. */
export function askedOf(request: DocumentRequest): JsonValue {
  const { asked } = request;
  if (asked.kind === "loglikelihood") return asked.pairs.map(({ context, continuation }) => [context, continuation]);
  return asked.kind === "generate" ? [asked.context, [...asked.settings.until]] : asked.text;
}
