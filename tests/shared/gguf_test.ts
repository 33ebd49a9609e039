/** GGUF files as Python's gguf reads them. @module */
import assert from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../core/checkpoint/model_folder.ts";
import { loadTokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { exportModel } from "../../core/export/export_model.ts";
import { parameterShapes } from "../../core/model/families/families.ts";
import { writeTinyModel } from "../_shared/tiny_model.ts";
import { withFolder } from "../core/_tiny.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

/**
 * Reads the file in argv[1], and makes every tensor of it of the folder in argv[2] by NumPy and gguf's own quants, in the
 * file's type. Prints the metadata, and for each tensor its type and whether the bytes are the same.
 */
const READ = `
import json, re, sys
import numpy as np
from gguf import GGUFReader, GGMLQuantizationType as T, quants, get_tensor_name_map, MODEL_ARCH

path, folder = sys.argv[1:]
config = json.load(open(folder + "/config.json"))
heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
file = open(folder + "/model.safetensors", "rb").read()
start = 8 + int.from_bytes(file[:8], "little")
tensors = {}
for name, info in json.loads(file[8:start]).items():
    if name == "__metadata__": continue
    begin, end = (start + offset for offset in info["data_offsets"])
    raw = file[begin:end]
    if info["dtype"] == "BF16": values = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else: values = np.frombuffer(raw, {"F32": np.float32, "F16": np.float16}[info["dtype"]]).astype(np.float32)
    values = values.reshape(info["shape"])
    for end, count in heads.items():
        if f".{end}." in name:
            values = values.reshape(count, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
    tensors[name] = np.ascontiguousarray(values)
names = get_tensor_name_map(MODEL_ARCH.LLAMA, config["num_hidden_layers"])
named = {names.get_name(name, try_suffixes=(".weight", ".bias")): values for name, values in tensors.items()}

reader = GGUFReader(path)
found = {}
for tensor in reader.tensors:
    values = named.pop(tensor.name)
    expected = quants.quantize(values, tensor.tensor_type)
    same = tensor.data.tobytes() == expected.tobytes() and list(reversed(tensor.shape.tolist())) == list(values.shape)
    found[tensor.name] = [tensor.tensor_type.name, same]
metadata = {key: field.contents() for key, field in reader.fields.items()}
print(json.dumps({"metadata": metadata, "tensors": found, "left": list(named)}))
`;

/**
 * Writes argv[1]/model.gguf by gguf's own writer and quants, and argv[1]/NAME, the float32 numbers of each tensor under
 * its name in a Hugging Face folder.
 */
const WRITE = `
import sys
import numpy as np
from gguf import GGUFWriter, GGMLQuantizationType as T, quants, get_tensor_name_map, MODEL_ARCH

dir = sys.argv[1]
HEADS, KV, DIM, HIDDEN, MLP, VOCAB = 4, 2, 16, 64, 96, 259
random = np.random.default_rng(7)
writer = GGUFWriter(dir + "/model.gguf", "llama")
writer.add_name("tiny")
writer.add_block_count(2)
writer.add_context_length(64)
writer.add_embedding_length(HIDDEN)
writer.add_feed_forward_length(MLP)
writer.add_head_count(HEADS)
writer.add_head_count_kv(KV)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(DIM)
writer.add_rope_freq_base(10000.0)
writer.add_vocab_size(VOCAB)
writer.add_uint64("general.long", 2 ** 63)
writer.add_array("general.tags", ["a", "b"])
writer.add_tokenizer_model("llama")
bytes_ = [f"<0x{i:02X}>" for i in range(256)]
writer.add_token_list(["<unk>", "<s>", "</s>"] + bytes_)
writer.add_token_scores([0.0] * VOCAB)
writer.add_token_types([2, 3, 3] + [6] * 256)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)
names = get_tensor_name_map(MODEL_ARCH.LLAMA, 2)
shapes = {"model.embed_tokens": (VOCAB, HIDDEN), "model.norm": (HIDDEN,), "lm_head": (VOCAB, HIDDEN)}
for n in range(2):
    layer = f"model.layers.{n}."
    for part in ("input_layernorm", "post_attention_layernorm"): shapes[layer + part] = (HIDDEN,)
    for part, rows in (("q", HEADS), ("k", KV), ("v", KV)): shapes[f"{layer}self_attn.{part}_proj"] = (rows * DIM, HIDDEN)
    shapes[layer + "self_attn.o_proj"] = (HIDDEN, HEADS * DIM)
    for part in ("gate", "up"): shapes[f"{layer}mlp.{part}_proj"] = (MLP, HIDDEN)
    shapes[layer + "mlp.down_proj"] = (HIDDEN, MLP)
types = [T.Q8_0, T.Q4_0, T.F16, T.BF16, T.F32]
for i, (name, shape) in enumerate(shapes.items()):
    values = random.standard_normal(shape, np.float32)
    kind = T.F32 if len(shape) == 1 else types[i % 5]
    def order(a, rows=None):
        heads = HEADS if "q_proj" in name else KV if "k_proj" in name else 0
        if heads == 0: return a
        return a.reshape(heads, 2, -1, *a.shape[1:]).swapaxes(1, 2).reshape(a.shape)
    stored = quants.quantize(np.ascontiguousarray(order(values)), kind)
    back = quants.dequantize(stored, kind)
    ids = order(np.repeat(np.arange(shape[0], dtype=np.float32)[:, None], 1, 1))[:, 0].astype(int)
    expected = np.empty_like(back)
    expected[ids] = back
    expected.astype(np.float32).tofile(f"{dir}/{name}.weight")
    writer.add_tensor(names.get_name(name) + ".weight", stored, raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
`;

async function python(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command("python3", { args }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const there = (await python("-c", "import gguf")).code === 0;
if (!there) console.log("GGUF's reader: NOT RUN, python3 has no module gguf");

/** Registers nothing where the reader is missing, as no result is no success. */
const ggufTest: typeof sharedTest = (name, run) => there && sharedTest(name, run);

for (const dtype of ["F32", "F16", "BF16"] as const) {
  ggufTest(
    `Python's gguf reads a model that is stored as ${dtype}, and its quants make the same bytes`,
    () =>
      withFolder(async (dir) => {
        const source = await openModelFolder(sharedPath("real/stories260K"));
        await saveModelFolder(`${dir}/model`, { source, dtype, tensors: (name) => source.readTensor(name) });
        const tokenizer = JSON.parse(await Deno.readTextFile(`${dir}/model/tokenizer.json`));
        for (const quantize of [undefined, "q8_0", "q4_0"] as const) {
          const output = `${dir}/${quantize}.gguf`;
          await exportModel({ from: `${dir}/model`, output, ...quantize && { quantize } });
          const { code, out, err } = await python("-c", READ, output, `${dir}/model`);
          assert.equal(code, 0, err);
          const { metadata, tensors, left } = JSON.parse(out);
          assert.deepEqual(left, []);
          const type = quantize?.toUpperCase() ?? dtype;
          for (const [name, [found, same]] of Object.entries<[string, boolean]>(tensors)) {
            const expected = name.includes("norm")
              ? "F32"
              : name.includes("ffn_down")
              ? dtype
              : name === "token_embd.weight" && type === "Q4_0"
              ? "Q8_0"
              : type;
            assert.deepEqual([found, same], [expected, true], `${quantize} ${name}`);
          }
          assert.equal(metadata["general.architecture"], "llama");
          assert.equal(metadata["llama.attention.head_count_kv"], 4);
          assert.equal(metadata["tokenizer.ggml.tokens"].length, 512);
          for (const [text, id] of Object.entries<number>(tokenizer.model.vocab)) {
            assert.equal(metadata["tokenizer.ggml.tokens"][id], text);
          }
          assert.equal(metadata["tokenizer.ggml.scores"].length, 512);
          assert.deepEqual(metadata["tokenizer.ggml.token_type"].slice(0, 5), [2, 3, 3, 6, 6]);
        }
      }),
  );
}

ggufTest(
  "a file that Python's gguf writes is read with its numbers and its tokenizer",
  () =>
    withFolder(async (dir) => {
      const { code, err } = await python("-c", WRITE, dir);
      assert.equal(code, 0, err);
      const folder = await openModelFolder(`${dir}/model.gguf`);
      assert.equal(folder.comesQuantized, "Q4_0 and Q8_0");
      for (const { name } of parameterShapes(folder.config)) {
        const { buffer } = await Deno.readFile(`${dir}/${name}`);
        assert.deepEqual(await folder.readTensor(name), new Float32Array(buffer), name);
      }
      const tokenizer = await loadTokenizer(folder.files);
      assert.deepEqual(
        tokenizer.encode("a\u00E9"),
        [1, ...new TextEncoder().encode("▁aé")].map((id, i) => i === 0 ? id : id + 3),
      );
    }),
);

for (
  const [name, vocab_size, bos_token_id, eos_token_id] of [["gpt2", 50257, 50256, 50256], ["llama2-spm", 32000, 1, 2]]
) {
  sharedTest(
    `the tokenizer ${name} comes back from a GGUF file with its merges and ids`,
    () =>
      withFolder(async (dir) => {
        const from = sharedPath(`real/tokenizers/${name}`);
        const config = {
          vocab_size,
          bos_token_id,
          eos_token_id,
          hidden_size: 8,
          num_hidden_layers: 1,
          intermediate_size: 8,
        };
        await writeTinyModel(`${dir}/model`, { config });
        for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
          await Deno.copyFile(`${from}/${file}`, `${dir}/model/${file}`);
        }
        await exportModel({ from: `${dir}/model`, output: `${dir}/model.gguf` });
        const { files } = await openModelFolder(`${dir}/model.gguf`);
        const mergesOf = (bytes: Uint8Array): string[] =>
          JSON.parse(new TextDecoder().decode(bytes)).model.merges.map((merge: string | string[]) =>
            typeof merge === "string" ? merge : merge.join(" ")
          );
        const merges = mergesOf(await files.read("tokenizer.json"));
        assert.deepEqual(merges, mergesOf(await Deno.readFile(`${from}/tokenizer.json`)));
        const [one, two] = [await loadTokenizer(files), await loadTokenizer(`${dir}/model`)];
        for (const text of textsOf(JSON.parse(await Deno.readTextFile(`${from}/expected.json`)))) {
          const ids = two.encode(text);
          assert.deepEqual(one.encode(text), ids, text);
          assert.equal(one.decode(ids), two.decode(ids));
        }
      }),
  );
}

/** All texts in a JSON value. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
