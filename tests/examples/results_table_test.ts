import { equal, throws } from "node:assert/strict";
import { meanAndError, replaceBetweenMarkers, resultsTable } from "../../examples/quickstart/results_table.ts";

Deno.test("meanAndError() divides the sample's deviation by the root of the count", () => {
  // Deviation of 1, 2, 3, 4, 5 with four degrees of freedom: √2.5; over √5: 0.707.
  equal(meanAndError([1, 2, 3, 4, 5]), "3.0 ± 0.7");
  equal(meanAndError([80, 80]), "80.0 ± 0.0");
});

Deno.test("resultsTable() has a line per method, percent after every iteration", () => {
  const run = (greedy: number, sampled: number) => [
    { iteration: -1, greedy: 0.8, sampled: 0.5 },
    { iteration: 0, greedy, sampled },
  ];
  equal(
    resultsTable([{ name: "SPIN", runs: [run(0.7, 0.4), run(0.72, 0.4)] }, {
      name: "DNPO",
      runs: [run(0.9, 0.6), run(0.9, 0.7)],
    }]),
    `| method | greedy, start |  greedy, 0 | sampled, start | sampled, 0 |
| ------ | ------------: | ---------: | -------------: | ---------: |
| SPIN   |    80.0 ± 0.0 | 71.0 ± 1.0 |     50.0 ± 0.0 | 40.0 ± 0.0 |
| DNPO   |    80.0 ± 0.0 | 90.0 ± 0.0 |     50.0 ± 0.0 | 65.0 ± 5.0 |`,
  );
});

Deno.test("replaceBetweenMarkers() keeps what lies around, and refuses a text without markers", () => {
  const text = "before\n\n<!-- reproduce: begin -->\nold\n<!-- reproduce: end -->\n\nafter\n";
  const once = replaceBetweenMarkers(text, "new");
  equal(once, "before\n\n<!-- reproduce: begin -->\n\nnew\n\n<!-- reproduce: end -->\n\nafter\n");
  equal(replaceBetweenMarkers(once, "new"), once);
  throws(() => replaceBetweenMarkers("none", "new"), /Cannot find <!-- reproduce: begin -->/);
});
