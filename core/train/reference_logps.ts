/**
 * The reference's log-probabilities that do not change over an iteration: those of the chosen responses and, without
 * noise, of the rejected ones. They are computed once, before the first step, and kept beside the pairs. @module
 */
import type { Commands } from "../../kernels/device/commands.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import type { FileDigests } from "../checkpoint/folder_identity.ts";
import { openSafetensorsAt } from "../checkpoint/stored_weights.ts";
import { writeSafetensors } from "../checkpoint/write_safetensors.ts";
import type { Quantization } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import { sha256 } from "../files/digest.ts";
import { exists } from "../files/io.ts";
import { dirname } from "../files/path.ts";
import type { PairIds } from "../model/pack.ts";
import { pairLogps, responseLogps } from "../model/row_logps.ts";
import type { Scorer } from "../model/scorer.ts";

/**
 * Summed log-probabilities under the reference without noise, in nats, by a row's place in the data. Numbers that were
 * not asked for are NaN: those of rows that no step uses, and, with noise, those of all rejected responses, which each
 * step computes anyway. The file gets these after the last step.
 */
export interface ReferenceLogps {
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
}

/** What {@linkcode referenceLogps} computes, and how it reports. */
export interface ReferenceOptions {
  /** The reference. */
  scorer: Scorer;
  rows: readonly PairIds[];
  /** Places of the rows that the steps use. */
  used: readonly number[];
  /** Whether the rejected responses are scored too. */
  rejected: boolean;
  /** Most tokens of a batch. */
  batchTokens: number;
  /** How exactly products are computed (default float32). */
  precision?: MatmulPrecision;
  /** Progress callback: gets the number of rows of `used` that are done; throw to stop. */
  onDone?: (done: number) => void;
}

/** Where {@linkcode keptReferenceLogps} keeps the numbers. */
export interface KeptReferenceOptions extends ReferenceOptions {
  path: string;
  /** The digests of the reference's files. */
  files: FileDigests;
  quantization: Quantization;
}

const KEY = "dnpo_reference";
/** The SHA-256 of the numbers. */
const VALUES = "sha256";

/**
 * Reads the numbers from the file at `path` if it was made from the same rows by the same model on the same adapter.
 * Otherwise computes them and writes the file. Throws DeviceError, or a UserError if the file cannot be written.
 */
export async function keptReferenceLogps(commands: Commands, options: KeptReferenceOptions): Promise<ReferenceLogps> {
  const kept = await readReferenceLogps(commands, options);
  if (kept) return kept;
  const logps = await referenceLogps(commands, options);
  await write(options.path, logps, await keyOf(commands, options));
  return logps;
}

/**
 * Writes the rejected responses' log-probabilities, which the steps with noise have computed, into the file at `path`: to
 * be looked at, since training does not read them. Does nothing if the file is damaged, or not that of so many rows by now.
 */
export async function addRejectedLogps(path: string, rejected: Float32Array<ArrayBuffer>): Promise<void> {
  const kept = await read(path, rejected.length);
  if (kept) await write(path, { chosen: kept.logps.chosen, rejected }, kept.key);
}

async function write(path: string, logps: ReferenceLogps, key: string): Promise<void> {
  const values = await sha256(...bytesOf(logps));
  const entries = (["chosen", "rejected"] as const).map((name) => ({
    name,
    dtype: "F32" as const,
    shape: [logps[name].length],
    bytes: () => Promise.resolve(wordsOf(logps[name])),
  }));
  await makeFolder(dirname(path));
  await writeSafetensors(path, entries, { metadata: { [KEY]: key, [VALUES]: values } });
}

/** Reads the numbers as {@linkcode keptReferenceLogps} does; null where it would compute them. */
export async function readReferenceLogps(
  commands: Commands,
  options: Omit<KeptReferenceOptions, "scorer" | "batchTokens" | "onDone">,
): Promise<ReferenceLogps | null> {
  const kept = await read(options.path, options.rows.length);
  return kept?.key === await keyOf(commands, options) ? kept.logps : null;
}

/** Computes the numbers. Throws DeviceError. */
export async function referenceLogps(
  commands: Commands,
  { scorer, rows, used, rejected, batchTokens, precision = "float32", onDone = () => {} }: ReferenceOptions,
): Promise<ReferenceLogps> {
  const logps = {
    chosen: new Float32Array(rows.length).fill(NaN),
    rejected: new Float32Array(rows.length).fill(NaN),
  };
  const pairs = used.map((i) => rows[i]!);
  const options = { batchTokens, precision, onDone };
  if (rejected) {
    const sums = await pairLogps(commands, scorer, { pairs, ...options });
    used.forEach((i, j) => [logps.chosen[i], logps.rejected[i]] = [sums[2 * j]!, sums[2 * j + 1]!]);
  } else {
    const chosen = pairs.map(({ example, promptIds, chosenIds }) => ({ example, promptIds, responseIds: chosenIds }));
    const sums = await responseLogps(commands, scorer, { rows: chosen, ...options });
    used.forEach((i, j) => logps.chosen[i] = sums[j]!);
  }
  return logps;
}

function bytesOf({ chosen, rejected }: ReferenceLogps): Uint8Array<ArrayBuffer>[] {
  return [chosen, rejected].map(wordsOf);
}

function wordsOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Reads the file with its key; null if it is missing, malformed, damaged or of another number of rows. */
async function read(path: string, rows: number): Promise<{ key: string; logps: ReferenceLogps } | null> {
  if (!await exists(path)) return null;
  try {
    const file = await openSafetensorsAt(path);
    const { [KEY]: key, [VALUES]: values } = file.metadata;
    const logps = { chosen: await file.readFloat32("chosen"), rejected: await file.readFloat32("rejected") };
    if (key === undefined || logps.chosen.length !== rows || logps.rejected.length !== rows) return null;
    return values === await sha256(...bytesOf(logps)) ? { key, logps } : null;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** The file's key, made of everything that the numbers depend on. */
async function keyOf(
  { device }: Commands,
  { rows, used, rejected, files, quantization, precision = "float32" }: Omit<
    KeptReferenceOptions,
    "scorer" | "batchTokens" | "onDone"
  >,
): Promise<string> {
  const { info, family, tuning, subgroupSize } = device;
  // Of a tuning, only the family can change the bits.
  const adapter = `${info.description || info.device}, ${family}, ${tuning?.family ?? family}, ${subgroupSize}`;
  return JSON.stringify({
    model: files,
    ...(quantization !== "none" && { quantization }),
    rows: await sha256(rowWords(rows, { used, rejected })),
    rejected,
    ...(precision !== "float32" && { precision }),
    adapter,
  });
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
