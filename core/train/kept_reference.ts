/** The file beside the pairs that keeps the reference's log-probabilities. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { openSafetensorsAt } from "../checkpoint/stored_weights.ts";
import { writeSafetensors } from "../checkpoint/write_safetensors.ts";
import { UserError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import { sha256 } from "../files/digest.ts";
import { exists } from "../files/io.ts";
import { dirname } from "../files/path.ts";
import { keyDifference, type ReferenceKey, referenceKey, type ReferenceRequest } from "./reference_key.ts";
import { type ReferenceLogps, referenceLogps, type ReferenceOptions } from "./reference_logps.ts";

/** Where {@linkcode keptReferenceLogps} keeps the numbers. */
export interface KeptReferenceOptions extends ReferenceOptions, Omit<ReferenceRequest, "devices"> {
  path: string;
  /** Gets a line that says why numbers that are there are computed again. */
  onNote?: (line: string) => void;
}

const KEY = "dnpo_reference";
/** The SHA-256 of the numbers. */
const VALUES = "sha256";

/**
 * Reads the numbers from the file at `path` if they would be computed to the same bytes. Otherwise computes them and
 * writes the file. Throws DeviceError, or a UserError if the file cannot be written.
 */
export async function keptReferenceLogps(commands: Commands, options: KeptReferenceOptions): Promise<ReferenceLogps> {
  const { path, scorer, onNote } = options;
  const key = await referenceKey(commands.device, { ...options, devices: scorer.shared?.crew.devices ?? [] });
  const kept = await readKept(path, { key, rows: options.rows.length });
  if (kept !== null && "chosen" in kept) return kept;
  if (kept !== null) onNote?.(`The reference's log-probabilities are computed again: ${path} ${kept.why}`);
  const logps = await referenceLogps(commands, options);
  await write(path, logps, key);
  return logps;
}

/**
 * Writes the rejected responses' log-probabilities, which the steps with noise have computed, into the file at `path`: to
 * be looked at, since training does not read them. Does nothing if the file is damaged, or not that of so many rows by now.
 */
export async function addRejectedLogps(path: string, rejected: Float32Array<ArrayBuffer>): Promise<void> {
  const kept = await read(path);
  if (kept?.logps.chosen.length === rejected.length) {
    await write(path, { chosen: kept.logps.chosen, rejected }, kept.key);
  }
}

async function write(path: string, logps: ReferenceLogps, key: unknown): Promise<void> {
  const values = await sha256(...bytesOf(logps));
  const entries = (["chosen", "rejected"] as const).map((name) => ({
    name,
    dtype: "F32" as const,
    shape: [logps[name].length],
    bytes: () => Promise.resolve(wordsOf(logps[name])),
  }));
  await makeFolder(dirname(path));
  await writeSafetensors(path, entries, { metadata: { [KEY]: JSON.stringify(key), [VALUES]: values } });
}

/** Reads the numbers as {@linkcode keptReferenceLogps} does; null where it would compute them. */
export async function readReferenceLogps(
  commands: Commands,
  options: ReferenceRequest & { path: string },
): Promise<ReferenceLogps | null> {
  const key = await referenceKey(commands.device, options);
  const kept = await readKept(options.path, { key, rows: options.rows.length });
  return kept !== null && "chosen" in kept ? kept : null;
}

/** The numbers of the file, or why they are not those that would be computed; null if there is no file. */
async function readKept(
  path: string,
  { key, rows }: { key: ReferenceKey; rows: number },
): Promise<ReferenceLogps | { why: string } | null> {
  const kept = await read(path);
  if (kept === null) return await exists(path) ? { why: "is damaged" } : null;
  const why = keyDifference(key, kept.key);
  if (why !== null) return { why };
  return kept.logps.chosen.length === rows ? kept.logps : { why: "is of other rows" };
}

function bytesOf({ chosen, rejected }: ReferenceLogps): Uint8Array<ArrayBuffer>[] {
  return [chosen, rejected].map(wordsOf);
}

function wordsOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Reads the file with its key; null if it is missing, malformed or damaged. */
async function read(path: string): Promise<{ key: unknown; logps: ReferenceLogps } | null> {
  if (!await exists(path)) return null;
  try {
    const file = await openSafetensorsAt(path);
    const { [KEY]: key, [VALUES]: values } = file.metadata;
    const logps = { chosen: await file.readFloat32("chosen"), rejected: await file.readFloat32("rejected") };
    if (key === undefined || logps.chosen.length !== logps.rejected.length) return null;
    return values === await sha256(...bytesOf(logps)) ? { key: JSON.parse(key), logps } : null;
  } catch (error) {
    if (error instanceof UserError || error instanceof SyntaxError) return null;
    throw error;
  }
}
