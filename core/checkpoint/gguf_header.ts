/**
 * Reads what stands before the tensors of a GGUF file, and checks all that it claims
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 *
 * @module
 */
import { UserError } from "../error.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import { quote } from "../values.ts";
import { GgufCursor, type GgufField, MOST_HEADER_BYTES, ShortRead } from "./gguf_cursor.ts";
import { GGUF_MAGIC, GGUF_TYPES } from "./gguf_types.ts";
import type { TensorInfo } from "./safetensors_header.ts";

/** A tensor and the name of its file. */
interface LocatedTensor extends TensorInfo {
  file: string;
}

/** A checked header. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufField>;
  /** The tensors in the file's order; the outermost dimension comes first. */
  readonly tensors: ReadonlyMap<string, LocatedTensor>;
}

/** Names of others, for messages. */
const OTHERS: Readonly<Record<number, string>> = {
  ...{ 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K" },
  ...{ 15: "Q8_K", 20: "IQ4_NL", 23: "IQ4_XS", 28: "F64", 39: "MXFP4" },
};

const FIRST_BYTES = 2 ** 16;

/** Reads and checks the header of a GGUF file. Throws a UserError naming file and key or tensor. */
export async function readGgufHeader(files: ModelFiles, file: string): Promise<GgufHeader> {
  const path = files.pathOf(file);
  const facts = await files.stat(file);
  if (facts === null) throw new UserError(`Cannot read ${path}: there is no such file`);
  const most = Math.min(facts.size, MOST_HEADER_BYTES);
  for (let length = Math.min(FIRST_BYTES, most);; length = Math.min(4 * length, most)) {
    const bytes = await files.read(file, { start: 0, length });
    try {
      return readHeader(new GgufCursor(bytes, { path, fileSize: facts.size }), { file, fileSize: facts.size });
    } catch (error) {
      if (!(error instanceof ShortRead)) throw error;
      if (length < most) continue;
      const expected = "expected a whole GGUF file (is it cut off?)";
      throw new UserError(`Cannot read ${path}: it ends within its header after ${length} bytes, ${expected}`);
    }
  }
}

interface Of {
  file: string;
  fileSize: number;
}

function readHeader(cursor: GgufCursor, of: Of): GgufHeader {
  const magic = cursor.u32();
  if (magic !== GGUF_MAGIC) throw cursor.refuse(`it begins with 0x${magic.toString(16)}, expected a GGUF file`);
  const version = cursor.u32();
  if (version !== 3 && version !== 2) {
    throw cursor.refuse(`its version is ${version}, expected 2 or 3, little-endian`);
  }
  // A tensor takes 24 bytes at least, and a key 13.
  const count = cursor.count("tensors", 24);
  const keys = cursor.count("keys", 13);
  const metadata = new Map<string, GgufField>();
  for (let i = 0; i < keys; i++) {
    const key = cursor.name("a key");
    if (metadata.has(key)) throw cursor.refuse(`${quote(key)} occurs twice, expected once`);
    metadata.set(key, cursor.field(key));
  }
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || !(alignment >= 8) || alignment % 8 !== 0) {
    throw cursor.refuse(`"general.alignment" is ${quote(alignment)}, expected a multiple of 8`);
  }
  return { metadata, tensors: readTensors(cursor, { count, alignment, ...of }) };
}

function readTensors(
  cursor: GgufCursor,
  { count, alignment, ...of }: Of & { count: number; alignment: number },
): Map<string, LocatedTensor> {
  const tensors = new Map<string, LocatedTensor>();
  for (let i = 0; i < count; i++) {
    const name = cursor.name("a tensor's name");
    if (tensors.has(name)) throw cursor.refuse(`tensor ${quote(name)} occurs twice, expected once`);
    tensors.set(name, readTensor(cursor, name, of));
  }
  const start = Math.ceil(cursor.at / alignment) * alignment;
  for (const [name, tensor] of tensors) {
    const refuse = (problem: string) => cursor.refuse(`tensor ${quote(name)} ${problem}`);
    if (tensor.offset % alignment !== 0) {
      throw refuse(`begins at ${tensor.offset}, expected a multiple of ${alignment}`);
    }
    tensor.offset += start;
    const end = tensor.offset + tensor.byteLength;
    if (end > of.fileSize) {
      throw refuse(`ends at ${end}, expected at most ${of.fileSize}, the file's size (is it cut off?)`);
    }
  }
  let [end, before] = [0, ""];
  for (const [name, { offset, byteLength }] of [...tensors].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (offset < end) throw cursor.refuse(`tensors ${quote(before)} and ${quote(name)} overlap`);
    [end, before] = [offset + byteLength, name];
  }
  return tensors;
}

/** The entry of a tensor, whose offset counts from the first tensor's. */
function readTensor(cursor: GgufCursor, name: string, { file }: Of): LocatedTensor {
  const refuse = (problem: string) => cursor.refuse(`tensor ${quote(name)} ${problem}`);
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > 4) throw refuse(`has ${dimensions} dimensions, expected 1 to 4`);
  const shape = Array.from({ length: dimensions }, () => cursor.u64()).reverse();
  const type = cursor.u32();
  const found = Object.entries(GGUF_TYPES).find(([, { id }]) => id === type);
  if (found === undefined) {
    throw refuse(
      `is of type ${OTHERS[type] ?? type}, expected ${Object.keys(GGUF_TYPES).join(", ")}, ` +
        "as in a Q8_0 or F16 file of the same model",
    );
  }
  const [dtype, block] = found;
  const elements = elementsOf({ shape });
  if (shape.some((size) => size < 1) || elements > Number.MAX_SAFE_INTEGER) {
    throw refuse(`has the sizes ${shape.join(" × ")}, expected those of a matrix`);
  }
  if (shape.at(-1)! % block.elements !== 0) {
    throw refuse(`has rows of ${shape.at(-1)} numbers, expected a multiple of ${block.elements} for ${dtype}`);
  }
  const byteLength = elements / block.elements * block.bytes;
  return { dtype, shape, offset: cursor.u64(), byteLength, file };
}
