/** What the numbers of a kept reference depend on, to the last bit. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import type { Quantization } from "../config/config_types.ts";
import { versions } from "../device/versions.ts";
import { sha256 } from "../files/digest.ts";
import type { PairIds } from "../model/pack.ts";
import { safeLine } from "../safe_text.ts";
import type { ScoredPairs } from "./reference_logps.ts";

/** What numbers are asked for. */
export interface ReferenceRequest extends ScoredPairs {
  /** The digests of the reference's files. */
  files: FileDigests;
  quantization: Quantization;
  /** The names of the devices of all ranks that score, in their order (default: this process scores alone). */
  devices?: readonly string[];
}

/** What is known of the device that computes. */
type Computing = Pick<Device, "name" | "family" | "tuning" | "subgroupSize" | "matrix">;

/** A digest or a text of each thing that the numbers depend on. */
export interface ReferenceKey {
  model: string;
  rows: string;
  quantization: Quantization;
  precision: MatmulPrecision;
  /**
   * The adapter with its driver and its WebGPU: also the width of a CPU's vectors, and which Mesa it is like. Of ranks with
   * different ones, all of them, as each scores its share of the rows.
   */
  device: string;
  kernels: string;
  version: string;
}

/**
 * The key of numbers that are computed on `device`. Tiles and batches are not in it: they change no bit. What a driver
 * does not tell, such as an update under the same name, cannot be in it.
 */
export async function referenceKey(
  device: Computing,
  { rows, used, rejected, files, quantization, precision = "float32", devices = [] }: ReferenceRequest,
): Promise<ReferenceKey> {
  const { version, deno } = versions();
  const sorted = Object.entries(files).sort(([a], [b]) => a < b ? -1 : 1);
  return {
    model: await sha256(JSON.stringify(sorted)),
    rows: `${rejected ? "both" : "chosen"} ${await sha256(rowWords(rows, { used, rejected }))}`,
    quantization,
    precision,
    device: devices.some((name) => name !== device.name) ? devices.join("; ") : device.name,
    kernels: kernelsOf(device, precision),
    version: `dnpo ${version}, Deno ${deno}`,
  };
}

/** The families of the products' kernels and of all others, with the lanes and the matrix unit that they sum in. */
function kernelsOf({ family, tuning, subgroupSize, matrix }: Computing, precision: MatmulPrecision): string {
  const products = tuning?.family ?? family;
  const unit = precision === "float32" || matrix === null ? "" : `, matrices of ${matrix.m}x${matrix.n}x${matrix.k}`;
  return `${products === family ? family : `${family}, products ${products}`}, subgroups of ${subgroupSize}${unit}`;
}

/**
 * Why numbers of the key `was`, as a file has it, are not those of the key `is`, as what the file is or was; null if they
 * are.
 */
export function keyDifference(is: ReferenceKey, was: unknown): string | null {
  const before: Partial<Record<string, unknown>> = typeof was === "object" && was !== null ? { ...was } : {};
  // An older version's key has other things in it.
  const unlike = Object.keys(is).some((what) => typeof before[what] !== "string");
  if (unlike) return "was computed by an earlier version of dnpo";
  for (const [what, value] of Object.entries(is)) {
    if (before[what] === value) continue;
    if (what === "model") return "is of another model";
    if (what === "rows") return "is of other rows";
    return `was computed with ${what} "${safeLine(String(before[what]))}", expected "${safeLine(value)}"`;
  }
  return null;
}

/** Place, lengths and ids of the rows that are used, end to end, as little-endian words: what the key is made of. */
export function rowWords(
  rows: readonly PairIds[],
  { used, rejected }: { used: readonly number[]; rejected: boolean },
): Uint8Array<ArrayBuffer> {
  const sidesOf = ({ promptIds, chosenIds, rejectedIds }: PairIds): (readonly number[])[] =>
    rejected ? [promptIds, chosenIds, rejectedIds] : [promptIds, chosenIds];
  let length = 0;
  for (const i of used) for (const ids of sidesOf(rows[i]!)) length += 1 + ids.length;
  const words = new Uint32Array(used.length + length);
  let at = 0;
  for (const i of used) {
    words[at++] = i;
    for (const ids of sidesOf(rows[i]!)) {
      words[at++] = ids.length;
      words.set(ids, at);
      at += ids.length;
    }
  }
  return new Uint8Array(words.buffer);
}
