/** Weights are read into memory that is used again and again, while the piece before is on its way to the device. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import type { Dtype } from "../../../core/dtype.ts";
import { folderFiles, type ModelFiles } from "../../../core/files/model_files.ts";
import { PieceBuffers } from "../../../core/files/piece_buffers.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { type AnyModel, freeModel, loadFrozenModel, loadModel } from "../../../core/model/model.ts";
import { device } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

/** The embedding has several pieces, whatever the dtype. */
const CONFIG = { hidden_size: 64, intermediate_size: 128, vocab_size: 20_001, tie_word_embeddings: true };

/** The files of `dir`, of which each read is done when it is called: as early as can be. */
async function promptFiles(dir: string): Promise<{ files: ModelFiles; reads: { into: number } }> {
  const [files, weights] = [await folderFiles(dir), await Deno.readFile(`${dir}/model.safetensors`)];
  const reads = { into: 0 };
  const read: ModelFiles["read"] = (file, range) => {
    if (file !== "model.safetensors" || !range) return files.read(file, range);
    const bytes = weights.slice(range.start, range.start + range.length);
    if (!range.into) return Promise.resolve(bytes);
    reads.into++;
    range.into.set(bytes);
    return Promise.resolve(range.into.subarray(0, range.length));
  };
  return { files: { ...files, read }, reads };
}

/** The bits of all weights, end to end; frees the model. */
async function bitsOf(model: AnyModel): Promise<Uint32Array> {
  const names = parameterShapes(model.config).map(({ name }) => name);
  const reader = model.weights.openReader(names);
  const pieces: Float32Array[] = [];
  for (const _ of names) for await (const values of reader.next()) pieces.push(values.slice());
  await reader.close();
  freeModel(model);
  return join(pieces);
}

function join(pieces: readonly Float32Array[]): Uint32Array {
  const out = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return new Uint32Array(out.buffer);
}

/** The first place where two differ; -1 if there is none. */
function firstDifference(a: Uint32Array, b: Uint32Array): number {
  equal(a.length, b.length);
  return a.findIndex((bits, i) => bits !== b[i]);
}

Deno.test("what is loaded in pieces is what the file has, in every dtype and quantized", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/F32`, { config: CONFIG });
    const source = await openModelFolder(`${dir}/F32`);
    for (const dtype of ["F32", "BF16", "F16"] satisfies Dtype[]) {
      const path = `${dir}/${dtype}`;
      if (dtype !== "F32") await saveModelFolder(path, { source, dtype, tensors: (name) => source.readTensor(name) });
      const { files, reads } = await promptFiles(path);
      const folder = await openModelFolder(path);
      const stored: Float32Array[] = [];
      for (const { name } of parameterShapes(folder.config)) stored.push(await folder.readTensor(name));
      for (const load of [loadFrozenModel, loadModel]) {
        equal(firstDifference(await bitsOf(await load(device, files)), join(stored)), -1, `${dtype} ${load.name}`);
      }
      equal(reads.into > 3, true, "no memory was used again");
      // These read into memory of their own.
      const read: ModelFiles["read"] = (file, range) => files.read(file, range && { ...range, into: undefined });
      const [one, other] = [files, { ...files, read }].map((from) =>
        loadFrozenModel(device, from, { quantization: "int8" })
      );
      equal(firstDifference(await bitsOf(await one!), await bitsOf(await other!)), -1, `${dtype} int8`);
    }
  }));

Deno.test("PieceBuffers: a buffer is valid until the call after the next, and memory is made once", () => {
  const buffers = new PieceBuffers(8);
  const [a, b] = [buffers.next(2), buffers.next(6)];
  deepEqual([a.length, b.length, a.buffer === b.buffer], [2, 6, false]);
  const [c, d, e] = [buffers.next(8), buffers.next(9), buffers.next(1)];
  deepEqual([c.length, c.buffer === a.buffer, c.byteOffset], [8, true, 0]);
  deepEqual([d.length, d.buffer === b.buffer, e.buffer === c.buffer], [9, false, true]);
});

Deno.test("a range of a file is read into the memory that is given, and a file that ends early is told", () =>
  withFolder(async (dir) => {
    await Deno.writeFile(`${dir}/file`, Uint8Array.of(1, 2, 3, 4, 5));
    const files = await folderFiles(dir);
    const into = new Uint8Array(4).fill(9);
    const bytes = await files.read("file", { start: 1, length: 3, into });
    deepEqual([[...bytes], [...into], bytes.buffer === into.buffer], [[2, 3, 4], [2, 3, 4, 9], true]);
    await rejects(files.read("file", { start: 3, length: 4, into }), /file: it ended after 2 bytes, expected 4$/);
    deepEqual([...await files.read("file", { start: 0, length: 5, into })], [1, 2, 3, 4, 5]);
  }));
