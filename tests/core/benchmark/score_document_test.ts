import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { BenchmarkTask } from "../../../core/benchmark/benchmark_task.ts";
import { scoreChoices } from "../../../core/benchmark/choice_metrics.ts";
import { exactMatch } from "../../../core/benchmark/exact_match.ts";
import { type Answer, DocumentScorer } from "../../../core/benchmark/score_document.ts";
import { responseFilter } from "../../../core/benchmark/response_filters.ts";
import type { TaskConfig } from "../../../core/benchmark/task_config.ts";
import goldens from "./goldens/python_calls.json" with { type: "json" };
import { firstRequest, openRows, taskConfig } from "./_tasks.ts";

const logps = (...values: number[]): Answer => values.map((logp) => ({ logp, isGreedy: logp > -1 }));

function scoreOf(config: TaskConfig, family: string, answer: Answer): unknown {
  const task = openRows(config, { family, numFewShot: 0 });
  return new DocumentScorer(task).score(firstRequest(task), answer);
}

Deno.test("a choice is right by its log-likelihood, and by that of each character", () => {
  const metrics = { filter: "none", filtered: null };
  // "ice", "the sun", "snow": the second is right, and has the most characters.
  deepEqual(scoreOf(taskConfig("arc_easy"), "arc", logps(-9, -8, -10)), [{
    ...metrics,
    metrics: { acc: 1, acc_norm: 1 },
  }]);
  deepEqual(scoreOf(taskConfig("arc_easy"), "arc", logps(-7, -8, -10)), [{
    ...metrics,
    metrics: { acc: 0, acc_norm: 1 },
  }]);
  // WinoGrande's right choice is that of its contexts.
  deepEqual(scoreOf(taskConfig("winogrande"), "winogrande", logps(-1, -2)), [{ ...metrics, metrics: { acc: 1 } }]);
  deepEqual(scoreOf(taskConfig("boolq"), "boolq", logps(-1, -1)), [{ ...metrics, metrics: { acc: 0 } }]);
});

Deno.test("scoreChoices() counts code points, takes the first of equals, and what is no number before all", () => {
  const score = (choices: string[], gold: number | string | number[], ...values: number[]): Record<string, number> =>
    scoreChoices(choices, gold, logps(...values) as { logp: number; isGreedy: boolean }[]);
  // Two code points, four UTF-16 units, eight bytes.
  equal(score(["🦊🦊", "abc"], 1, -4, -4.5).acc_norm, 1);
  equal(score(["🦊🦊", "abc"], 0, -4, -4.5).acc_bytes, 1);
  equal(score(["a", "b"], 0, -2, -2).acc, 1);
  equal(score(["a", "b"], 1, -2, NaN).acc, 1);
  deepEqual(score(["a", "b"], "b", -2, -0.5), { acc: 1, acc_norm: 1, acc_bytes: 1, exact_match: 1 });
  equal(score(["a", "b", "c"], [0, 2, 9], -3, -2, -0.5).acc, 1);
  equal(score(["a", "b"], 7, -2, -0.5).acc, 0);
  equal(score(["a", "b"], "c", -2, -0.5).acc, 0);
  // The unconditional log-likelihoods stand after the others.
  equal(score(["a", "b"], 0, -3, -2, -5, -1).acc_mutual_info, 1);
});

Deno.test("mc2 is the share of the right answers in the probability of all", () => {
  const [{ metrics }] = scoreOf(taskConfig("truthfulqa_mc2"), "truthfulqa", logps(-1, -2, -3)) as [
    { metrics: { acc: number } },
  ];
  const [a, b, c] = [Math.exp(-1), Math.exp(-2), Math.exp(-3)];
  ok(Math.abs(metrics.acc - a / (a + b + c)) < 1e-15);
  const [none] = scoreOf(taskConfig("truthfulqa_mc2"), "truthfulqa", logps(-800, -800, -800)) as [
    { metrics: { acc: number } },
  ];
  ok(Number.isNaN(none.metrics.acc));
});

Deno.test("an answer of GSM8K is found in two ways", () => {
  const score = (answer: string): unknown[] =>
    (scoreOf(taskConfig("gsm8k"), "gsm8k", answer) as { filtered: string; metrics: { exact_match: number } }[])
      .map(({ filtered, metrics }) => [filtered, metrics.exact_match]);
  deepEqual(score(" 2 + 3 = 5\n#### 5"), [["5", 1], ["5", 1]]);
  deepEqual(score("It is 5."), [["[invalid]", 0], ["5.", 1]]);
  deepEqual(score("#### 5\n#### 6"), [["5", 1], ["6", 0]]);
  deepEqual(score(""), [["[invalid]", 0], ["[invalid]", 0]]);
});

Deno.test("exactMatch() compares as lm-eval's exact_match, whose texts numpy holds", () => {
  for (const [settings, expected] of goldens.matches as [Record<string, unknown>, boolean[]][]) {
    const matches = exactMatch({
      metric: "exact_match",
      ignore_case: settings.case === true,
      ignore_punctuation: settings.punctuation === true,
      ignore_numbers: settings.numbers === true,
      ...(settings.regexes !== undefined && { regexes_to_ignore: settings.regexes as string[] }),
    });
    deepEqual(goldens.pairs.map(([a, b]) => matches(a!, b!)), expected, JSON.stringify(settings));
  }
});

Deno.test("filters are applied one after the other", () => {
  const filter = (steps: Record<string, unknown>[]): (text: string) => string =>
    responseFilter({ name: "x", filter: [...steps, { function: "take_first" }] as never }).apply;
  equal(filter([{ function: "lowercase" }, { function: "remove_whitespace" }])(" YES\u2003"), "yes");
  equal(filter([{ function: "uppercase" }])("yes"), "YES");
  const map = filter([{ function: "map", mapping_dict: { A: "1" }, default_value: "?" }]);
  deepEqual([map("A"), map("toString")], ["1", "?"]);
  equal(filter([{ function: "regex", regex_pattern: "\\((\\w)\\)", fallback: "none" }])("(A) (B)"), "A");
  throws(() => filter([{ function: "regex", regex_pattern: "a", group_select: 3 }])("a"), {
    name: "UserError",
    message: 'Cannot use the filter "x": "group_select" is 3 and a response has 1 matches, expected 0 or −1',
  });
  throws(() => filter([{ function: "map", mapping_dict: {} }])("a"), /it maps a response to null/);
});

Deno.test("a generated answer may have several right texts, or be a choice", () => {
  const row = { q: "?", texts: ["Paris", "paris"], label: 1 };
  const score = (config: Partial<TaskConfig>, answer: string): number => {
    const task = new BenchmarkTask({
      task: "own",
      dataset_path: "json",
      test_split: "test",
      doc_to_text: "q",
      output_type: "generate_until",
      ...config,
    }, { evaluated: [row] });
    return new DocumentScorer(task).score(firstRequest(task), answer)[0]!.metrics.exact_match as number;
  };
  equal(score({ doc_to_target: "texts" }, "paris"), 1);
  equal(score({ doc_to_target: "{{texts}}" }, "Rome"), 0);
  equal(score({ doc_to_target: "label" }, "1"), 1);
  equal(score({ doc_to_target: "label", doc_to_choice: ["no", "yes"] }, "yes"), 1);
});

Deno.test("a whole text counts words, bytes and tokens", () => {
  const task = new BenchmarkTask(taskConfig("perplexity"), { evaluated: [{ text: "Zwei  große\nHunde 🦊" }] });
  const [score] = new DocumentScorer(task).score(firstRequest(task), { logp: -12, tokens: 7 });
  deepEqual(score!.metrics, {
    word_perplexity: [-12, 4],
    byte_perplexity: [-12, 23],
    bits_per_byte: [-12, 23],
    token_perplexity: [-12, 7],
  });
});

Deno.test("an answer of another kind is the caller's mistake", () => {
  throws(() => scoreOf(taskConfig("arc_easy"), "arc", "text"), { name: "TypeError" });
  throws(() => scoreOf(taskConfig("arc_easy"), "arc", logps(-1)), { name: "TypeError" });
});
