/** The resume states of an optimize stage: one file for each saved step, which is whole or absent. @module */
import { readSeal, SEAL, writeSealed } from "../checkpoint/sealed_safetensors.ts";
import { openSafetensorsAt } from "../checkpoint/stored_weights.ts";
import { UserError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import { namesIn, removeFile } from "../files/io.ts";
import { join } from "../files/path.ts";
import type { StateBuffers } from "./state_buffer.ts";
import { parseRecord, type StateRecord } from "./state_record.ts";
import type { StateTransfer } from "./state_transfer.ts";

/** A state on disk. */
export interface SavedState {
  path: string;
  /** Optimizer steps that were done. */
  step: number;
  /** What a user can do if the state cannot be used. */
  advice: string;
  /** What a user can do if no state of the folder can be used, since all of them are of other work. */
  restart: string;
}

/** A buffer may be as large as 2 GiB: it is read in pieces of this size. */
const PIECE_BYTES = 64 * 2 ** 20;

const KEY = "dnpo_state";
const BEGUN = '"begun":{';
const NAME = /^step-(\d+)\.safetensors$/;

/** The path of the state after `step` steps in the folder `dir`. */
function statePath(dir: string, step: number): string {
  return join(dir, `step-${step}.safetensors`);
}

/**
 * Writes the buffers' bytes and `record` (JSON) as the newest state in `dir`, then removes all but the newest `keep`
 * states. A process that is killed in between leaves one more, which the next save removes.
 */
export async function saveState(
  dir: string,
  { transfer, buffers, record, keep }: {
    transfer: StateTransfer;
    buffers: StateBuffers;
    record: StateRecord;
    keep: number;
  },
): Promise<void> {
  const names = Object.keys(buffers);
  await makeFolder(dir);
  const reader = transfer.open(buffers);
  const entries = names.map((name) => ({
    name,
    // These are raw words: control buffers hold integers too.
    dtype: "F32" as const,
    shape: [buffers[name]!.size / 4],
    bytes: () => reader.next(),
  }));
  const path = statePath(dir, record.step);
  try {
    await writeSealed(path, entries, { metadata: { [KEY]: JSON.stringify(record) } });
  } finally {
    await reader.close();
  }
  const old = (await stepsIn(dir)).slice(0, -keep).map((step) => statePath(dir, step));
  for (const name of [...old, ...await partsIn(dir)]) await removeFile(name, `Cannot remove the old state ${name}`);
}

/** The newest state in `dir`, or null if there is none. */
export async function newestState(dir: string): Promise<SavedState | null> {
  const [before, step] = (await stepsIn(dir)).slice(-2).reduce<(number | undefined)[]>(([, b], s) => [b, s], []);
  if (step === undefined) return null;
  const path = statePath(dir, step);
  if (before === undefined) {
    const advice = "delete the file to start this iteration again";
    return { path, step, advice, restart: advice };
  }
  const advice = `delete the file to go on from step ${before}`;
  return { path, step, advice, restart: `delete ${dir} to start this iteration again` };
}

/**
 * Reads the record of a saved state, once its checksum is found right; `isSealed` is false for one that has none, which
 * an older version of this program saved. Throws a UserError for a file that is no state, or is damaged.
 */
export async function readStateRecord(
  { path, step, advice }: SavedState,
): Promise<{ record: StateRecord; isSealed: boolean }> {
  try {
    const { is, expected } = await readSeal(path);
    const file = await openSafetensorsAt(path);
    const text = file.metadata[KEY];
    // A state that names its model was sealed: where the seal is not found, the header is damaged.
    const isSealed = file.tensors.has(SEAL) || (text?.includes(BEGUN) ?? false);
    if (isSealed && is !== expected) {
      throw new UserError(
        `Cannot resume from ${path}: its bytes have the CRC-32 ${is}, expected ${expected} as at its end`,
      );
    }
    if (text === undefined) {
      throw new UserError(
        `Cannot resume from ${path}: its header has no "${KEY}", expected a state that this program saved`,
      );
    }
    return { record: parseRecord(text, { path, step }), isSealed };
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${error.message}; ${advice}`);
    throw error;
  }
}

/**
 * Uploads the buffers of a saved state, and returns which of those that it `mayLack` it has not. Throws a UserError if
 * their sizes differ.
 */
export async function loadState(
  { path, advice }: SavedState,
  { transfer, buffers, mayLack = [], pieceBytes = PIECE_BYTES }: {
    transfer: StateTransfer;
    buffers: StateBuffers;
    mayLack?: readonly string[];
    pieceBytes?: number;
  },
): Promise<string[]> {
  const file = await openSafetensorsAt(path);
  for (const [name, buffer] of Object.entries(buffers)) {
    const size = file.tensors.get(name)?.byteLength;
    if (size === undefined && mayLack.includes(name)) continue;
    if (size !== buffer.size) {
      throw new UserError(
        `Cannot resume from ${path}: "${name}" is ${
          size ?? 0
        } bytes, expected ${buffer.size}; the model has changed (${advice})`,
      );
    }
    for (let start = 0; start < size; start += pieceBytes) {
      const length = Math.min(pieceBytes, size - start);
      await transfer.write(buffers, name, await file.readBytes(name, { start, length }), start);
    }
  }
  await transfer.finish();
  return mayLack.filter((name) => !file.tensors.has(name));
}

/** Steps of the states in `dir`, ascending. */
async function stepsIn(dir: string): Promise<number[]> {
  const steps = (await namesIn(dir)).flatMap((name) => Number(NAME.exec(name)?.[1] ?? NaN));
  return steps.filter((step) => !Number.isNaN(step)).sort((a, b) => a - b);
}

/** Partly written states that killed processes left behind. */
async function partsIn(dir: string): Promise<string[]> {
  return (await namesIn(dir)).filter((name) => NAME.test(name.replace(/\.tmp$/, "")) && name.endsWith(".tmp"))
    .map((name) => join(dir, name));
}
