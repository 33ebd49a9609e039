import { deepEqual, equal, rejects } from "node:assert/strict";
import { readSeal, writeSealed } from "../../../core/checkpoint/sealed_safetensors.ts";
import { openSafetensorsAt } from "../../../core/checkpoint/stored_weights.ts";
import type { TensorEntry } from "../../../core/checkpoint/write_safetensors.ts";
import { withFolder } from "./_fixtures.ts";

/** A tensor whose bytes come in two pieces. */
const entry = (name: string, values: number[]): TensorEntry => ({
  name,
  dtype: "F32",
  shape: [values.length],
  async *bytes() {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    yield bytes.subarray(0, 4);
    yield bytes.subarray(4);
  },
});

Deno.test("writeSealed() writes safetensors whose seal no changed byte, cut or addition fits", () =>
  withFolder(async (dir) => {
    const path = `${dir}/sealed.safetensors`;
    await writeSealed(path, [entry("b", [1, 2, 3]), entry("a", [4, 5])], { metadata: { note: "mine" } });
    const file = await openSafetensorsAt(path);
    deepEqual([...file.tensors.keys()], ["b", "a", "sha256"]);
    deepEqual([...await file.readFloat32("b"), ...await file.readFloat32("a")], [1, 2, 3, 4, 5]);
    equal(file.metadata.note, "mine");
    const { is, expected } = await readSeal(path);
    equal(is, expected);

    const bytes = await Deno.readFile(path);
    const fits = async (changed: Uint8Array): Promise<boolean> => {
      await Deno.writeFile(path, changed);
      const { is, expected } = await readSeal(path);
      return is === expected;
    };
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes);
      changed[i]! ^= 1 << (i % 8);
      equal(await fits(changed), false, `byte ${i} of ${bytes.length}`);
    }
    equal(await fits(bytes.slice(0, -1)), false);
    equal(await fits(new Uint8Array([...bytes, 0])), false);
    equal(await fits(bytes), true);
    await Deno.writeFile(path, bytes.slice(0, 31));
    await rejects(readSeal(path), /^UserError: Cannot read \S+: it has 31 bytes, expected a safetensors file$/);
  }));
