import { equal, ok, throws } from "node:assert/strict";
import { compileTemplate } from "../../../../core/data/tokenizer/template/compile_template.ts";
import goldens from "./goldens/plain_templates.json" with { type: "json" };

const CASES = goldens.cases as [template: string, text: string | null][];

Deno.test("compileTemplate() renders in a plain environment what jinja2 renders, and refuses what is undefined", () => {
  ok(CASES.length > 60);
  for (const [template, expected] of CASES) {
    const render = (): string => compileTemplate(template, { isPlain: true })(goldens.variables);
    if (expected !== null) equal(render(), expected, template);
    else throws(render, { name: "TemplateError" }, template);
  }
});

Deno.test("compileTemplate() knows no tojson in a plain environment, whose own escapes HTML", () => {
  throws(() => compileTemplate("{{ x|tojson }}", { isPlain: true }), /No filter named 'tojson'|tojson/);
});
