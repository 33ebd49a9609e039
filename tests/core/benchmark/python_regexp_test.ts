import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { PythonRegExp } from "../../../core/benchmark/python_regexp.ts";
import { assertLinear } from "../../_shared/linear_time.ts";
import goldens from "./goldens/python_calls.json" with { type: "json" };

/** Patterns of the goldens that are refused. */
const UNSUPPORTED = ["(a)\\1"];

Deno.test("PythonRegExp finds and removes what Python's re does", () => {
  let cases = 0;
  for (const [source, found] of goldens.regexps as [string, [unknown[], string][]][]) {
    if (UNSUPPORTED.includes(source)) {
      throws(() => new PythonRegExp(source), { name: "SyntaxError", message: /not supported/ });
      continue;
    }
    const pattern = new PythonRegExp(source);
    for (const [i, [all, removed]] of found.entries()) {
      const text = goldens.texts[i]!;
      deepEqual(pattern.findAll(text), all, `${source} in ${JSON.stringify(text)}`);
      equal(pattern.remove(text), removed, `${source} in ${JSON.stringify(text)}`);
      cases++;
    }
  }
  ok(cases > 350, `${cases} cases`);
});

Deno.test("PythonRegExp takes time linear in the text", () => {
  for (
    const [source, text] of [["(a|a|a)+b", "a"], ["(?s).*#### ", "#### a"], ["(a?)(a?)(a?)b|.", "a"], [
      "(?:a(?=.*b))+c|a",
      "a",
    ]] as const
  ) {
    const pattern = new PythonRegExp(source);
    assertLinear(source, 2e4, (size) => pattern.findAll(text.repeat(size / text.length)));
  }
});

Deno.test("PythonRegExp reads nested repetitions, and refuses those that would take too long to read", () => {
  const nested = (depth: number): string => "(?:".repeat(depth) + "a" + ")?".repeat(depth);
  deepEqual(new PythonRegExp(nested(8)).findAll("a"), ["a", ""]);
  const message = "its repetitions are too large, or nest too deeply";
  throws(() => new PythonRegExp(nested(60)), { name: "SyntaxError", message });
  equal(new PythonRegExp("(?:a{120}){120}").findAll("a".repeat(14400)).length, 1);
});

Deno.test("PythonRegExp refuses broken patterns in one line", () => {
  const broken = { "(": "a group has no end", ")": "unmatched", "[a": "a class has no end", "*": "nothing to repeat" };
  for (const [source, message] of Object.entries(broken)) {
    throws(() => new PythonRegExp(source), { name: "SyntaxError", message: new RegExp(message) });
  }
  for (
    const source of [
      "(?<=a+)b",
      "(?=(a))b",
      "(?x)a",
      "(a*)*",
      "a++",
      "\\p{L}",
      "(?P=n)",
      "(?(1)a)",
      "[b-a]",
      "a{3,1}",
      "(?i)é",
    ]
  ) {
    throws(() => new PythonRegExp(source), { name: "SyntaxError" }, source);
  }
});
