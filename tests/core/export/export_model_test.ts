import assert from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { type Dtype, encodeFloat32 } from "../../../core/dtype.ts";
import { exportModel } from "../../../core/export/export_model.ts";
import { mergeAdapterFolder } from "../../../core/export/merge_adapter.ts";
import { quantizeBlocks } from "../../../core/export/quantize_blocks.ts";
import { type Case, refuseAll } from "../../_shared/refusal.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";
import { type ReadGguf, readGguf } from "./_read_gguf.ts";

const VOCAB = 368;
const LLAMA3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 32,
};
const family = (name: string): Record<string, unknown> => ({
  model_type: name.toLowerCase(),
  architectures: [`${name}ForCausalLM`],
});

/** Writes a model with a tokenizer. */
async function writeModel(dir: string, config: Record<string, unknown> = {}): Promise<string> {
  await writeTinyModel(dir, { config: { vocab_size: VOCAB, ...config } });
  await writeTokenizer(dir, { config: { chat_template: CHATML } });
  return dir;
}

/** Exports into a file of the folder, and reads it. */
async function exported(
  dir: string,
  options: Partial<Parameters<typeof exportModel>[0]> = {},
): Promise<ReadGguf & { notes: string[]; report: Awaited<ReturnType<typeof exportModel>> }> {
  const notes: string[] = [];
  const output = await Deno.makeTempFile({ dir, suffix: ".gguf" });
  const report = await exportModel({ from: dir, output, force: true, onNote: (line) => notes.push(line), ...options });
  return { ...await readGguf(output), notes, report };
}

/** The rows of a matrix in their order in the file. */
function rowsOf(bytes: Uint8Array, count: number): string[] {
  const size = bytes.length / count;
  return Array.from({ length: count }, (_, i) => bytes.slice(i * size, (i + 1) * size).toString());
}

/** The rows of heads of four rows: 0, 2, 1, 3, so that those that RoPE turns together lie side by side. */
const interleave = (rows: string[]): string[] => rows.map((_, i) => rows[i - i % 4 + [0, 2, 1, 3][i % 4]!]!);

const NAMES: Record<string, string> = {
  "input_layernorm": "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "post_attention_layernorm": "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

for (const dtype of ["F32", "F16", "BF16"] satisfies Dtype[]) {
  Deno.test(`a GGUF file has the model's weights as they are stored, ${dtype}`, () =>
    withFolder(async (dir) => {
      await writeModel(`${dir}/float32`);
      const source = await openModelFolder(`${dir}/float32`);
      await saveModelFolder(`${dir}/model`, { source, dtype, tensors: (name) => source.readTensor(name) });
      const folder = await openModelFolder(`${dir}/model`);
      const { tensors, report } = await exported(`${dir}/model`);
      const check = async (name: string, from: string): Promise<void> => {
        const values = await folder.readTensor(from);
        const { type, sizes, bytes } = tensors.get(name)!;
        tensors.delete(name);
        const { shape } = folder.weights.tensors.get(from)!;
        assert.deepEqual(sizes, [...shape].reverse());
        const stored = shape.length === 1 ? "F32" : dtype;
        assert.equal(type, { F32: 0, F16: 1, BF16: 30 }[stored]);
        const rows = rowsOf(encodeFloat32(values, stored), shape[0]!);
        const order = /attn_[qk]\.weight/.test(name) ? interleave(rows) : rows;
        assert.deepEqual(rowsOf(bytes, shape[0]!), order, name);
      };
      assert.equal(tensors.size, report.tensors);
      await check("token_embd.weight", "model.embed_tokens.weight");
      for (const layer of [0, 1]) {
        for (const [from, name] of Object.entries(NAMES)) {
          await check(`blk.${layer}.${name}.weight`, `model.layers.${layer}.${from}.weight`);
        }
      }
      await check("output_norm.weight", "model.norm.weight");
      await check("output.weight", "lm_head.weight");
      assert.equal(tensors.size, 0);
      assert.equal(report.type, dtype);
    }));
}

Deno.test("matrices are quantized, the LM head to 8 bits; those with ragged rows stay as they are, which is said", () =>
  withFolder(async (dir) => {
    await writeModel(dir, { hidden_size: 64, intermediate_size: 40, tie_word_embeddings: true });
    const folder = await openModelFolder(dir);
    for (const [quantize, type, id] of [["q8_0", "Q8_0", 8], ["q4_0", "Q4_0", 2]] as const) {
      const { tensors, notes, report, metadata } = await exported(dir, { quantize });
      assert.deepEqual(notes, [
        "2 of 20 tensors stay F32: their rows, 40 numbers in blk.0.ffn_down.weight, are no multiple of 32",
      ]);
      assert.equal(report.type, type);
      assert.equal(metadata.get("general.file_type")!.value, { Q8_0: 7, Q4_0: 2 }[type]);
      assert.ok(!tensors.has("output.weight"));
      const types = Object.fromEntries([...tensors].map(([name, { type }]) => [name, type]));
      const { "token_embd.weight": head, "blk.1.ffn_down.weight": down, "blk.1.ffn_norm.weight": norm } = types;
      assert.deepEqual([head, down, norm, types["blk.1.attn_q.weight"]], [8, 0, 0, id]);
      const gate = await folder.readTensor("model.layers.1.mlp.gate_proj.weight");
      assert.deepEqual(tensors.get("blk.1.ffn_gate.weight")!.bytes, quantizeBlocks(gate, type));
      const embedding = await folder.readTensor("model.embed_tokens.weight");
      assert.deepEqual(tensors.get("token_embd.weight")!.bytes, quantizeBlocks(embedding, "Q8_0"));
    }
  }));

Deno.test("the settings are those of the family's architecture", () =>
  withFolder(async (dir) => {
    const cases: [string, Record<string, unknown>, Record<string, unknown>, string[]][] = [
      ["llama", { rope_scaling: LLAMA3, attention_bias: true, mlp_bias: true }, {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.context_length": 64,
        "llama.embedding_length": 16,
        "llama.feed_forward_length": 24,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.attention.key_length": 4,
        "llama.attention.value_length": 4,
        "llama.attention.layer_norm_rms_epsilon": Math.fround(1e-5),
        "llama.rope.dimension_count": 4,
        "llama.rope.freq_base": 10_000,
        "llama.rope.scaling.type": undefined,
        "llama.vocab_size": VOCAB,
        "general.file_type": 0,
      }, []],
      ["mistral", { ...family("Mistral"), sliding_window: 48 }, {
        "general.architecture": "llama",
        "llama.context_length": 48,
      }, ["The context is 48 tokens, not 64: the model attends to the last 48, llama.cpp's llama to all"]],
      ["wide", { ...family("Mistral"), sliding_window: 64 }, { "llama.context_length": 64 }, []],
      ["qwen2", { ...family("Qwen2"), rope_scaling: { type: "linear", factor: 4 } }, {
        "general.architecture": "qwen2",
        "qwen2.rope.scaling.type": "linear",
        "qwen2.rope.scaling.factor": 4,
      }, []],
      ["qwen3", { ...family("Qwen3"), head_dim: 8 }, {
        "general.architecture": "qwen3",
        "qwen3.attention.key_length": 8,
        "qwen3.rope.dimension_count": 8,
      }, []],
    ];
    const files: Record<string, ReadGguf> = {};
    for (const [name, config, expected, said] of cases) {
      const { notes, ...file } = files[name] = await exported(await writeModel(`${dir}/${name}`, config)) as
        & ReadGguf
        & { notes: string[] };
      assert.deepEqual(notes, said);
      const found = Object.keys(expected).map((key) => [key, file.metadata.get(key)?.value]);
      assert.deepEqual(Object.fromEntries(found), expected);
      assert.equal(file.metadata.get("general.name")!.value, name);
    }
    // The pairs of the two frequencies: the first turns often enough to stay, the second is slowed down.
    const factors = files.llama!.tensors.get("rope_freqs.weight")!;
    assert.deepEqual([...new Float32Array(factors.bytes.buffer)], [1, 8]);
    const folder = await openModelFolder(`${dir}/llama`);
    for (const [name, from] of [["attn_q", "self_attn.q_proj"], ["ffn_up", "mlp.up_proj"]] as const) {
      const values = await folder.readTensor(`model.layers.0.${from}.bias`);
      const rows = rowsOf(encodeFloat32(values, "F32"), values.length);
      const { bytes, type } = files.llama!.tensors.get(`blk.0.${name}.bias`)!;
      assert.deepEqual([type, rowsOf(bytes, values.length)], [0, name === "attn_q" ? interleave(rows) : rows]);
    }
    // Qwen's q and k stay as they are.
    const qwen = await openModelFolder(`${dir}/qwen3`);
    const q = await qwen.readTensor("model.layers.0.self_attn.q_proj.weight");
    assert.deepEqual(files.qwen3!.tensors.get("blk.0.attn_q.weight")!.bytes, encodeFloat32(q, "F32"));
    const norm = await qwen.readTensor("model.layers.0.self_attn.q_norm.weight");
    assert.deepEqual(files.qwen3!.tensors.get("blk.0.attn_q_norm.weight")!.bytes, encodeFloat32(norm, "F32"));
  }));

Deno.test("an adapter is merged into its base, of a run's folder too", () =>
  withFolder(async (dir) => {
    const base = new URL("../../parity/goldens/llama", import.meta.url).pathname;
    const golden = new URL("goldens/llama_all", import.meta.url).pathname;
    await Deno.mkdir(`${dir}/run/adapter`, { recursive: true });
    for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
      await Deno.copyFile(`${golden}/${file}`, `${dir}/run/adapter/${file}`);
    }
    // The base has 37 tokens, the tokenizer 370: of another model.
    await writeTokenizer(`${dir}/run/adapter`);
    const options = { from: `${dir}/run`, base, output: `${dir}/run.gguf` };
    await assert.rejects(exportModel(options), /token .* has the id \d+, expected less than vocab_size .*, 37$/);
    const few = bytePieces(37);
    await writeTokenizer(`${dir}/run/adapter`, { json: few, config: { bos_token: null, eos_token: "P" } });
    await exportModel(options);
    await mergeAdapterFolder({ adapter: `${dir}/run`, base, output: `${dir}/merged` });
    await exportModel({ from: `${dir}/merged`, output: `${dir}/merged.gguf` });
    assert.deepEqual((await readGguf(`${dir}/run.gguf`)).tensors, (await readGguf(`${dir}/merged.gguf`)).tensors);
    // Stored in 16 bits, which take some of what the adapter adds; what is quantized is not compared.
    const source = await openModelFolder(base);
    await saveModelFolder(`${dir}/half`, { source, dtype: "BF16", tensors: (name) => source.readTensor(name) });
    const notes: string[] = [];
    const half = { ...options, base: `${dir}/half`, force: true, onNote: (line: string) => notes.push(line) };
    assert.equal((await exportModel(half)).type, "BF16");
    assert.match(notes.join("\n"), /^The model is saved as bfloat16: rounding moves its weights by 0\.\d+ % of what/);
    await exportModel({ ...half, quantize: "q8_0" });
    assert.equal(notes.filter((line) => line.includes("rounding")).length, 1);
    await assert.rejects(
      exportModel({ ...options, from: `${dir}/merged`, output: `${dir}/x.gguf` }),
      /Cannot add .* to the base .*: it is a model, expected an adapter$/,
    );
  }));

/** A byte-level tokenizer of so many tokens. */
function bytePieces(count: number): Record<string, unknown> {
  const vocab = Object.fromEntries(Array.from({ length: count }, (_, i) => [String.fromCharCode(80 + i), i]));
  return {
    added_tokens: [{ id: 0, content: "P", special: true }],
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab, merges: [] },
  };
}

Deno.test("what a GGUF file cannot hold is one line, and no file is left", () =>
  withFolder(async (dir) => {
    const model = (name: string, config: Record<string, unknown>): Promise<string> =>
      writeModel(`${dir}/${name}`, config);
    await writeTinyModel(`${dir}/mute`);
    const plain = await model("plain", { hidden_size: 32, intermediate_size: 32 });
    await writeTinyModel(`${dir}/large`, {
      config: { vocab_size: VOCAB, hidden_size: 32, intermediate_size: 32 },
      change: (name, values) => name.includes("down_proj") && values.fill(1e7, 0, 1),
    });
    await writeTokenizer(`${dir}/large`);
    await Deno.writeTextFile(`${dir}/there.gguf`, "mine");
    const cases: Case<Partial<Parameters<typeof exportModel>[0]> & { from: string }>[] = [
      ["no tokenizer", { from: `${dir}/mute` }, /there is no tokenizer\.json, which a GGUF file holds$/],
      [
        "qwen3 with biases",
        { from: await model("biased", { ...family("Qwen3"), attention_bias: true }) },
        /"attention_bias" is true, expected false, as llama\.cpp's qwen3 has no such biases$/,
      ],
      [
        "qwen2 with llama3's RoPE",
        { from: await model("turned", { ...family("Qwen2"), rope_scaling: LLAMA3 }) },
        /"rope_type" is "llama3", expected "default" or "linear", as llama\.cpp's qwen2 reads no factors of RoPE$/,
      ],
      [
        "numbers beyond float16's scale",
        { from: `${dir}/large`, quantize: "q8_0" },
        /Cannot quantize "model\.layers\.0\.mlp\.down_proj\.weight" as Q8_0: a block needs the scale 78740\.\d+, /,
      ],
      ["a file that is there", { from: plain, output: `${dir}/there.gguf` }, /is there already, expected a new name/],
      ["no model", { from: `${dir}/none` }, /none/],
      ["a folder that is not", { from: plain, output: `${dir}/no/x.gguf` }, /Cannot write .*x\.gguf/],
      ["--pre for pieces", { from: plain, pre: "qwen2" }, /--pre is "qwen2", but its BPE is not of bytes/],
    ];
    await refuseAll(cases, (options) => exportModel({ output: `${dir}/out.gguf`, ...options }));
    const left = (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).filter((name) => /gguf/.test(name));
    assert.deepEqual(left, ["there.gguf"]);
    assert.equal(await Deno.readTextFile(`${dir}/there.gguf`), "mine");
  }));
