import assert from "node:assert/strict";
import type { BlockType } from "../../../core/checkpoint/gguf_blocks.ts";
import { quantizeBlocks } from "../../../core/export/quantize_blocks.ts";
import golden from "./goldens/quantized_blocks.json" with { type: "json" };

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const values = new Float32Array(bytesOf(golden.values).buffer as ArrayBuffer);

for (const type of ["Q8_0", "Q4_0"] as const) {
  Deno.test(`quantizeBlocks() makes the bytes of gguf's quants, ${type}`, () => {
    const expected = bytesOf(golden[type]);
    const size = expected.length / (values.length / 32);
    const bytes = quantizeBlocks(values, type);
    assert.equal(bytes.length, expected.length);
    for (let at = 0; at < bytes.length; at += size) {
      assert.deepEqual([...bytes.subarray(at, at + size)], [...expected.subarray(at, at + size)], `block ${at / size}`);
    }
  });
}

Deno.test("quantizeBlocks() refuses a scale that float16 cannot hold", () => {
  const cases: [BlockType, number][] = [["Q8_0", 65_520 * 127], ["Q4_0", 65_520 * 8]];
  for (const [type, value] of cases) {
    assert.throws(() => quantizeBlocks(new Float32Array(32).fill(value), type), /needs the scale -?65520, expected/);
    quantizeBlocks(new Float32Array(32).fill(value * 0.999), type);
  }
});
