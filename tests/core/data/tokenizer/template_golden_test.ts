import { equal, ok, throws } from "node:assert/strict";
import { compileTemplate } from "../../../../core/data/tokenizer/template/compile_template.ts";
import goldens from "./goldens/templates.json" with { type: "json" };

const CASES = goldens.cases as [template: string, text: string | { error: string }][];
const now = (): Date => new Date(2026, 10, 5, 7, 8, 9);

Deno.test({
  name: "compileTemplate() writes what jinja2 writes, and fails where jinja2 fails, without any permission",
  permissions: "none",
  fn: compareAll,
});

function compareAll(): void {
  ok(CASES.length > 250);
  for (const [template, expected] of CASES) {
    const render = (): string => compileTemplate(template, { now })(goldens.variables);
    if (typeof expected === "string") equal(render(), expected, template);
    else throws(render, { name: "TemplateError" }, `${template}: expected ${expected.error}`);
  }
}
