import { deepEqual, equal, notEqual, throws } from "node:assert/strict";
import {
  checkSameModel,
  differingFile,
  type FileDigests,
  folderDigests,
  quickIdentity,
} from "../../../core/checkpoint/folder_identity.ts";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { sha256 } from "../../../core/files/digest.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "./_fixtures.ts";

const digestsOf = async (dir: string): Promise<FileDigests> => folderDigests(await openModelFolder(dir));
const quickOf = async (dir: string): Promise<string> => quickIdentity(await openModelFolder(dir));

/** Large enough that its weights are sampled: 1.3 MB. */
const LARGE = { vocab_size: 8192, intermediate_size: 2048 };

Deno.test("folderDigests() has every file that a model is read from, and no other; a copy has the same", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/a`);
    await Deno.writeTextFile(`${dir}/a/tokenizer_config.json`, "{}");
    await Deno.writeTextFile(`${dir}/a/README.md`, "# a");
    const digests = await digestsOf(`${dir}/a`);
    const names = ["config.json", "generation_config.json", "tokenizer_config.json", "model.safetensors"];
    deepEqual(Object.keys(digests).sort(), names.sort());
    for (const name of names) equal(digests[name], await sha256(await Deno.readFile(`${dir}/a/${name}`)), name);
    await Deno.mkdir(`${dir}/b`);
    for (const name of names) await Deno.copyFile(`${dir}/a/${name}`, `${dir}/b/${name}`);
    deepEqual(await digestsOf(`${dir}/b`), digests);
    // As shards: the index is one of the model's files.
    await Deno.rename(`${dir}/b/model.safetensors`, `${dir}/b/one.safetensors`);
    const tensors = (await openModelFolder(`${dir}/a`)).weights.tensors;
    const map = Object.fromEntries([...tensors.keys()].map((name) => [name, "one.safetensors"]));
    await Deno.writeTextFile(`${dir}/b/model.safetensors.index.json`, JSON.stringify({ weight_map: map }));
    const { "one.safetensors": shard, "model.safetensors.index.json": index } = await digestsOf(`${dir}/b`);
    equal(shard, digests["model.safetensors"]);
    equal(index!.length, 64);
  }));

Deno.test("quickIdentity() notices another model of the same size and time, and any file that is written again", () =>
  withFolder(async (dir) => {
    const path = `${dir}/model`;
    const time = new Date(Date.UTC(2026, 0, 1));
    const write = async (options: Parameters<typeof writeTinyModel>[1]): Promise<string> => {
      await writeTinyModel(path, { config: LARGE, ...options });
      for await (const { name } of Deno.readDir(path)) await Deno.utime(`${path}/${name}`, time, time);
      return await quickOf(path);
    };
    const first = await write({ seed: 1 });
    const { size } = await Deno.stat(`${path}/model.safetensors`);
    equal(size > 2 ** 20, true, `${size}`);
    equal(await write({ seed: 1 }), first);
    notEqual(await write({ seed: 2 }), first);
    equal((await Deno.stat(`${path}/model.safetensors`)).size, size);
    // A fine-tuning moves a bit of all weights of a kind; here of the projections alone.
    const change = (name: string, values: Float32Array): void => {
      if (name.includes("down_proj")) values.forEach((x, i) => values[i] = x * 1.001);
    };
    notEqual(await write({ seed: 1, change }), first);
    equal(await write({ seed: 1 }), first);
    await Deno.utime(`${path}/model.safetensors`, time, new Date());
    notEqual(await quickOf(path), first);
    await write({ seed: 1 });
    await Deno.writeTextFile(`${path}/chat_template.jinja`, "{{ messages }}");
    notEqual(await quickOf(path), first);
  }));

Deno.test("differingFile() and checkSameModel() tell the first file that differs, and name both models", () => {
  const [a, b] = ["a".repeat(64), "b".repeat(64)];
  equal(differingFile({ x: a, y: b }, { y: b, x: a }), null);
  equal(differingFile({ x: a }, { x: b }), "x has SHA-256 aaaaaaaaaaaaaaaa…, expected bbbbbbbbbbbbbbbb…");
  equal(differingFile({}, { x: b }), "x is missing, expected one with SHA-256 bbbbbbbbbbbbbbbb…");
  equal(differingFile({ x: a }, {}), "x is there (SHA-256 aaaaaaaaaaaaaaaa…), expected none");
  const options = { what: "optimize", advice: "delete the file" };
  throws(
    () => checkSameModel({ folder: "new", files: { x: a } }, { folder: "old", files: { x: b } }, options),
    /^UserError: Cannot go on with optimize: new is not the model that it began with \(old\): x has SHA-256 a+…, expected b+…; put that model back, or delete the file$/,
  );
  checkSameModel({ folder: "new", files: { x: a } }, { folder: "old", files: { x: a } }, options);
});
