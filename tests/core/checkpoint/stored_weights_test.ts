import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openWeights } from "../../../core/checkpoint/stored_weights.ts";
import { UserError } from "../../../core/error.ts";
import { counting, type RawTensor, safetensors, withFolder } from "./_fixtures.ts";

const A = "model-00001-of-00002.safetensors";
const B = "model-00002-of-00002.safetensors";

/** Two shards and an index; `map` overrides entries of the index. */
async function writeShards(dir: string, map: Record<string, unknown> = {}): Promise<void> {
  await Deno.writeFile(join(dir, A), safetensors({ x: counting([2], 1), y: counting([1], 5) }));
  await Deno.writeFile(join(dir, B), safetensors({ z: counting([3], 7) }));
  await writeIndex(dir, { metadata: { total_size: 24 }, weight_map: { x: A, y: A, z: B, ...map } });
}

async function writeIndex(dir: string, index: unknown): Promise<void> {
  await Deno.writeTextFile(join(dir, "model.safetensors.index.json"), JSON.stringify(index));
}

Deno.test("openWeights() reads F32, F16 and BF16 as float32, and bytes as they are stored", async () => {
  await withFolder(async (dir) => {
    const tensors: Record<string, RawTensor> = {
      odd: { dtype: "U8", shape: [1], bytes: Uint8Array.of(9) },
      f16: { dtype: "F16", shape: [2], bytes: Uint8Array.of(0, 0x3c, 1, 0) },
      bf16: { dtype: "BF16", shape: [1, 2], bytes: Uint8Array.of(0x80, 0x3f, 0x49, 0x40) },
      f32: counting([3], 1),
    };
    await Deno.writeFile(join(dir, "model.safetensors"), safetensors(tensors));
    const weights = await openWeights(dir);
    deepStrictEqual([...await weights.readFloat32("f16")], [1, 2 ** -24]);
    deepStrictEqual([...await weights.readFloat32("bf16")], [1, 3.140625]);
    deepStrictEqual([...await weights.readFloat32("f32")], [1, 2, 3]);
    deepStrictEqual(await weights.readBytes("f32"), tensors.f32!.bytes);
    deepStrictEqual([...await weights.readBytes("bf16", { start: 1, length: 2 })], [0x3f, 0x49]);
    deepStrictEqual([...await weights.readBytes("bf16", { start: 3 })], [0x40]);
    deepStrictEqual(weights.tensors.get("bf16")?.shape, [1, 2]);
    await rejects(weights.readBytes("f32", { start: 8, length: 5 }), RangeError);
    await rejects(weights.readFloat32("odd"), /Cannot load "odd" from .*dtype is U8, expected F32, F16, BF16 or F64/);
    await rejects(weights.readFloat32("no"), /Cannot load "no" from .*there is no tensor of that name/);
  });
});

Deno.test("openWeights() reads a tensor larger than its piece", async () => {
  await withFolder(async (dir) => {
    const values = Uint16Array.from({ length: 2 ** 22 + 5 }, (_, i) => i & 0x7f7f);
    const header = JSON.stringify({
      w: { dtype: "BF16", shape: [values.length], data_offsets: [0, values.byteLength] },
    });
    const file = new Uint8Array(8 + header.length + values.byteLength);
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(new TextEncoder().encode(header), 8);
    file.set(new Uint8Array(values.buffer), 8 + header.length);
    await Deno.writeFile(join(dir, "model.safetensors"), file);
    const bits = new Uint32Array((await (await openWeights(dir)).readFloat32("w")).buffer);
    strictEqual(bits.findIndex((bit, i) => bit !== values[i]! << 16), -1);
  });
});

Deno.test("openWeights() gathers shards by their index, and prefers the single file", async () => {
  await withFolder(async (dir) => {
    await writeShards(dir);
    const weights = await openWeights(dir);
    deepStrictEqual([...weights.tensors.keys()], ["x", "y", "z"]);
    deepStrictEqual([...await weights.readFloat32("y")], [5]);
    deepStrictEqual([...await weights.readFloat32("z")], [7, 8, 9]);
    strictEqual(weights.tensors.get("z")?.file, B);
    await Deno.writeFile(join(dir, "model.safetensors"), safetensors({ single: counting([1], 0) }));
    deepStrictEqual([...(await openWeights(dir)).tensors.keys()], ["single"]);
  });
});

Deno.test("openWeights() names the missing shard and the tensor that is not where the index says", async () => {
  await withFolder(async (dir) => {
    await rejects(openWeights(dir), /holds no weights, expected model\.safetensors or model\.safetensors\.index\.json/);
    await writeShards(dir, { more: B });
    await rejects(openWeights(dir), /Cannot load "more" from .*00002\.safetensors: it is not in that file/);
    await writeShards(dir, { z: A });
    await rejects(openWeights(dir), /Cannot load "z" from /);
    await writeIndex(dir, { weight_map: { x: A, z: B } });
    await rejects(openWeights(dir), /Cannot load "y" from .*says null, expected "model-00001/);
    await writeShards(dir);
    await Deno.remove(join(dir, B));
    await rejects(openWeights(dir), /"model-00002-of-00002\.safetensors" is missing, expected it from .*index\.json/);
  });
});

Deno.test("openWeights() refuses an index that leads out of the folder or is malformed", async () => {
  await withFolder(async (dir) => {
    const files = [
      "../m.safetensors",
      "/m.safetensors",
      "a/m.safetensors",
      "..\\m.safetensors",
      "m.bin",
      "",
      "..",
      3,
      null,
    ];
    for (const file of files) {
      await writeShards(dir, { z: file });
      await rejects(openWeights(dir), (error) => {
        strictEqual((error as Error).name, "UserError");
        return /the file of "z" is .*expected NAME\.safetensors in the same folder/.test((error as Error).message);
      });
    }
    for (const index of [{}, { weight_map: [] }, { weight_map: {} }, { weight_map: 1 }, [], 7, "x"]) {
      await writeIndex(dir, index);
      await rejects(openWeights(dir), UserError);
    }
    await Deno.writeTextFile(join(dir, "model.safetensors.index.json"), "{\n");
    await rejects(openWeights(dir), /index\.json: it is not JSON/);
    await Deno.writeFile(join(dir, "model.safetensors.index.json"), Uint8Array.of(0x7b, 0xff, 0x7d));
    await rejects(openWeights(dir), /it is not UTF-8/);
  });
});

Deno.test("readFloat32() tells that the file was cut after it was opened", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "model.safetensors");
    await Deno.writeFile(path, safetensors({ x: counting([4], 1) }));
    const weights = await openWeights(dir);
    await Deno.truncate(path, (await Deno.stat(path)).size - 4);
    await rejects(weights.readFloat32("x"), /model\.safetensors: it ended after 12 bytes, expected 16/);
    await Deno.remove(path);
    await rejects(weights.readFloat32("x"), /^UserError: Cannot read .*: No such file or directory$/);
  });
});
