/** GGUF files, as the folders that they were made of. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { f16ToF32 } from "../../../core/dtype.ts";
import { exportModel } from "../../../core/export/export_model.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { freeModel, loadFrozenModel } from "../../../core/model/model.ts";
import { device } from "../../_shared/device.ts";
import { writeGguf } from "../../_shared/gguf_model.ts";
import { readGguf, type ReadTensor } from "../export/_read_gguf.ts";
import { withFolder } from "./_fixtures.ts";

const family = (name: string): Record<string, unknown> => ({
  model_type: name.toLowerCase(),
  architectures: [`${name}ForCausalLM`],
});
const LLAMA3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };

const MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  llama: { num_key_value_heads: 2 },
  "llama with biases, of Llama 3's RoPE": {
    attention_bias: true,
    mlp_bias: true,
    rope_scaling: { ...LLAMA3, original_max_position_embeddings: 32 },
  },
  "llama of linear RoPE, tied": { rope_scaling: { rope_type: "linear", factor: 2.5 }, tie_word_embeddings: true },
  mistral: { ...family("Mistral"), sliding_window: null },
  qwen2: { ...family("Qwen2"), rope_theta: 1e6 },
  qwen3: { ...family("Qwen3"), head_dim: 32, tie_word_embeddings: true },
};

for (const [name, config] of Object.entries(MODELS)) {
  Deno.test(`a GGUF file is the folder that it was made of: ${name}`, () =>
    withFolder(async (dir) => {
      const source = await writeGguf(dir, { config });
      const read = await openModelFolder(`${dir}/model.gguf`);
      equal(read.comesQuantized, null);
      // llama.cpp has no name of its own for Mistral.
      const same = { modelType: name === "mistral" ? "llama" : source.config.modelType, raw: null, dtype: null };
      const plain = { eosTokenIds: null, bosTokenId: null };
      deepEqual({ ...read.config, ...same, ...plain }, { ...source.config, ...same, ...plain });
      deepEqual(read.eosTokenIds.toSorted(), source.eosTokenIds.toSorted());
      deepEqual(parameterShapes(read.config), parameterShapes(source.config));
      for (const { name } of parameterShapes(source.config)) {
        deepEqual(await read.readTensor(name), await source.readTensor(name), name);
        const bytes = await read.readStored(name);
        deepEqual(bytes, await source.readStored(name), name);
        deepEqual(await read.readStored(name, { start: 12, length: 44 }), bytes.subarray(12, 56), name);
      }
      const [one, two] = [await loadTokenizer(read.files), await loadTokenizer(source.files)];
      for (const text of ["hello ab  12 it's\n", " é a", "<|im_start|>user"]) {
        deepEqual(one.encode(text), two.encode(text));
      }
      const messages = [{ role: "user", content: "hello" }];
      equal(
        one.renderChat(messages, { addGenerationPrompt: true }),
        two.renderChat(messages, { addGenerationPrompt: true }),
      );
      deepEqual([one.bosId, one.eosId], [two.bosId, two.eosId]);
    }));
}

for (const dtype of ["F16", "BF16"] as const) {
  Deno.test(`a GGUF file of ${dtype} has the stored bits`, () =>
    withFolder(async (dir) => {
      const source = await writeGguf(dir, { config: { num_key_value_heads: 1 }, dtype });
      const read = await openModelFolder(`${dir}/model.gguf`);
      equal(read.dtype, dtype);
      for (const { name, shape } of parameterShapes(source.config)) {
        if (shape.length === 1) continue;
        equal(read.dtypeOf(name), dtype);
        deepEqual(await read.readStored(name), await source.readStored(name), name);
      }
    }));
}

/** The numbers of a tensor, as the format defines them. */
function numbersOf({ type, bytes }: ReadTensor): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const size = type === 8 ? 34 : 18;
  return Array.from({ length: bytes.length / size }, (_, block) => {
    const at = block * size;
    const [scale] = f16ToF32(Uint16Array.of(view.getUint16(at, true)));
    return Array.from({ length: 32 }, (_, i) => {
      if (type === 8) return scale! * view.getInt8(at + 2 + i);
      const byte = view.getUint8(at + 2 + i % 16);
      return scale! * ((i < 16 ? byte & 15 : byte >> 4) - 8);
    });
  }).flat();
}

for (const quantize of ["q8_0", "q4_0"] as const) {
  Deno.test(`a GGUF file of ${quantize} is read as the numbers of its codes`, () =>
    withFolder(async (dir) => {
      await writeGguf(dir, { config: { num_key_value_heads: 2 }, quantize });
      const { tensors } = await readGguf(`${dir}/model.gguf`);
      const read = await openModelFolder(`${dir}/model.gguf`);
      equal(read.comesQuantized, quantize === "q8_0" ? "Q8_0" : "Q4_0 and Q8_0");
      const check = async (name: string, from: string, order = (row: number): number => row): Promise<void> => {
        const columns = tensors.get(from)!.sizes[0]!;
        const stored = numbersOf(tensors.get(from)!);
        const values = await read.readTensor(name);
        equal(values.length, stored.length);
        for (let row = 0; row < values.length / columns; row++) {
          const at = order(row) * columns;
          deepEqual([...values.subarray(row * columns, (row + 1) * columns)], stored.slice(at, at + columns), name);
        }
        deepEqual((await Array.fromAsync(read.streamTensor(name), (part) => [...part])).flat(), [...values]);
      };
      equal(read.dtypeOf("model.layers.0.mlp.up_proj.weight"), quantize.toUpperCase());
      // Heads have 16 rows: row 8·j + i of one lies at 2·i + j.
      const parted = (row: number): number => row - row % 16 + 2 * (row % 8) + Math.floor(row % 16 / 8);
      await check("model.layers.1.self_attn.q_proj.weight", "blk.1.attn_q.weight", parted);
      await check("model.layers.1.self_attn.k_proj.weight", "blk.1.attn_k.weight", parted);
      await check("model.layers.1.self_attn.v_proj.weight", "blk.1.attn_v.weight");
      await check("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight");
      await check("model.embed_tokens.weight", "token_embd.weight");
      await check("lm_head.weight", "output.weight");
      // Out again as what the codes stand for, or as the codes that they were.
      const [output, again] = [`${dir}/full.gguf`, `${dir}/again.gguf`];
      equal((await exportModel({ from: `${dir}/model.gguf`, output })).type, "F32");
      const full = await openModelFolder(output);
      for (const { name } of parameterShapes(full.config)) {
        deepEqual(await full.readTensor(name), await read.readTensor(name), name);
      }
      await exportModel({ from: `${dir}/model.gguf`, output: again, quantize });
      for (const [name, { bytes }] of (await readGguf(again)).tensors) {
        if (/ffn_up/.test(name)) deepEqual(bytes, tensors.get(name)!.bytes, name);
      }
    }));
}

for (const [quantize, storage, block] of [["q8_0", "int8", 34], ["q4_0", "int4", 18]] as const) {
  Deno.test(`the device holds the codes of ${quantize} and gives their numbers, of all codes and of scales below zero`, () =>
    withFolder(async (dir) => {
      await writeGguf(dir, { config: { num_key_value_heads: 2 }, quantize });
      const { bytes } = (await readGguf(`${dir}/model.gguf`)).tensors.get("blk.0.ffn_up.weight")!;
      const file = await Deno.readFile(`${dir}/model.gguf`);
      const start = file.findIndex((_, i) => bytes.subarray(0, 64).every((byte, j) => file[i + j] === byte));
      ok(start > 0);
      for (let i = 0; i < 256; i++) file[start + Math.floor(i / 16) * block + 2 + i % 16] = i;
      file[start + 1]! |= 0x80;
      await Deno.writeFile(`${dir}/model.gguf`, file);
      const read = await openModelFolder(`${dir}/model.gguf`);
      const frozen = await loadFrozenModel(device, `${dir}/model.gguf`);
      equal(frozen.weights.locate("model.layers.0.mlp.up_proj.weight").matrix.storage, storage);
      equal(frozen.weights.locate("lm_head.weight").matrix.storage, "f32");
      const names = parameterShapes(read.config).map(({ name }) => name);
      const reader = frozen.weights.openReader(names);
      for (const name of names) {
        const pieces: number[] = [];
        for await (const piece of reader.next()) pieces.push(...piece);
        deepEqual(Float32Array.from(pieces), await read.readTensor(name), name);
      }
      await reader.close();
      freeModel(frozen);
    }));
}
