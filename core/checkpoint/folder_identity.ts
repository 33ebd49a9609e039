/** Tells one model's files from another's. @module */
import { UserError } from "../error.ts";
import { sha256 } from "../files/digest.ts";
import { basename } from "../files/path.ts";
import { digestFile } from "../files/stream_digest.ts";
import { isRecord } from "../values.ts";
import { ADAPTER_FILES } from "./adapter_folder.ts";
import type { ModelFolder } from "./model_folder.ts";
import { SAVED_FILES } from "./save_folder.ts";

/** SHA-256 of a model's files by their names, in hexadecimal. */
export type FileDigests = Readonly<Record<string, string>>;

const SAMPLES = 64;
const SAMPLE_BYTES = 4096;
/** Smaller files are read whole. */
const WHOLE_BYTES = 2 ** 20;

type Files = Pick<ModelFolder, "files" | "weights">;

/**
 * The files from which the model is read: weights, configs and the tokenizer's, those of them that are there; of an
 * adapter with its base, those of both.
 */
async function filesOf({ files, weights }: Files): Promise<{ name: string; size: number; modified: number | null }[]> {
  const stored = [basename(weights.path), ...[...weights.tensors.values()].map((tensor) => tensor.file)];
  const names = new Set([
    ...SAVED_FILES.filter((name) => !/\.safetensors$/.test(name)),
    ...files.adapter ? ADAPTER_FILES : [],
    ...stored,
  ]);
  const found = await Promise.all([...names].map(async (name) => ({ name, facts: await files.stat(name) })));
  return found.flatMap(({ name, facts }) => facts === null ? [] : [{ name, ...facts }]);
}

/** The SHA-256 of each of the model's files. Throws a UserError if one cannot be read. */
export async function folderDigests(folder: Files): Promise<FileDigests> {
  const digests: Record<string, string> = {};
  for (const { name } of await filesOf(folder)) digests[name] = await digestFile(folder.files, name);
  return digests;
}

/**
 * A hash of what is quickly known of the model's files: sizes, times of modification, and of large files bytes at
 * places spread over them. While it stays the same, the digests need not be computed again; a copy of the folder has
 * another one. Throws a UserError if a file cannot be read.
 */
export async function quickIdentity(folder: Files): Promise<string> {
  const parts: (string | Uint8Array<ArrayBuffer>)[] = [];
  for (const { name, size, modified } of await filesOf(folder)) {
    parts.push(`${name} ${size} ${modified}`);
    if (size <= WHOLE_BYTES) {
      parts.push(await folder.files.read(name));
      continue;
    }
    for (let i = 0; i < SAMPLES; i++) {
      const start = Math.floor((size - SAMPLE_BYTES) * i / (SAMPLES - 1));
      parts.push(await folder.files.read(name, { start, length: SAMPLE_BYTES }));
    }
  }
  return await sha256(...parts);
}

/** The first file in which a model differs from what it was, as `FILE has SHA-256 …, expected …`; null if none does. */
export function differingFile(is: FileDigests, was: FileDigests): string | null {
  for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
    if (is[name] === was[name]) continue;
    if (is[name] === undefined) return `${name} is missing, expected one with SHA-256 ${short(was[name]!)}`;
    if (was[name] === undefined) return `${name} is there (SHA-256 ${short(is[name])}), expected none`;
    return `${name} has SHA-256 ${short(is[name])}, expected ${short(was[name])}`;
  }
  return null;
}

/** A model's folder, as it was given, and the digests of its files. */
export interface KnownModel {
  folder: string;
  files: FileDigests;
}

const DIGEST = /^[0-9a-f]{64}$/;

/** Whether a parsed JSON value is a SHA-256 in hexadecimal. */
export function isDigest(value: unknown): value is string {
  return typeof value === "string" && DIGEST.test(value);
}

/** Whether a parsed JSON value is {@linkcode FileDigests}. */
export function isFileDigests(value: unknown): value is FileDigests {
  return isRecord(value) && Object.values(value).every(isDigest);
}

/** Whether a parsed JSON value is a {@linkcode KnownModel}. */
export function isKnownModel(value: unknown): value is KnownModel {
  return isRecord(value) && typeof value.folder === "string" && isFileDigests(value.files);
}

/** Throws a UserError if a model `is` not the one that it `was` when `what` began. `advice` tells the user what to do. */
export function checkSameModel(
  is: KnownModel,
  was: KnownModel,
  { what, advice }: { what: string; advice: string },
): void {
  const problem = differingFile(is.files, was.files);
  if (problem === null) return;
  const began = was.folder === is.folder ? "" : ` (${was.folder})`;
  throw new UserError(
    `Cannot go on with ${what}: ${is.folder} is not the model that it began with${began}: ${problem}; ` +
      `put that model back, or ${advice}`,
  );
}

/** The first digits of a digest, enough to tell two files apart. */
export function short(digest: string): string {
  return `${digest.slice(0, 16)}…`;
}
