import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { quickIdentity } from "../../../core/checkpoint/folder_identity.ts";
import { type ModelFolder, openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { additionalTemplates } from "../../../core/checkpoint/save_folder.ts";
import { UserError } from "../../../core/error.ts";
import { folderFiles, memoryFiles } from "../../../core/files/model_files.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { parseModelConfig } from "../../../core/model/families/model_config.ts";
import { namesIn, TINY_CONFIG, tinyTensors, withFolder, writeModel } from "./_fixtures.ts";

const TOKENIZER = { "tokenizer.json": `{"a":1}`, "chat_template.jinja": "{{ x }}" };

async function json(...path: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(join(...path)));
}

/** All values times two, so that a saved folder differs from its source. */
function doubled(source: ModelFolder): (name: string) => Promise<Float32Array> {
  return async (name) => (await source.readTensor(name)).map((value) => 2 * value);
}

Deno.test("saveModelFolder() writes a folder that opens with the values, settings and tokenizer", async () => {
  await withFolder(async (dir) => {
    await writeModel(join(dir, "in"), {
      config: { unknown_key: [1, { a: null }] },
      files: { ...TOKENIZER, "generation_config.json": `{"eos_token_id":[2,3],"temperature":1.0}`, "README.md": "" },
    });
    const source = await openModelFolder(join(dir, "in"));
    for (const dtype of ["F32", "F16", "BF16"] as const) {
      const out = join(dir, "deep", dtype);
      await saveModelFolder(out, { source, dtype, tensors: doubled(source) });
      const saved = await openModelFolder(out);
      strictEqual(saved.dtype, dtype);
      deepStrictEqual(saved.eosTokenIds, [2, 3]);
      const exact = dtype === "BF16" ? 8 : 11;
      for (const { name, shape } of parameterShapes(saved.config)) {
        const before = await source.readTensor(name);
        const after = await saved.readTensor(name);
        deepStrictEqual(saved.weights.tensors.get(name)?.shape, shape);
        ok(after.every((value, i) => Math.abs(value - 2 * before[i]!) <= 2 * before[i]! * 2 ** -exact), name);
      }
      deepStrictEqual(await namesIn(out), [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
      ]);
      strictEqual(await Deno.readTextFile(join(out, "tokenizer.json")), TOKENIZER["tokenizer.json"]);
      const torchDtype = { F32: "float32", F16: "float16", BF16: "bfloat16" }[dtype];
      deepStrictEqual(await json(out, "config.json"), { ...source.config.raw, torch_dtype: torchDtype });
    }
    deepStrictEqual(await namesIn(join(dir, "deep")), ["BF16", "F16", "F32"]);
  });
});

Deno.test("saveModelFolder() keeps the spelling of dtype, and writes floats as Python's", async () => {
  await withFolder(async (dir) => {
    const { torch_dtype: _, rope_theta: __, ...rest } = TINY_CONFIG;
    const scaling = { rope_type: "linear", rope_theta: 10000, factor: 4 };
    const config = parseModelConfig({ ...rest, dtype: "float32", rope_parameters: scaling }, "config.json");
    const shapes = new Map(parameterShapes(config).map(({ name, shape }) => [name, shape.reduce((a, b) => a * b, 1)]));
    const source = { config, generationConfig: null, tokenizer: null };
    const tensors = (name: string) => Promise.resolve(new Float32Array(shapes.get(name)!));
    await saveModelFolder(join(dir, "m"), { source, dtype: "BF16", tensors });
    const text = await Deno.readTextFile(join(dir, "m", "config.json"));
    ok(text.includes(`"factor": 4.0`) && text.includes(`"rope_theta": 10000.0`), text);
    const saved = JSON.parse(text);
    strictEqual(saved.dtype, "bfloat16");
    ok(!("torch_dtype" in saved));
    deepStrictEqual(await json(dir, "m", "generation_config.json"), {
      _from_model_config: true,
      bos_token_id: 1,
      eos_token_id: 2,
    });
  });
});

Deno.test("saveModelFolder() replaces a model, even its own source, and leaves nothing beside", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "model");
    await writeModel(path, { files: { "vocab.json": "{}" } });
    const source = await openModelFolder(path);
    await Deno.mkdir(join(dir, "model.dnpo-new", "half"), { recursive: true });
    await saveModelFolder(`${path}/`, { source, dtype: "F32", tensors: doubled(source) });
    strictEqual((await (await openModelFolder(path)).readTensor("model.norm.weight"))[0], 2400);
    deepStrictEqual(await namesIn(dir), ["model"]);
  });
});

Deno.test("saveModelFolder() keeps the old model and leaves nothing beside where it fails", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "model");
    await writeModel(path);
    const source = await openModelFolder(path);
    const before = await Deno.readFile(join(path, "model.safetensors"));
    const failing = (name: string) =>
      name.includes("norm") ? Promise.reject(new Error("device lost")) : source.readTensor(name);
    await rejects(saveModelFolder(path, { source, dtype: "F32", tensors: failing }), /device lost/);
    await rejects(saveModelFolder(join(dir, "new"), { source, dtype: "F32", tensors: failing }), /device lost/);
    const short = () => Promise.resolve(new Float32Array(3));
    await rejects(saveModelFolder(path, { source, dtype: "F32", tensors: short }), RangeError);
    const huge = async (name: string) => (await source.readTensor(name)).fill(65520);
    await rejects(saveModelFolder(path, { source, dtype: "F16", tensors: huge }), (error) => {
      ok(error instanceof UserError);
      return /Cannot save "model\.embed_tokens\.weight" as F16: it holds 65520, expected less/.test(error.message);
    });
    for (
      const [value, dtype, message] of [
        [NaN, "F32", "it holds NaN, expected finite numbers"],
        [-Infinity, "F16", "it holds -Infinity, expected finite numbers"],
        [Infinity, "BF16", "it holds Infinity, expected finite numbers"],
        [-(2 ** 128 - 2 ** 119), "BF16", "it holds -3.39617752923046e+38, expected less than 3.39617752923046e+38"],
      ] as const
    ) {
      const wrong = async (name: string) => (await source.readTensor(name)).fill(value, 3, 4);
      await rejects(saveModelFolder(path, { source, dtype, tensors: wrong }), {
        name: "UserError",
        message: `Cannot save "model.embed_tokens.weight" as ${dtype}: ${message}`,
      });
    }
    await Deno.mkdir(join(dir, "odd", "tokenizer.json"), { recursive: true });
    const odd = { ...source, tokenizer: await folderFiles(join(dir, "odd")) };
    await rejects(saveModelFolder(path, { source: odd, dtype: "F32", tensors: source.readTensor }), UserError);
    await Deno.remove(join(dir, "odd"), { recursive: true });
    deepStrictEqual(await Deno.readFile(join(path, "model.safetensors")), before);
    deepStrictEqual(await namesIn(dir), ["model"]);
  });
});

Deno.test("saveModelFolder() does not delete a folder that holds anything else, or a file", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "model");
    await writeModel(path, { files: { "notes.txt": "mine" } });
    const source = await openModelFolder(path);
    const options = { source, dtype: "F32" as const, tensors: source.readTensor };
    await rejects(saveModelFolder(path, options), /the folder holds "notes\.txt", expected a model's files or nothing/);
    strictEqual(await Deno.readTextFile(join(path, "notes.txt")), "mine");
    await Deno.writeTextFile(join(dir, "file"), "mine");
    await rejects(saveModelFolder(join(dir, "file"), options), UserError);
    deepStrictEqual(await namesIn(dir), ["file", "model"]);
  });
});

Deno.test("openModelFolder() brings the old model back where a save was killed between its renames", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "model");
    await writeModel(path, { tensors: tinyTensors() });
    await Deno.rename(path, `${path}.dnpo-old`);
    await Deno.mkdir(`${path}.dnpo-new`);
    const source = await openModelFolder(path);
    strictEqual((await source.readTensor("model.norm.weight"))[0], 1200);
    await saveModelFolder(path, { source, dtype: "F32", tensors: doubled(source) });
    deepStrictEqual(await namesIn(dir), ["model"]);
  });
});

Deno.test("saveModelFolder() hands out the additional chat templates, and replaces no other file beside them", async () => {
  await withFolder(async (dir) => {
    const folder = "additional_chat_templates";
    await writeModel(join(dir, "in"), { files: TOKENIZER });
    await Deno.mkdir(join(dir, "in", folder));
    const templates = { "rag.jinja": "{{ documents }}", "tool_use.jinja": "{{ tools }}" };
    for (const [name, text] of Object.entries({ ...templates, "notes.txt": "" })) {
      await Deno.writeTextFile(join(dir, "in", folder, name), text);
    }
    const source = await openModelFolder(join(dir, "in"));
    const out = join(dir, "out");
    const save = () => saveModelFolder(out, { source, dtype: "F32", tensors: doubled(source) });
    await save();
    await save();
    deepStrictEqual(await namesIn(join(out, folder)), Object.keys(templates));
    for (const [name, text] of Object.entries(templates)) {
      strictEqual(await Deno.readTextFile(join(out, folder, name)), text);
    }
    const inMemory = memoryFiles({ [`${folder}/tool_use.jinja`]: "{{ tools }}", [`${folder}/a/b.jinja`]: "" });
    deepStrictEqual(await additionalTemplates(inMemory), [`${folder}/tool_use.jinja`]);
    const before = await quickIdentity(await openModelFolder(out));
    await Deno.writeTextFile(join(out, folder, "tool_use.jinja"), "{{ other }}");
    ok(await quickIdentity(await openModelFolder(out)) !== before);
    await Deno.writeTextFile(join(out, folder, "mine.txt"), "");
    await rejects(
      save(),
      /Cannot save a model to .*: the folder holds "additional_chat_templates\/mine\.txt", expected/,
    );
  });
});
