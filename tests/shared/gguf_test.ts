/** GGUF files as Python's gguf reads them. @module */
import assert from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../core/checkpoint/model_folder.ts";
import { exportModel } from "../../core/export/export_model.ts";
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
