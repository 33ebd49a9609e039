/** Writes models as files for other programs. @module */
import { type BlockType, isBlockType } from "../checkpoint/gguf_blocks.ts";
import { RoundingMeter } from "../checkpoint/rounding_meter.ts";
import { replaceFileAtomic } from "../files/atomic.ts";
import { refuseExisting } from "../files/existing_output.ts";
import { basename } from "../files/path.ts";
import { noteRounding } from "../run/rounding_note.ts";
import { architectureOf, exportedSettings } from "./exported_settings.ts";
import { exportedTensors } from "./exported_tensors.ts";
import { exportedTokenizer } from "./exported_tokenizer.ts";
import { bytesOfTensor, ggufBytes, type GgufTensor } from "./gguf_bytes.ts";
import { openExported, type SourceHooks } from "./model_source.ts";

/** What is exported, and how. */
export interface ExportModelOptions extends SourceHooks {
  /** A run's folder, a model's or an adapter's, a GGUF file, or a model's name on the hub. */
  from: string;
  /** The file that is written. */
  output: string;
  /** Type of the matrices (default: each as it is stored). */
  quantize?: "q8_0" | "q4_0";
  /** The model that an adapter is added to (default: the one that it names). */
  base?: string;
  /** llama.cpp's name of the pre-tokenizer (`tokenizer.ggml.pre`), where it is not known here. */
  pre?: string;
  /** Whether a file at `output` is replaced (default false). */
  force?: boolean;
}

/** What was written. */
export interface ModelExport {
  /** Tensors in the file. */
  tensors: number;
  /** Bytes of the tensors. */
  bytes: number;
  /** The type of most numbers in the file. */
  type: string;
}

/**
 * Writes a model as a GGUF file, which llama.cpp and all that is built on it read: weights, settings, vocabulary, chat
 * template. An adapter is merged into its base. `onNote` gets what llama.cpp does otherwise than dnpo. Needs no device,
 * and the memory of one matrix. Throws a UserError, also naming what a GGUF file cannot hold.
 *
 * @example
 * ```ts
 * import { exportModel } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * // The quick start's model with another tokenizer: its own has single letters and no bytes, which llama.cpp cannot read.
 * const dir = await Deno.makeTempDir();
 * for (const file of ["config.json", "model.safetensors"]) {
 *   await Deno.copyFile(`examples/quickstart/model/${file}`, `${dir}/${file}`);
 * }
 * const vocab = Object.fromEntries(Array.from({ length: 32 }, (_, id) => [String.fromCharCode(91 + id), id]));
 * const pre_tokenizer = { type: "ByteLevel", add_prefix_space: false };
 * const model = { type: "BPE", vocab, merges: [] };
 * await Deno.writeTextFile(`${dir}/tokenizer.json`, JSON.stringify({ added_tokens: [], pre_tokenizer, model }));
 *
 * const { type } = await exportModel({ from: dir, output: `${dir}/model.gguf`, quantize: "q8_0" });
 * assert.equal(type, "Q8_0");
 * ```
 */
export async function exportModel(options: ExportModelOptions): Promise<ModelExport> {
  const { from, output, pre, force = false, onProgress = () => {}, onNote = () => {} } = options;
  await refuseExisting(output, { action: `Cannot export ${from} to ${output}`, force });
  const { folder, base } = await openExported(from, options);
  const quantize = options.quantize === undefined ? null : blockType(options.quantize);
  const architecture = architectureOf(folder);
  // Codes are written as the numbers that they stand for.
  const stored = folder.comesQuantized === null ? folder.dtype : "F32";
  const settings = exportedSettings({ ...folder, dtype: stored }, {
    name: basename(from).replace(/\.gguf$/i, ""),
    architecture,
    quantize,
  });
  const tokenizer = await exportedTokenizer(folder, { pre });
  const meter = base === null || quantize !== null || stored === "F32" ? null : new RoundingMeter(base.folder, stored);
  const tensors = exportedTensors(folder, {
    interleaves: architecture.interleaves,
    quantize,
    read: (name) => meter?.measure(name, folder.streamTensor(name)) ?? folder.streamTensor(name),
  });
  const notes = [...settings.notes, ...tokenizer.notes, ...quantize === null ? [] : wideNotes(tensors)];
  for (const note of notes) onNote(note);
  const metadata = [...settings.metadata, ...tokenizer.metadata];
  const bytes = tensors.reduce((sum, tensor) => sum + bytesOfTensor(tensor), 0);
  let done = 0;
  await replaceFileAtomic(output, async (write) => {
    for await (const piece of ggufBytes({ metadata, tensors })) {
      await write(piece);
      if (done === bytes) continue;
      done = Math.min(done + piece.byteLength, bytes);
      onProgress({ stage: "export", done, total: bytes, unit: "bytes" });
    }
  });
  noteRounding({ onNote }, { lost: meter?.share ?? null, dtype: stored });
  return { tensors: tensors.length, bytes, type: quantize ?? stored };
}

function blockType(name: "q8_0" | "q4_0"): BlockType {
  return name.toUpperCase() as BlockType;
}

/** Says which matrices could not be quantized. */
function wideNotes(tensors: readonly GgufTensor[]): string[] {
  const wide = tensors.filter(({ shape, type }) => shape.length > 1 && !isBlockType(type));
  const [first] = wide;
  if (first === undefined) return [];
  return [
    `${wide.length} of ${tensors.length} tensors stay ${first.type}: their rows, ${first.shape.at(-1)} numbers in ` +
    `${first.name}, are no multiple of 32`,
  ];
}
