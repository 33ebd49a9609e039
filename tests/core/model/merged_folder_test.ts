import assert from "node:assert/strict";
import { openAdapterFolder } from "../../../core/checkpoint/adapter_folder.ts";
import { type ModelFolder, openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { mergedFolder } from "../../../core/model/merged_folder.ts";

const ADAPTER = new URL("../export/goldens/llama_all", import.meta.url).pathname;
const BASE = new URL("../../parity/goldens/llama", import.meta.url).pathname;

Deno.test("a merged weight is the same, read whole or in pieces that begin and end within a row", async () => {
  const base = await openModelFolder(BASE);
  const inPieces: ModelFolder = {
    ...base,
    async *streamTensor(name) {
      const values = await base.readTensor(name);
      for (let at = 0; at < values.length; at += 7) yield values.slice(at, at + 7);
    },
  };
  const merged = mergedFolder(inPieces, await openAdapterFolder(ADAPTER));
  for (const { name } of parameterShapes(base.config)) {
    const whole = await merged.readTensor(name);
    const pieces = await Array.fromAsync(merged.streamTensor(name), (values) => [...values]);
    assert.deepEqual(pieces.flat(), [...whole]);
  }
});
