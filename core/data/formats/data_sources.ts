/** Finds the files of a data set: files, folders and their splits, or what `locate` finds for another name. @module */
import { join, relative } from "node:path";
import { UserError } from "../../error.ts";
import { ioProblem, shortQuote } from "./data_problems.ts";
import { DATA_ENDINGS, formatOfName } from "./file_rows.ts";
import type { Columns } from "./map_columns.ts";
import { type RowRange, splitRowRange } from "./row_range.ts";
import { refuseRunFolder } from "./run_folder.ts";
import { namedSplits, splitOfWord } from "./split_names.ts";

/** One set of several, as a config writes it. */
export interface DataEntry {
  /** File, folder or name. */
  readonly path: string;
  /** Configuration of a data set on the hub. */
  readonly name?: string;
  /** Split, with or without a slice: `train`, `train[:2000]`. */
  readonly split?: string;
  /** Share of the set that is taken, in (0, 1]. */
  readonly weight?: number;
  /** Names of the columns by what they hold. */
  readonly columns?: Columns;
}

/** A set, or several that are read one after the other. */
export type DataSource = string | readonly (string | DataEntry)[];

/** Returns the local files behind a name that is no local path; the name itself, or nothing, if it knows none. */
export type Locate = (name: string) => Promise<readonly string[]>;

/** A set whose files are known. */
export interface OpenSet {
  /** Its name in messages. */
  readonly name: string;
  /** Its files, in the order in which their rows are counted. */
  readonly files: readonly string[];
  readonly slice: RowRange | null;
  /** What is read of a folder, and what of it is not, where its files' names tell splits; null if all is read. */
  readonly unread: string | null;
  readonly weight: number;
  readonly columns: Columns;
}

/** How the files of sets are found. */
export interface OpenSourceOptions {
  columns?: Columns;
  locate?: Locate;
  /** The splits to take of a folder where none is named, the best first (default: train). */
  prefer?: readonly string[];
}

/** The names of a source's sets, for messages. */
export function sourceName(source: DataSource): string {
  return typeof source === "string" ? source : source.map((entry) => setName(entry)).join(", ");
}

function setName(entry: string | DataEntry): string {
  if (typeof entry === "string") return entry;
  const { path, name, split } = entry;
  return `${path}${name === undefined ? "" : `:${name}`}${split === undefined ? "" : `/${split}`}`;
}

/** Finds the files of every set of a source. Throws a UserError if a set has none. */
export async function openSource(
  source: DataSource,
  { columns = {}, locate, prefer = ["train"] }: OpenSourceOptions = {},
): Promise<OpenSet[]> {
  const sets: OpenSet[] = [];
  const finding: Finding = { locate, prefer };
  for (const entry of typeof source === "string" ? [source] : source) {
    const { files, slice, unread } = typeof entry === "string"
      ? await openName(entry, finding)
      : await openEntry(entry, finding);
    const { weight = 1, columns: own = columns }: Partial<DataEntry> = typeof entry === "string" ? {} : entry;
    sets.push({ name: setName(entry), files, slice, unread, weight, columns: own });
  }
  return sets;
}

type Opened = Pick<OpenSet, "files" | "slice" | "unread">;
type LocalFiles = Pick<OpenSet, "files" | "unread">;

interface Finding {
  locate: Locate | undefined;
  prefer: readonly string[];
}

/** Opens a set by its name. An existing path takes precedence over any other meaning of the name. */
async function openName(text: string, { locate, prefer }: Finding): Promise<Opened> {
  const whole = await localFiles(text, { prefer });
  if (whole) return { ...whole, slice: null };
  const { name, slice } = splitRowRange(text);
  const local = await localFiles(name, { prefer }) ?? await splitOfFolder(name);
  if (local) return { ...local, slice };
  const located = await locate?.(name) ?? [];
  // `locate` returns the name itself if it does not know it.
  if (located.length === 0 || located[0] === name) throw new UserError(`Cannot read ${name}: there is no such file`);
  return { files: located, slice, unread: null };
}

/** The files of `FOLDER/SPLIT`; null if FOLDER is not a folder with splits. */
async function splitOfFolder(name: string): Promise<LocalFiles | null> {
  const [, folder, split] = /^(.+)[\\/](\w+)$/.exec(name) ?? [];
  if (folder === undefined || !(await Deno.stat(folder).catch(() => null))?.isDirectory) return null;
  return splitsOf(folder, await listFolder(folder)).size > 0 ? await localFiles(folder, { split }) : null;
}

async function openEntry({ path, name, split }: DataEntry, finding: Finding): Promise<Opened> {
  if (split === undefined && name === undefined) return await openName(path, finding);
  const { name: part, slice } = splitRowRange(split ?? "");
  const local = await localFiles(path, { prefer: finding.prefer, ...(part !== "" && { split: part }) });
  if (local && name !== undefined) {
    throw new UserError(`Cannot use ${path}: "name" is ${shortQuote(name)}, expected none of a local path`);
  }
  if (local) return { ...local, slice };
  const opened = await openName(fullName({ path, name, split }), finding);
  return { ...opened, slice: slice ?? opened.slice };
}

/** The full name of a set on the hub, with its revision last: `org/name:config/split@revision`. */
function fullName(
  { path, name, split }: Pick<DataEntry, "path"> & { [key in "name" | "split"]?: string | undefined },
): string {
  const [repo, revision] = path.split("@");
  const part = splitRowRange(split ?? "").name;
  return [repo, name && `:${name}`, part && `/${part}`, revision && `@${revision}`].filter(Boolean).join("");
}

/** The files of a local path, or only those of a split, the first of `prefer` if none is named; null without a path. */
async function localFiles(
  path: string,
  { split, prefer = [] }: { split?: string | undefined; prefer?: readonly string[] },
): Promise<LocalFiles | null> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return null;
    throw new UserError(`Cannot read ${path}: ${ioProblem(error)}`);
  }
  if (!info.isDirectory && !info.isFile) {
    // A pipe or a device may never end, and rows are read more than once.
    throw new UserError(`Cannot read ${path}: it is neither a file nor a folder, expected one`);
  }
  if (!info.isDirectory) {
    if (split === undefined || split === "train") return { files: [path], unread: null };
    throw new UserError(
      `Cannot read ${path}: it is a file, which has the split "train" only, expected no ${shortQuote(split)}`,
    );
  }
  const files = await listFolder(path);
  const splits = splitsOf(path, files);
  const named = [...splits.keys()];
  // A data set may have such files beside its splits.
  if (named.length === 0) await refuseRunFolder(path);
  if (files.length === 0) {
    throw new UserError(
      `Cannot read ${path}: the folder has no data files (${DATA_ENDINGS.join(", ")}, also with .gz)`,
    );
  }
  if (named.length === 0) {
    if (split === undefined || split === "train") return { files, unread: null };
    throw new UserError(`Cannot read ${path}: it has no split ${shortQuote(split)}, expected train`);
  }
  const asked = split !== undefined && !named.includes(split) ? splitOfWord(split) : split;
  const isOne = named.length === 1 && splits.get(named[0]!)!.length === files.length;
  const chosen = asked ?? prefer.find((name) => named.includes(name)) ?? (isOne ? named[0]! : undefined);
  if (chosen === undefined) await refuseRunFolder(path);
  if (chosen === undefined && named.length > 1) {
    throw new UserError(
      `Cannot read ${path}: it has the splits ${named.join(", ")}; name one, as ${path}/${named[0]}`,
    );
  }
  if (chosen === undefined) {
    throw new UserError(
      `Cannot read ${path}: by its files' names it has the split ${
        named[0]
      } alone, and other files; name a file, or the ` +
        `split as ${path}/${named[0]}`,
    );
  }
  const found = splits.get(chosen);
  if (found === undefined) {
    throw new UserError(`Cannot read ${path}: it has no split ${shortQuote(split!)}, expected ${named.join(", ")}`);
  }
  const left = files.filter((file) => !found.includes(file));
  if (split !== undefined || left.length === 0) return { files: found, unread: null };
  const names = left.slice(0, 3).map((file) => relative(path, file));
  const unread = `the split ${chosen} of it is read, and not ${names.join(", ")}${
    left.length > names.length ? ` and ${left.length - names.length} more` : ""
  }`;
  return { files: found, unread };
}

/** The files of each split that the names of a folder's files tell; none if they tell none. */
function splitsOf(folder: string, files: readonly string[]): Map<string, readonly string[]> {
  const places = new Map(files.map((file) => [relative(folder, file).replaceAll("\\", "/"), file]));
  const splits = [...namedSplits([...places.keys()])].sort(([a], [b]) => a < b ? -1 : 1);
  return new Map(splits.map(([name, paths]) => [name, paths.map((path) => places.get(path)!)]));
}

/** JSON files that describe a data set and hold none of its rows. */
const NO_DATA = ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"];

/** The data files of a folder and of its `data/`, sorted by path. */
async function listFolder(dir: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for (const folder of [dir, join(dir, "data")]) {
      if (folder !== dir && !(await Deno.stat(folder).catch(() => null))?.isDirectory) continue;
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        const isData = !isDirectory && formatOfName(name) !== undefined && !name.startsWith(".");
        if (isData && !NO_DATA.includes(name)) files.push(join(folder, name));
      }
    }
  } catch (error) {
    throw new UserError(`Cannot read ${dir}: ${ioProblem(error)}`);
  }
  return files.sort((a, b) => a < b ? -1 : 1);
}
