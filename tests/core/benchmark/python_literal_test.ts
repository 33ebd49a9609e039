import { deepEqual, throws } from "node:assert/strict";
import { parseLiteral } from "../../../core/benchmark/python_literal.ts";
import goldens from "./goldens/python_calls.json" with { type: "json" };

Deno.test("parseLiteral() reads what ast.literal_eval reads, but for sets", () => {
  for (const [text, { value, error }] of goldens.literals as [string, { value?: unknown; error?: true }][]) {
    if (error || text === "{'a'}") throws(() => parseLiteral(text), { name: /SyntaxError|TemplateError/ }, text);
    // A whole float is an object of its own.
    else deepEqual(JSON.parse(JSON.stringify(parseLiteral(text))), value, text);
  }
});
