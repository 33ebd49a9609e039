import assert from "node:assert/strict";
import { configJsonSchema } from "../../../core/config/config.ts";
import { knownKeys, nearestKey } from "../../../core/config/config_keys.ts";
import { editDistance } from "../../../core/config/nearest_word.ts";

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  additionalProperties?: boolean;
  anyOf?: Node[];
  items?: Node;
  default?: unknown;
}

Deno.test("configJsonSchema() describes every key and closes every mapping", () => {
  let keys = 0;
  const visit = (node: Node, path: string) => {
    if (node.properties) assert.equal(node.additionalProperties, false, path);
    for (const [key, inner] of Object.entries(node.properties ?? {})) {
      keys++;
      assert.match(inner.description ?? "", /.{5,}\.$/, `${path}.${key}`);
      visit(inner, `${path}.${key}`);
    }
    for (const branch of node.anyOf ?? []) visit(branch, path);
    if (node.items) visit(node.items, path);
  };
  const schema = configJsonSchema() as Node & { required?: string[] };
  visit(schema, "");
  assert(keys > 60, String(keys));
  assert.equal(schema.required, undefined);
  assert.equal(schema.properties?.training?.properties?.beta?.default, 0.1);
});

Deno.test("knownKeys() knows what holds numbers, alone, in lists and in mappings of lists", () => {
  const numeric = (path: string) => knownKeys().get(path)?.numeric;
  assert.equal(numeric("training.beta"), true);
  assert.equal(numeric("noise.alpha"), true);
  assert.equal(numeric("labels.margin"), true);
  assert.equal(numeric("model"), false);
  assert.equal(numeric("training"), false);
  assert.equal(numeric("nothing"), undefined);
});

Deno.test("editDistance() counts inserts, deletes, replacements and swaps", () => {
  assert.equal(editDistance("beta", "beta"), 0);
  assert.equal(editDistance("", "beta"), 4);
  assert.equal(editDistance("beta", ""), 4);
  assert.equal(editDistance("btea", "beta"), 1);
  assert.equal(editDistance("bta", "beta"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
});

Deno.test.each([
  ["", "modle", "model"],
  ["", "outputdir", "output_dir"],
  ["training", "lr", "training.learning_rate"],
  ["training", "batch_size", "training.per_device_train_batch_size"],
  ["training", "epochs", "training.num_train_epochs"],
  ["training", "max_grad", "training.max_grad_norm"],
  ["generation", "temprature", "generation.temperature"],
  ["noise", "max-variance", "noise.max_variance"],
  ["training", "beta_2", "training.adam_beta2"],
  ["training", "beta", "training.beta"],
  ["training", "eps", "training.adam_epsilon"],
  // Nothing is near.
  ["", "x", undefined],
  ["training", "frobnicate", undefined],
])("nearestKey(%j, %j) is %j", (parent, key, expected) => {
  assert.equal(nearestKey(parent, key), expected);
});
