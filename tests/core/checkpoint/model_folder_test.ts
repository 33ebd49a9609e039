import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { UserError } from "../../../core/error.ts";
import { counting, type RawTensor, safetensors, tinyTensors, withFolder, writeModel } from "./_fixtures.ts";

const Q = "model.layers.0.self_attn.q_proj";
const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

async function refuses(dir: string, message: RegExp): Promise<void> {
  await rejects(openModelFolder(dir), (error) => {
    ok(error instanceof UserError, String(error));
    ok(!error.message.includes("\n"));
    ok(message.test(error.message), error.message);
    return true;
  });
}

Deno.test("openModelFolder() gives config, tensors by name, token ids and tokenizer", async () => {
  await withFolder(async (dir) => {
    await writeModel(dir, { files: { "tokenizer.json": "{}", "vocab.json": "{}", "README.md": "" } });
    const folder = await openModelFolder(dir);
    strictEqual(folder.dir, dir);
    strictEqual(folder.config.hiddenSize, 8);
    strictEqual(folder.dtype, "F32");
    strictEqual(folder.generationConfig, null);
    deepStrictEqual(folder.eosTokenIds, [2]);
    strictEqual((await folder.tokenizer?.stat("tokenizer.json"))?.size, 2);
    strictEqual(await folder.tokenizer?.stat("merges.txt"), null);
    deepStrictEqual([...await folder.readTensor("model.norm.weight")], [
      1200,
      1201,
      1202,
      1203,
      1204,
      1205,
      1206,
      1207,
    ]);
    strictEqual(folder.nameInFile(HEAD), HEAD);
    throws(() => folder.nameInFile("model.layers.1.mlp.up_proj.weight"), RangeError);
  });
});

Deno.test("openModelFolder() takes the end tokens of generation_config.json before those of config.json", async () => {
  await withFolder(async (dir) => {
    const cases: [unknown, number[]][] = [[{ eos_token_id: 4 }, [4]], [{ eos_token_id: [5, 3, 5] }, [5, 3]], [
      { eos_token_id: null },
      [2],
    ], [{ temperature: 0.6 }, [2]]];
    for (const [generation, expected] of cases) {
      await writeModel(dir, { files: { "generation_config.json": JSON.stringify(generation) } });
      deepStrictEqual((await openModelFolder(dir)).eosTokenIds, expected);
    }
    await writeModel(dir, { files: { "generation_config.json": `{"eos_token_id": [6]}` } });
    await refuses(dir, /generation_config\.json: "eos_token_id" is \[6\], expected token ids from 0 to 5/);
    await writeModel(dir, { files: { "generation_config.json": `{"eos_token_id": ` } });
    await refuses(dir, /generation_config\.json: it is not JSON/);
  });
});

Deno.test("openModelFolder() names the tensor whose shape or dtype does not fit, or that is missing", async () => {
  await withFolder(async (dir) => {
    const file = join(dir, "model.safetensors");
    const { [`${Q}.weight`]: _, ...others } = tinyTensors();
    await writeModel(dir, { tensors: { ...others, [`${Q}.weight`]: counting([4, 8], 0) } });
    await rejects(openModelFolder(dir), {
      name: "UserError",
      message: `Cannot load "${Q}.weight" from ${file}: shape is [4, 8], expected [8, 8] from config.json`,
    });
    await writeModel(dir, { tensors: others });
    await rejects(openModelFolder(dir), {
      name: "UserError",
      message: `Cannot load "${Q}.weight" from ${file}: it is missing, expected [8, 8] from config.json`,
    });
    const wide = { dtype: "I64", shape: [8, 8], bytes: new Uint8Array(512) };
    await writeModel(dir, { tensors: { ...others, [`${Q}.weight`]: wide } });
    await refuses(dir, /q_proj\.weight" from .*dtype is I64, expected F32, F16, BF16 or F64/);
    await writeModel(dir, { config: { num_hidden_layers: 2 } });
    await refuses(dir, /"model\.layers\.1\.input_layernorm\.weight" from .* is missing, expected \[8\]/);
  });
});

Deno.test("openModelFolder() refuses tensors the config does not imply, save RoPE's old buffers", async () => {
  await withFolder(async (dir) => {
    const buffers = {
      "model.layers.0.self_attn.rotary_emb.inv_freq": counting([2], 0),
      "model.rotary_emb.inv_freq": counting([2], 0),
    };
    await writeModel(dir, { tensors: { ...tinyTensors(), ...buffers } });
    strictEqual((await openModelFolder(dir)).config.headDim, 4);
    await writeModel(dir, { tensors: { ...tinyTensors(), [`${Q}.bias`]: counting([8], 0) } });
    await refuses(dir, /Cannot load ".*q_proj\.bias" from .*model\.safetensors: it is no part of the model, expected/);
    const lora = { "a.lora_A": counting([1], 0), "a.lora_B": counting([1], 0), "b.inv_freq": counting([1], 0) };
    await writeModel(dir, { tensors: { ...tinyTensors(), ...lora } });
    await refuses(dir, /"a\.lora_A" from .*it is no part of the model \(nor are 2 more\)/);
  });
});

Deno.test("openModelFolder() wants biases exactly where the config has them", async () => {
  await withFolder(async (dir) => {
    await writeModel(dir, { config: { attention_bias: true } });
    await refuses(dir, /q_proj\.bias" from .* is missing, expected \[8\]/);
    const biases = Object.fromEntries(
      [["q", 8], ["k", 4], ["v", 4]].map(([p, n]) => [`model.layers.0.self_attn.${p}_proj.bias`, counting([+n!], 0)]),
    );
    const qwen = { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2" };
    await writeModel(dir, { config: qwen, tensors: { ...tinyTensors(), ...biases } });
    deepStrictEqual([...await (await openModelFolder(dir)).readTensor("model.layers.0.self_attn.k_proj.bias")], [
      0,
      1,
      2,
      3,
    ]);
    await writeModel(dir, { config: qwen });
    await refuses(dir, /q_proj\.bias" from .* is missing/);
  });
});

Deno.test("openModelFolder() reads a tied matrix from either name, and from both only where they are the same", async () => {
  await withFolder(async (dir) => {
    const config = { tie_word_embeddings: true };
    const { [HEAD]: head, [EMBEDDING]: embedding, ...others } = tinyTensors();
    const first = async () => (await (await openModelFolder(dir)).readTensor(EMBEDDING))[0];

    await writeModel(dir, { config, tensors: { ...others, [EMBEDDING]: embedding! } });
    strictEqual(await first(), 200);
    await writeModel(dir, { config, tensors: { ...others, [HEAD]: head! } });
    strictEqual(await first(), 100);
    strictEqual((await openModelFolder(dir)).nameInFile(EMBEDDING), HEAD);

    await writeModel(dir, { config, tensors: { ...others, [HEAD]: head!, [EMBEDDING]: head! } });
    strictEqual(await first(), 100);
    await writeModel(dir, { config, tensors: tinyTensors() });
    await refuses(dir, /"lm_head\.weight" from .*: it differs from "model\.embed_tokens\.weight", expected the same/);
    await writeModel(dir, { config, tensors: others });
    await refuses(dir, /"model\.embed_tokens\.weight" from .* is missing/);
    await writeModel(dir, { tensors: { ...others, [EMBEDDING]: embedding! } });
    await refuses(dir, /"lm_head\.weight" from .* is missing, expected \[6, 8\]/);
  });
});

Deno.test("openModelFolder() opens shards and names the main dtype", async () => {
  await withFolder(async (dir) => {
    await writeModel(dir);
    await Deno.remove(join(dir, "model.safetensors"));
    const names = Object.keys(tinyTensors());
    const map: Record<string, string> = {};
    for (const [k, part] of [names.slice(0, 5), names.slice(5)].entries()) {
      const file = `model-0000${k + 1}-of-00002.safetensors`;
      const tensors = part.map((name) => {
        const { shape } = tinyTensors()[name]!;
        const half = { dtype: "BF16", shape, bytes: new Uint8Array(2 * shape.reduce((a, b) => a * b, 1)).fill(0x3f) };
        return [name, shape.length === 1 ? tinyTensors()[name]! : half];
      });
      for (const name of part) map[name] = file;
      await Deno.writeFile(join(dir, file), safetensors(Object.fromEntries(tensors)));
    }
    await Deno.writeTextFile(join(dir, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    const folder = await openModelFolder(dir);
    strictEqual(folder.dtype, "BF16");
    strictEqual((await folder.readTensor(HEAD))[47], 0.74609375);
    strictEqual((await folder.readTensor("model.norm.weight"))[7], 1207);
  });
});

Deno.test("openModelFolder() names the missing or broken config.json", async () => {
  await withFolder(async (dir) => {
    await refuses(join(dir, "no"), /^Cannot read .*config\.json: there is no such file$/);
    for (const text of ["", "null", "[]", "{", `{"model_type":"gpt2"}`, "\u0000"]) {
      await writeModel(dir, { files: { "config.json": text } });
      await refuses(dir, /^Cannot (read|use) .*config\.json: /);
    }
  });
});

/** The tensors of the model without its LM head, under the names that AutoModel writes. */
function baseTensors(): Record<string, RawTensor> {
  const { [HEAD]: _, ...tensors } = tinyTensors();
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name.replace(/^model\./, ""), tensor]));
}

Deno.test("openModelFolder() reads a base model's checkpoint, whose names lack their first part", async () => {
  await withFolder(async (dir) => {
    const tied = { tie_word_embeddings: true };
    await writeModel(dir, { config: tied, tensors: { ...baseTensors(), "rotary_emb.inv_freq": counting([2], 0) } });
    const folder = await openModelFolder(dir);
    strictEqual(folder.nameInFile(EMBEDDING), "embed_tokens.weight");
    deepStrictEqual([...(await folder.readTensor("model.norm.weight")).slice(0, 2)], [1200, 1201]);
    await writeModel(dir, { config: tied, tensors: { ...baseTensors(), [HEAD]: counting([6, 8], 200) } });
    await openModelFolder(dir);
    await writeModel(dir, { config: tied, tensors: { ...baseTensors(), [HEAD]: counting([6, 8], 201) } });
    await refuses(dir, /"lm_head\.weight" from .* it differs from "embed_tokens\.weight"/);
    await writeModel(dir, { tensors: { ...baseTensors(), [HEAD]: counting([6, 8], 100) } });
    strictEqual((await (await openModelFolder(dir)).readTensor(HEAD))[0], 100);
    await writeModel(dir, { tensors: baseTensors() });
    await refuses(dir, /"lm_head\.weight" from .* it is missing, expected \[6, 8\]/);
    await writeModel(dir, { config: tied, tensors: { ...baseTensors(), "model.norm.weight": counting([8], 0) } });
    await refuses(dir, /"model\.embed_tokens\.weight" from .* it is missing/);
  });
});

Deno.test("openModelFolder() rounds float64 to float32, and refuses what float32 cannot hold", async () => {
  await withFolder(async (dir) => {
    const norm = (values: number[]): Record<string, RawTensor> => ({
      ...tinyTensors(),
      "model.norm.weight": { dtype: "F64", shape: [8], bytes: new Uint8Array(Float64Array.from(values).buffer) },
    });
    const values = [0.1, -1 / 3, 1e-46, 3.4028235e38, 16777217, -0, Infinity, 2];
    await writeModel(dir, { tensors: norm(values) });
    const folder = await openModelFolder(dir);
    deepStrictEqual([...await folder.readTensor("model.norm.weight")], values.map(Math.fround));
    strictEqual(folder.dtype, "F32");
    await writeModel(dir, { tensors: norm([1, 2, 3, 4, 5, 6, 7, 1e39]) });
    await rejects((await openModelFolder(dir)).readTensor("model.norm.weight"), {
      name: "UserError",
      message: `Cannot load "model.norm.weight" from ${dir}/model.safetensors: it holds 1e+39, ` +
        "expected numbers that float32 can hold",
    });
  });
});
