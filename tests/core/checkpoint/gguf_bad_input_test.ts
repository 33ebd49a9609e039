/** GGUF files that are damaged, or hold what is not read. @module */
import { match, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { ggufFiles } from "../../../core/checkpoint/gguf_files.ts";
import { type ModelFolder, openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { UserError } from "../../../core/error.ts";
import { ggufBytes } from "../../../core/export/gguf_bytes.ts";
import { memoryFiles, type ModelFiles } from "../../../core/files/model_files.ts";
import { writeGguf } from "../../_shared/gguf_model.ts";
import { readGguf } from "../export/_read_gguf.ts";
import { withFolder } from "./_fixtures.ts";

const LLAMA3 = {
  ...{ rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
  original_max_position_embeddings: 32,
};

/** The bytes of a small quantized file; the tensors begin at `head`. */
async function smallFile(dir: string): Promise<{ file: Uint8Array<ArrayBuffer>; head: number }> {
  await writeGguf(dir, { config: { rope_scaling: LLAMA3 }, quantize: "q4_0" });
  const file = await Deno.readFile(`${dir}/model.gguf`);
  const { tensors } = await readGguf(`${dir}/model.gguf`);
  const data = [...tensors.values()].reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 32) * 32, 0);
  return { file, head: file.length - data };
}

/** Opens the bytes of a file, of which no more is asked for than there is. */
function opened(file: Uint8Array<ArrayBuffer>): Promise<ModelFolder> {
  const memory = memoryFiles({ "a.gguf": file });
  const files: ModelFiles = {
    ...memory,
    read(name, range) {
      ok(range !== undefined && range.start + range.length <= file.length);
      return memory.read(name, range);
    },
  };
  return openModelFolder(ggufFiles({ files, file: "a.gguf" }, "a.gguf"));
}

/** Replaces a text of the file by one of the same length, or bytes that follow a text. */
function edited(
  file: Uint8Array<ArrayBuffer>,
  ...changes: { text: string; at?: number; bytes: Uint8Array }[]
): Uint8Array<ArrayBuffer> {
  const out = file.slice();
  for (const { text, at = 0, bytes } of changes) {
    const found = placeOf(file, text);
    ok(found >= 0, text);
    out.set(bytes, found + at);
  }
  return out;
}

function placeOf(file: Uint8Array, text: string): number {
  const wanted = ascii(text);
  return file.findIndex((_, i) => wanted.every((byte, j) => file[i + j] === byte));
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const NAME = "blk.1.attn_q.weight";
const EPSILON = "llama.attention.layer_norm_rms_epsilon";

Deno.test("what a GGUF file says wrongly is an error that names it", () =>
  withFolder(async (dir) => {
    const { file, head } = await smallFile(dir);
    const huge = new Uint8Array([255, 255, 255, 255, 255, 255, 31, 0]);
    const refused: [RegExp, Uint8Array<ArrayBuffer>][] = [
      [/begins with 0x[0-9a-f]+, expected a GGUF file/, edited(file, { text: "GGUF", bytes: ascii("GGML") })],
      [/version is 1, expected 2 or 3/, edited(file, { text: "GGUF", at: 4, bytes: Uint8Array.of(1) })],
      [/claims 9007199254740991 tensors, expected at most/, edited(file, { text: "GGUF", at: 8, bytes: huge })],
      [/claims 9007199254740991 keys, expected at most/, edited(file, { text: "GGUF", at: 16, bytes: huge })],
      [
        /claims 9007199254740991 values of "tokenizer\.ggml\.tokens", expected at most/,
        edited(file, { text: "tokenizer.ggml.tokens", at: 21 + 8, bytes: huge }),
      ],
      [/"general\.architecture" is "gemma", expected llama/, edited(file, { text: "llama", bytes: ascii("gemma") })],
      [
        /"llama\.blocc_count" is 2, expected no such setting/,
        edited(file, { text: "block_count", bytes: ascii("blocc_count") }),
      ],
      [
        /"tokenizer\.ggml\.model" is "llamb", expected "gpt2" or "llama"/,
        edited(file, { text: "tokenizer.ggml.model", at: 20 + 4 + 8, bytes: ascii("llamb") }),
      ],
      [
        /tensor "blk\.1\.attn_q\.weight" is of type Q4_K, expected F32, F16, Q4_0, Q8_0, BF16/,
        edited(file, { text: NAME, at: NAME.length + 20, bytes: Uint8Array.of(12) }),
      ],
      [
        /tensor "blk\.1\.attn_q\.weight" has rows of 65 numbers, expected a multiple of 32/,
        edited(file, { text: NAME, at: NAME.length + 4, bytes: Uint8Array.of(65) }),
      ],
      [
        /tensor "blk\.1\.attn_q\.weight" ends at \d+, expected at most \d+/,
        edited(file, { text: NAME, at: NAME.length + 17, bytes: Uint8Array.of(1) }),
      ],
      [
        /tensor "blk\.1\.attn_q\.weight" begins at \d+, expected a multiple of 32/,
        edited(file, { text: NAME, at: NAME.length + 24, bytes: Uint8Array.of(1) }),
      ],
      [/tensors ".+" and ".+" overlap/, edited(file, { text: NAME, at: NAME.length + 25, bytes: Uint8Array.of(0) })],
      [
        /"model\.layers\.1\.self_attn\.q_proj\.weight" from \S+: it is missing/,
        edited(file, { text: NAME, bytes: ascii("blk.1.attn_z") }),
      ],
      [
        /"llama\.attention\.layer_norm_rms_epsilon" is NaN, expected a number/,
        edited(file, { text: EPSILON, at: EPSILON.length + 4, bytes: Uint8Array.of(0, 0, 192, 127) }),
      ],
      [
        /"rope_freqs\.weight" has other factors than RoPE of type llama3/,
        edited(file, { text: "key_length", at: 14, bytes: Uint8Array.of(254, 255, 255, 255) }, {
          text: "value_length",
          at: 16,
          bytes: Uint8Array.of(254, 255, 255, 255),
        }, { text: "rope.dimension_count", at: 24, bytes: Uint8Array.of(254, 255, 255, 255) }),
      ],
      [
        /"rope_freqs\.weight" is F16 \[8\], expected F32 of half the width of a head/,
        edited(file, { text: "rope_freqs.weight", at: 17 + 12, bytes: Uint8Array.of(1) }),
      ],
      [
        /"output_norm\.weight" from \S+: it is Q4_0 \[64\], expected F32, F16 or BF16 of what is no matrix/,
        edited(file, { text: "output_norm.weight", at: 18 + 12, bytes: Uint8Array.of(2) }),
      ],
      [/it ends within its header after \d+ bytes/, file.slice(0, head - 200)],
      [/ends at \d+, expected at most \d+, the file's size/, file.slice(0, file.length - 40)],
    ];
    for (const [message, bytes] of refused) {
      await rejects(opened(bytes).then((folder) => loadTokenizer(folder.files)), { name: "UserError", message });
    }
  }));

Deno.test("a scale that is not finite, and a part of a file, are errors", () =>
  withFolder(async (dir) => {
    const { file } = await smallFile(dir);
    const name = "blk.0.ffn_up.weight";
    const bytes = (await readGguf(`${dir}/model.gguf`)).tensors.get(name)!.bytes;
    const start = file.findIndex((_, i) => bytes.subarray(0, 64).every((byte, j) => file[i + j] === byte));
    file.set([0, 0x7c], start + 18);
    const folder = await opened(file);
    const message = `Cannot load "${name}" from a.gguf: a scale of its codes is Infinity, expected finite ones`;
    const parameter = "model.layers.0.mlp.up_proj.weight";
    await rejects(folder.readTensor(parameter), { name: "UserError", message });
    await rejects(folder.readCodes(parameter), { name: "UserError", message });
    const metadata = [["general.architecture", { text: "llama" }], ["split.count", { uint32: 2 }]] as const;
    const part = await new Response(ReadableStream.from(ggufBytes({ metadata, tensors: [] }))).bytes();
    await rejects(opened(part), {
      message: /"split\.count" is 2, expected 1: join the parts with llama-gguf-split --merge$/,
    });
  }));

Deno.test("a GGUF file with anything changed in its header gives one line or a model", () =>
  withFolder(async (dir) => {
    const { file, head } = await smallFile(dir);
    let refused = 0;
    // What is wrong within the lists of the vocabulary is another text or number more often than an error.
    const [lists, infos] = [placeOf(file, "tokenizer.ggml.tokens"), placeOf(file, "token_embd")];
    const place = fc.oneof(fc.nat(lists), fc.integer({ min: infos, max: head - 1 }), fc.nat(head - 1));
    const change = fc.record({ at: place, bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const changed = file.slice();
        for (const { at, bytes } of changes) changed.set(bytes.subarray(0, head - at), at);
        try {
          const folder = await opened(changed);
          await loadTokenizer(folder.files);
          await folder.readTensor("model.layers.0.self_attn.q_proj.weight");
        } catch (error) {
          refused++;
          ok(error instanceof UserError, String((error as Error).stack));
          match(error.message, /^Cannot [^\n]+$/);
        }
      }),
      { numRuns: 300, seed: 3 },
    );
    ok(refused > 150, `${refused}`);
  }));
