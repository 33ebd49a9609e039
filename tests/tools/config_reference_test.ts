import { equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { configReference } from "../../tools/config_reference.ts";

const PAGE = fileURLToPath(new URL("../../docs/configuration.md", import.meta.url));

Deno.test("docs/configuration.md is what the schema says (else: deno task docs)", async () => {
  equal(await Deno.readTextFile(PAGE), configReference());
});

Deno.test("configReference() names type, bounds, default and meaning of keys in sections, lists and unions", () => {
  const page = configReference({
    type: "object",
    properties: {
      name: { type: "string", description: "Its name.", default: "x" },
      rate: {
        anyOf: [{ type: "number", exclusiveMinimum: 0 }, {
          type: "array",
          items: { type: "number", exclusiveMinimum: 0 },
        }],
      },
      part: {
        description: "A part.",
        anyOf: [{ const: "none" }, {
          type: "object",
          properties: { inner: { type: "object", description: "Deeper.", properties: { on: { type: "boolean" } } } },
        }],
      },
    },
  });
  match(page, /\| `name` \| text \| `"x"` \| Its name\. \|/);
  match(page, /\| `rate` \| number > 0 or a list of them \|/);
  match(page, /## part\n\nA part\. It is `none` or a mapping\./);
  match(page, /## part\.inner\n\nDeeper\.\s+\| key .*\n.*\n\| `on` \| `true`, `false` \|/);
});
