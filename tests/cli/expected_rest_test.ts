import { equal } from "node:assert/strict";
import { ExpectedRest } from "../../cli/expected_rest.ts";

Deno.test("ExpectedRest adds the stages that follow, by what those before took", () => {
  const rest = new ExpectedRest([{ stage: "a", seconds: 10 }, { stage: "b", seconds: 20 }, { stage: "c", seconds: 5 }]);
  equal(rest.rest(3), null);
  rest.see("tokenize", 0);
  equal(rest.rest(3), null);
  rest.see("a", 1);
  equal(rest.rest(3), 28);
  // The first one took 20 seconds in place of 10.
  rest.see("b", 21);
  rest.see("b", 22);
  equal(rest.rest(3), 13);
  // Nothing follows the last one.
  rest.see("c", 30);
  equal(rest.rest(3), null);
});
