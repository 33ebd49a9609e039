import { deepEqual, equal } from "node:assert/strict";
import {
  benchmarkNumbers,
  isStderrName,
  mainNumbers,
  stderrName,
  tellingNumbers,
  toldTasks,
} from "../../../core/benchmark/benchmark_numbers.ts";

const FILE = {
  results: {
    arc: { alias: "arc", "acc,none": 0.5, "acc_stderr,none": 0.1, "acc_norm,none": 0.25, sample_len: 4 },
    gsm8k: { "exact_match,strict-match": 0, "exact_match_stderr,strict-match": "N/A" },
    part: { "acc,none": 1, "acc_stderr,none": 0 },
    inner: { "acc,none": 1, "acc_stderr,none": 0 },
    whole: { "acc,none": 1, "acc_stderr,none": 0, sample_count: { "acc,none": 9 } },
    list: { alias: "list" },
    text: { "word_perplexity,none": Infinity, "bits_per_byte,none": 2 },
  },
  // A group that holds itself ends.
  group_subtasks: { whole: ["inner", "whole"], inner: ["part"], list: ["arc", "gsm8k"] },
  higher_is_better: { arc: { acc: true, acc_norm: true }, text: { bits_per_byte: false }, whole: { acc: null } },
};

Deno.test("benchmarkNumbers() names the numbers of tasks and groups, without what is in a group that has a value", () => {
  deepEqual(toldTasks(FILE), ["arc", "gsm8k", "whole", "text"]);
  deepEqual(benchmarkNumbers(FILE), {
    metrics: {
      "arc/acc": 0.5,
      "arc/acc_stderr": 0.1,
      "arc/acc_norm": 0.25,
      "gsm8k/exact_match,strict-match": 0,
      "whole/acc": 1,
      "whole/acc_stderr": 0,
      "text/bits_per_byte": 2,
    },
    higher_is_better: { "arc/acc": true, "arc/acc_norm": true, "text/bits_per_byte": false },
  });
  deepEqual(benchmarkNumbers({ results: { odd: null, list: [1] } }).metrics, {});
});

Deno.test("mainNumbers() takes of each task the number that tells most, and stderrName() that of its error", () => {
  deepEqual(mainNumbers(Object.keys(benchmarkNumbers(FILE).metrics)), [
    "arc/acc_norm",
    "gsm8k/exact_match,strict-match",
    "whole/acc",
    "text/bits_per_byte",
  ]);
  deepEqual(mainNumbers(["eval_loss", "steps", "a/b/acc", "a/b/acc_stderr"]), ["a/b/acc"]);
  deepEqual(mainNumbers(["my task/f1,first of 2.5", "my task/f1_stderr,first of 2.5"]), ["my task/f1,first of 2.5"]);
  deepEqual(tellingNumbers(["text/word_perplexity", "a/acc", "b/exact_match"]), ["a/acc", "b/exact_match"]);
  deepEqual(tellingNumbers(["a/acc", "openllm/average", "openllm/average_stderr"]), ["openllm/average"]);
  equal(stderrName("a/b/acc"), "a/b/acc_stderr");
  equal(stderrName("gsm8k/exact_match,strict-match"), "gsm8k/exact_match_stderr,strict-match");
  deepEqual(["arc/acc", "arc/acc_stderr", "g/em_stderr,x", "g/em,x"].map(isStderrName), [
    false,
    true,
    true,
    false,
  ]);
});
