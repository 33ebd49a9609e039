import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { configJsonSchema, loadConfig, writeResolved } from "../../../core/config/config.ts";
import { EXAMPLE } from "./_configs.ts";

const schema = configJsonSchema();
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

/** Whether the schema takes a config, and the first place where it does not. */
function check(config: unknown): string | null {
  return validate(config) ? null : validate.errors![0]!.instancePath;
}

Deno.test("the schema is draft 2020-12, and accepts the examples", async () => {
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  const texts = [EXAMPLE];
  for await (const entry of Deno.readDir(new URL("../../../examples/", import.meta.url))) {
    const path = new URL(`../../../examples/${entry.name}/config.yaml`, import.meta.url);
    if (entry.isDirectory) texts.push(...await Deno.readTextFile(path).then((text) => [text], () => []));
  }
  assert(texts.length >= 2);
  for (const text of texts) assert.equal(check(parse(text)), null, text);
});

Deno.test("the schema accepts what a run writes down", async () => {
  for (const method of ["dnpo", "dpo", "spin", "sft"]) {
    assert.equal(check(parse(writeResolved(await loadConfig(undefined, { set: [`method=${method}`] })))), null);
  }
});

Deno.test.each([
  [{ modle: "m" }, ""],
  [{ method: "dnop" }, "/method"],
  [{ iterations: 0 }, "/iterations"],
  [{ data: { max_length: 1 } }, "/data/max_length"],
  [{ data: { trian: "rows" } }, "/data"],
  [{ training: { learning_rate: [] } }, "/training/learning_rate"],
  [{ training: { beta: 0 } }, "/training/beta"],
  [{ training: { report_to: ["comet"] } }, "/training/report_to"],
  [{ noise: { update: "both" } }, "/noise"],
])("the schema refuses %j", (config, place) => {
  assert.match(check(config) ?? "accepted", new RegExp(`^${place}`));
  assert.notEqual(check(config), null);
});
