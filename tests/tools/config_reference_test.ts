import { equal, match } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../core/config/config.ts";
import { CONFIG_EXAMPLES } from "../../tools/config_examples.ts";
import { configReference } from "../../tools/config_reference.ts";

const PAGE = fileURLToPath(new URL("../../docs/configuration.md", import.meta.url));
const PAGE_TEXT = await Deno.readTextFile(PAGE);

Deno.test("docs/configuration.md is what the schema says (else: deno task docs)", () => {
  equal(PAGE_TEXT, configReference());
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

Deno.test("configReference() does not repeat a table that an earlier section has", () => {
  const columns = { a: { type: "string" }, b: { type: "string" }, c: { type: "string" } };
  const page = configReference({
    type: "object",
    properties: {
      one: { type: "object", properties: columns },
      same: { type: "object", properties: columns },
      more: { type: "object", properties: { ...columns, d: { type: "boolean" } } },
      other: { type: "object", properties: { ...columns, a: { type: "boolean" }, b: { type: "boolean" } } },
    },
  });
  match(page, /## same\n\n\s*Its keys are those of \[one\]\(#one\)\.\n/);
  match(page, /## more\n\n\s*\| key .*\n.*\n\| `d` .*\n\nThe keys `a`, `b`, `c` are as in \[one\]\(#one\)\.\n/);
  match(page, /## other\n\n\s*\| key .*\n.*\n\| `a` .*\n\| `b` .*\n\| `c` /);
});

for (const [section, example] of Object.entries(CONFIG_EXAMPLES)) {
  Deno.test(`the example of ${section || "a config"} loads, and stands under its section`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${dir}/config.yaml`, example);
      const config: unknown = await loadConfig(`${dir}/config.yaml`);
      equal(typeof config, "object");
      const part = section === "" ? PAGE_TEXT : PAGE_TEXT.split(`\n## ${section}\n`)[1]!.split("\n## ")[0]!;
      equal(part.includes(example), true);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
