import assert from "node:assert/strict";
import { parse } from "yaml";
import { dnpo, succeeded, withFolder } from "../_shared/dnpo.ts";

Deno.test("dnpo config prints settings that load again, each with its origin", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/a.yaml`, "model: m\niterations: 4\n");
    const args = ["config", `${dir}/a.yaml`, "--set", "training.beta=0.5"];
    const text = succeeded(args, await dnpo(args));
    assert.match(text, /^iterations: 4 +# .*a\.yaml:2:13$/m);
    assert.match(text, /^ {2}beta: 0\.5 +# --set$/m);
    await Deno.writeTextFile(`${dir}/b.yaml`, text);
    const json = ["config", `${dir}/b.yaml`, "--json"];
    const { config, settings } = JSON.parse(succeeded(json, await dnpo(json)));
    assert.deepEqual(config, JSON.parse(JSON.stringify(parse(text))));
    assert(
      settings.some(({ key, from }: Record<string, string>) => key === "training.beta" && from!.includes("b.yaml:")),
    );
  }));

Deno.test("dnpo config --schema prints the schema", async () => {
  const args = ["config", "--schema"];
  const schema = JSON.parse(succeeded(args, await dnpo(args)));
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema.properties.training.properties.optim.default, "adamw");
});
