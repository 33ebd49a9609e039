/** Writes folders that are whole or absent: built beside their place, then renamed into it. @module */
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { replaceFileAtomic, syncFolder } from "./atomic.ts";
import { fileSystem } from "./file_system.ts";
import { exists, explainIoError, isFolder, movePath, namesIn, removePath } from "./io.ts";
import { dirname, join, withoutTrailing } from "./path.ts";

/** A file to write. */
export interface NewFile {
  /** The path in the folder; it may be in a folder of its own. */
  name: string;
  /**
   * Returns its bytes in pieces; called when their turn comes. Each piece is being written while the next one is made,
   * so it must stay unchanged until the one after that is asked for.
   */
  bytes: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Follows a folder as it is written. */
export interface FolderWatch {
  /** Gets each piece of each file before it is written. */
  onPiece: (name: string, piece: Uint8Array) => void;
  /** Called once all files are on disk, before the folder takes its place. */
  onWritten: () => Promise<void>;
}

/** What {@linkcode replaceFolder} writes, and what it may replace. */
export interface ReplaceOptions {
  files: Iterable<NewFile> | AsyncIterable<NewFile>;
  /** Whether a replaced folder may hold what is at this path in it; anything else in it belongs to somebody. */
  replaceable: (path: string) => boolean;
  /** What the folder holds, for messages: `a model`. */
  what: string;
  watch?: FolderWatch;
}

/**
 * Writes a folder at `dir`: it is built beside it as `DIR.dnpo-new` and renamed, and replaces a folder that is there.
 * Throws a UserError if that folder holds files that no save wrote, or if a file cannot be written.
 */
export async function replaceFolder(dir: string, { files, replaceable, what, watch }: ReplaceOptions): Promise<void> {
  const target = withoutTrailing(dir);
  const temporary = `${target}.dnpo-new`;
  await recoverFolder(target);
  await checkReplaceable(target, { replaceable, what });
  try {
    await removePath(temporary);
    await fileSystem().mkdir(temporary, { recursive: true });
    for await (const { name, bytes } of files) {
      const path = join(temporary, name);
      if (name.includes("/")) await fileSystem().mkdir(dirname(path), { recursive: true });
      await replaceFileAtomic(path, async (write) => {
        for await (const piece of bytes()) {
          watch?.onPiece(name, piece);
          await write(piece);
        }
      });
    }
    await watch?.onWritten();
    await swap(temporary, target);
  } catch (error) {
    await removePath(temporary).catch(() => {});
    throw explainIoError(error, `Cannot save ${what} to ${target}`);
  }
}

/** Puts the old folder back if a process was killed between the two renames of {@linkcode replaceFolder}. */
export async function recoverFolder(dir: string): Promise<void> {
  const target = withoutTrailing(dir);
  const old = `${target}.dnpo-old`;
  if (await exists(target) || !(await exists(old))) return;
  await movePath(old, target, `Cannot restore ${target} from ${old}`);
}

/**
 * Puts `temporary` in the place of `target`. Systems cannot exchange two folders at once, so the old one is renamed
 * first, and renamed back if the second rename fails.
 */
async function swap(temporary: string, target: string): Promise<void> {
  const old = `${target}.dnpo-old`;
  await removePath(old);
  const replaces = await exists(target);
  if (replaces) await fileSystem().rename(target, old);
  try {
    await fileSystem().rename(temporary, target);
  } catch (error) {
    if (replaces) await fileSystem().rename(old, target);
    throw error;
  }
  await syncFolder(dirname(target));
  await removePath(old);
}

/** Throws a UserError if the folder holds files that no save wrote: these belong to somebody and are not deleted. */
async function checkReplaceable(
  target: string,
  { replaceable, what }: Pick<ReplaceOptions, "replaceable" | "what">,
): Promise<void> {
  const action = `Cannot save ${what} to ${target}`;
  const foreign = await foreignIn(target, replaceable).catch((error) => {
    throw explainIoError(error, action);
  });
  if (foreign === null) return;
  throw new UserError(`${action}: the folder holds ${quote(foreign)}, expected ${what}'s files or nothing`);
}

/** A file in a folder, by its path there, that is not `own`; null if there is none. */
export async function foreignIn(target: string, own: (path: string) => boolean): Promise<string | null> {
  return (await pathsIn(target)).find((path) => !own(path)) ?? null;
}

/** Removes a folder that {@linkcode replaceFolder} wrote, and what it left beside it where it was killed. */
export async function removeReplaced(dir: string): Promise<void> {
  const target = withoutTrailing(dir);
  for (const path of [target, `${target}.dnpo-new`, `${target}.dnpo-old`]) await removePath(path);
}

/** The names in a folder, and instead of a folder that is not empty those in it, one level deep. */
async function pathsIn(target: string): Promise<string[]> {
  const paths = (await namesIn(target)).map(async (name) => {
    const inside = await isFolder(join(target, name)) ? await namesIn(join(target, name)) : [];
    return inside.length === 0 ? [name] : inside.map((inner) => `${name}/${inner}`);
  });
  return (await Promise.all(paths)).flat();
}
