import { deepEqual } from "node:assert/strict";
import { formatResults } from "../../cli/results_table.ts";

const BETTER = { acc: true, acc_norm: true };

Deno.test("formatResults() lays out tasks as lm-eval does", () => {
  deepEqual(
    formatResults({
      results: {
        gsm8k: {
          alias: "gsm8k",
          sample_len: 24,
          "exact_match,strict-match": 0,
          "exact_match_stderr,strict-match": "N/A",
          "exact_match,flexible-extract": 0.25,
          "exact_match_stderr,flexible-extract": 0.0903,
        },
        arc_challenge: {
          "acc,none": 0.25,
          "acc_stderr,none": 0.09028939,
          "acc_norm,none": 1 / 6,
          "acc_norm_stderr,none": 0.0777,
        },
      },
      versions: { arc_challenge: 1, gsm8k: 3 },
      "n-shot": { arc_challenge: 25, gsm8k: 5 },
      higher_is_better: { arc_challenge: BETTER, gsm8k: { exact_match: true } },
    }),
    [`
|    Tasks    |Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|
|-------------|------:|----------------|-----:|-----------|---|-----:|---|-----:|
|arc_challenge|      1|none            |    25|acc        |↑  |0.2500|±  |0.0903|
|             |       |none            |    25|acc_norm   |↑  |0.1667|±  |0.0777|
|gsm8k        |      3|flexible-extract|     5|exact_match|↑  |0.2500|±  |0.0903|
|             |       |strict-match    |     5|exact_match|↑  |0.0000|±  |   N/A|
`.trimStart()],
  );
});

Deno.test("formatResults() rounds as Python does, which takes the even digit in the middle of two", () => {
  const [table] = formatResults({
    results: {
      a: { "acc,none": 5 / 32, "acc_stderr,none": 3 / 32 },
      b: { "byte_perplexity,none": 1e22, "bits_per_byte,none": Infinity },
    },
    versions: { a: 1, b: 1 },
    "n-shot": { a: 0, b: 0 },
    higher_is_better: {},
  });
  deepEqual(
    table!.trimEnd().split("\n").slice(2).map((line) => line.split("|").map((cell) => cell.trim()).slice(7, 10)),
    [["0.1562", "±", "0.0938"], ["inf", "", ""], ["10000000000000000000000.0000", "", ""]],
  );
});

Deno.test("formatResults() indents members below their groups, and gives the groups a table", () => {
  const stem = { alias: "stem", name: "mmlu_stem", sample_len: 4, "acc,none": 0.5, "acc_stderr,none": 0.25 };
  deepEqual(
    formatResults({
      results: {
        zebra: { "acc,none": 1 },
        mmlu_anatomy: { alias: "anatomy", "acc,none": 0.5, "acc_stderr,none": 0.5 },
        mmlu_stem: stem,
      },
      groups: { mmlu_stem: stem },
      group_subtasks: { mmlu_stem: ["mmlu_anatomy", "mmlu_absent"] },
      versions: { mmlu_stem: 2, mmlu_anatomy: 1 },
      "n-shot": { mmlu_anatomy: 5 },
      higher_is_better: { mmlu_stem: BETTER, mmlu_anatomy: BETTER },
    }),
    [
      `
|  Tasks   |Version|Filter|n-shot|Metric|   |Value |   |Stderr|
|----------|------:|------|-----:|------|---|-----:|---|-----:|
|stem      |      2|none  |      |acc   |↑  |0.5000|±  |0.2500|
| - anatomy|      1|none  |     5|acc   |↑  |0.5000|±  |0.5000|
|zebra     |    N/A|none  |      |acc   |   |1.0000|   |      |
`.trimStart(),
      `
|Groups|Version|Filter|n-shot|Metric|   |Value |   |Stderr|
|------|------:|------|-----:|------|---|-----:|---|-----:|
|stem  |      2|none  |      |acc   |↑  |0.5000|±  |0.2500|
`.trimStart(),
    ],
  );
});
