/** What the commands say they have made. @module */
import { deepEqual } from "node:assert/strict";
import { madeLines } from "../../../cli/commands/_made_lines.ts";
import { loadConfig } from "../../../core/config/config.ts";

Deno.test.each([
  ["without lora", [], ["Model: run/model (loss 0.5000)"]],
  ["merged", ["lora.r=2"], ["Model: run/model (loss 0.5000)"]],
  ["the adapter", ["lora.save=adapter"], ["Adapter: run/adapter (loss 0.5000)"]],
  ["both", ["lora.save=both"], ["Model: run/model (loss 0.5000)", "Adapter: run/adapter"]],
])("madeLines() names what is handed out: %s", async (_, set, expected) => {
  const config = await loadConfig(undefined, { set: ["output_dir=run", ...set] });
  deepEqual(madeLines(config, { loss: 0.5 }), expected);
});

Deno.test("madeLines() says nothing of a loss that is not there", async () => {
  deepEqual(madeLines(await loadConfig(undefined, { set: ["output_dir=run"] })), ["Model: run/model"]);
});
