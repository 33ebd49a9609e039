import { equal, throws } from "node:assert/strict";
import {
  differencesByIteration,
  differencesTable,
  meanAndError,
  replaceBetweenMarkers,
  resultsTable,
} from "../../examples/quickstart/results_table.ts";

Deno.test("meanAndError() divides the sample's deviation by the root of the count", () => {
  // Deviation of 1, 2, 3, 4, 5 with four degrees of freedom: √2.5; over √5: 0.707.
  equal(meanAndError([1, 2, 3, 4, 5]), "3.0 ± 0.7");
  equal(meanAndError([80, 80]), "80.0 ± 0.0");
});

const METHODS = [
  { name: "SPIN", runs: [[0.8, 0.9, 0.7], [0.8, 0.7, 0.72]] },
  { name: "DNPO", runs: [[0.8, 0.9, 0.9], [0.8, 0.95, 0.9]] },
].map(({ name, runs }) => ({
  name,
  runs: runs.map((run) => run.map((greedy, i) => ({ iteration: i - 1, greedy, sampled: greedy / 2 }))),
}));

Deno.test("resultsTable() has a line per method, percent after every iteration", () => {
  equal(
    resultsTable(METHODS, "greedy"),
    `| greedy, % |      start |           0 |          1 |
| --------- | ---------: | ----------: | ---------: |
| SPIN      | 80.0 ± 0.0 | 80.0 ± 10.0 | 71.0 ± 1.0 |
| DNPO      | 80.0 ± 0.0 |  92.5 ± 2.5 | 90.0 ± 0.0 |`,
  );
});

Deno.test("differencesTable() takes differences within seeds, at the end and of the best iterations", () => {
  equal(
    differencesTable(METHODS, [["DNPO", "SPIN"]]),
    `| points      | sampled, end | sampled, best | greedy, end | greedy, best |
| ----------- | -----------: | ------------: | ----------: | -----------: |
| DNPO − SPIN |    9.5 ± 0.5 |     5.8 ± 5.8 |  19.0 ± 1.0 |  11.5 ± 11.5 |`,
  );
});

Deno.test("differencesByIteration() takes differences within seeds after every iteration", () => {
  equal(
    differencesByIteration(METHODS, [["DNPO", "SPIN"]], "greedy"),
    `| greedy, points |           0 |          1 |
| -------------- | ----------: | ---------: |
| DNPO − SPIN    | 12.5 ± 12.5 | 19.0 ± 1.0 |`,
  );
});

Deno.test("replaceBetweenMarkers() keeps what lies around, and refuses a text without markers", () => {
  const text = "before\n\n<!-- a: begin -->\nold\n<!-- a: end -->\n\nafter\n";
  const once = replaceBetweenMarkers(text, "a", "new");
  equal(once, "before\n\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\n\nafter\n");
  equal(replaceBetweenMarkers(once, "a", "new"), once);
  throws(() => replaceBetweenMarkers(text, "b", "new"), /Cannot find <!-- b: begin -->/);
});
