/** The file in a run's folder that keeps the checksums of what its stages hand on: checksums.json. @module */
import {
  type FileDigests,
  isDigest,
  isFileDigests,
  isKnownModel,
  type KnownModel,
} from "../checkpoint/folder_identity.ts";
import { UserError, withAdvice } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, readJsonObject } from "../files/io.ts";
import { isRecord } from "../values.ts";

/** What checksums.json holds. Paths are relative to the run's folder; digests are SHA-256 in hexadecimal. */
export interface ChecksumRecord {
  /**
   * Files of rows and results; the second digest, if there is one, is that of the file which the first one's is to
   * replace.
   */
  files: Record<string, string[]>;
  /** The models that the run made, by their folders. */
  models: Record<string, FileDigests>;
  /** The models that iterations, and the run as a whole (`.`), began with. */
  began: Record<string, KnownModel>;
  /** The models that the run judges with, by the names that the config has for them. */
  judges: Record<string, KnownModel>;
  /** Files of rows that were found changed since they were written, with what they are. */
  edited: Record<string, string>;
  /** Digests of other models by their folders, which hold as long as what is quickly known of the folder does. */
  known: Record<string, { quick: string; files: FileDigests }>;
}

const CHECKS: { readonly [Key in keyof ChecksumRecord]: (value: unknown) => boolean } = {
  files: (value) => Array.isArray(value) && value.length > 0 && value.every(isDigest),
  models: isFileDigests,
  began: isKnownModel,
  judges: isKnownModel,
  edited: isDigest,
  known: (value) => isRecord(value) && isDigest(value.quick) && isFileDigests(value.files),
};

/** Reads a run's checksums; null if it has none. Throws a UserError if the file is malformed. */
export async function readChecksums(path: string): Promise<ChecksumRecord | null> {
  if (!await exists(path)) return null;
  const advice = "delete the file to go on without checksums of what was made so far";
  const values = await withAdvice(readJsonObject(path), advice);
  for (const [key, check] of Object.entries(CHECKS)) {
    const part = values[key];
    if (isRecord(part) && Object.values(part).every(check)) continue;
    throw new UserError(
      `Cannot read ${path}: "${key}" holds no checksums, expected what this program wrote; ${advice}`,
    );
  }
  return values as unknown as ChecksumRecord;
}

/** A record of nothing. */
export function noChecksums(): ChecksumRecord {
  return { files: {}, models: {}, began: {}, judges: {}, edited: {}, known: {} };
}

/** Writes a run's checksums. Throws a UserError if it cannot. */
export async function writeChecksums(path: string, record: ChecksumRecord): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(record, null, 2) + "\n");
}
