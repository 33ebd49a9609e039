import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openWeights } from "../../../core/checkpoint/stored_weights.ts";
import { type TensorEntry, writeSafetensors } from "../../../core/checkpoint/write_safetensors.ts";
import { namesIn, withFolder } from "./_fixtures.ts";

function whole(name: string, dtype: TensorEntry["dtype"], shape: number[], bytes: number[]): TensorEntry {
  return { name, dtype, shape, bytes: () => Promise.resolve(Uint8Array.from(bytes)) };
}

Deno.test("writeSafetensors() lays out length, padded header and data as the format says", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "m.safetensors");
    await writeSafetensors(path, [
      whole("half", "BF16", [3], [1, 2, 3, 4, 5, 6]),
      whole("full", "F32", [1, 1], [7, 8, 9, 10]),
    ]);
    const file = await Deno.readFile(path);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    strictEqual(length % 8, 0);
    strictEqual(file.length, 8 + length + 10);
    const text = new TextDecoder().decode(file.subarray(8, 8 + length));
    ok(/\} *$/.test(text));
    // The wider dtype first, so that it is aligned.
    deepStrictEqual(JSON.parse(text), {
      __metadata__: { format: "pt" },
      full: { dtype: "F32", shape: [1, 1], data_offsets: [0, 4] },
      half: { dtype: "BF16", shape: [3], data_offsets: [4, 10] },
    });
    deepStrictEqual([...file.subarray(8 + length)], [7, 8, 9, 10, 1, 2, 3, 4, 5, 6]);
    deepStrictEqual(await namesIn(dir), ["m.safetensors"]);
  });
});

Deno.test("writeSafetensors() pads every header length to 8, and its files open", async () => {
  await withFolder(async (dir) => {
    for (let extra = 0; extra < 8; extra++) {
      const name = "n".repeat(1 + extra);
      await writeSafetensors(join(dir, "model.safetensors"), [whole(name, "F32", [1], [0, 0, 128, 63])]);
      deepStrictEqual([...await (await openWeights(dir)).readFloat32(name)], [1]);
    }
  });
});

Deno.test("writeSafetensors() streams pieces, one tensor after the other", async () => {
  await withFolder(async (dir) => {
    const asked: string[] = [];
    const entry = (name: string): TensorEntry => ({
      name,
      dtype: "F32",
      shape: [2],
      bytes: async function* () {
        asked.push(name);
        yield Uint8Array.of(0, 0, 128);
        yield await Promise.resolve(Uint8Array.of(63, 0, 0, 0, 64));
      },
    });
    await writeSafetensors(join(dir, "model.safetensors"), [entry("b"), entry("a")]);
    deepStrictEqual(asked, ["b", "a"]);
    deepStrictEqual([...await (await openWeights(dir)).readFloat32("a")], [1, 2]);
  });
});

Deno.test("writeSafetensors() leaves nothing where a tensor has the wrong length or fails", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "m.safetensors");
    await rejects(writeSafetensors(path, [whole("a", "F32", [2], [1, 2, 3, 4])]), /"a".*has 4 bytes, expected 8/);
    await rejects(writeSafetensors(path, [whole("a", "F16", [1], [1, 2, 3, 4])]), /"a".*has 4 bytes, expected 2/);
    const failing = { ...whole("b", "F16", [1], []), bytes: () => Promise.reject(new Error("lost")) };
    await rejects(writeSafetensors(path, [whole("a", "F16", [1], [1, 2]), failing]), /lost/);
    const twice = [whole("a", "F16", [1], [1, 2]), whole("a", "F16", [1], [1, 2])];
    await rejects(writeSafetensors(path, twice), /"a": the name occurs twice/);
    deepStrictEqual(await namesIn(dir), []);
  });
});
