import { deepEqual } from "node:assert/strict";
import { mlflowParams } from "../../../../core/run/trackers/flat_config.ts";

Deno.test("mlflowParams() cuts a long value between characters, at what MLflow takes", () => {
  const [fits, long] = ["🙂".repeat(500), "🙂".repeat(501)];
  deepEqual(mlflowParams({ data: { template: fits, prompt: long, prompt_words: ["a\nb", 1] }, model: "a\r\nb" }), [
    { key: "data.template", value: fits },
    { key: "data.prompt", value: `${"🙂".repeat(499)}…` },
    { key: "data.prompt_words", value: '["a\\nb",1]' },
    { key: "model", value: "a b" },
  ]);
  // 498 letters and one character of two units.
  deepEqual(mlflowParams({ model: `${"x".repeat(498)}🙂yyy` }), [
    { key: "model", value: `${"x".repeat(498)}🙂…` },
  ]);
});
