/** Finds the files of a data set's configuration and split in a repository, by its card or by file names. @module */
import { type Splits, splitsByName } from "../data/formats/split_names.ts";
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { globToRegExp } from "./glob.ts";
import type { About } from "./hub_errors.ts";

/** The configuration and split that are wanted. */
export interface DataRequest {
  /** The configuration's name; null if none is named. */
  config: string | null;
  /** The split's name; null if none is named. */
  split: string | null;
  /** The splits to choose from if none is named, the best first. */
  prefer: readonly string[];
  about: About;
}

/** The files that were found. */
export interface DataChoice {
  /** The configuration's name. */
  config: string;
  /** The split's name. */
  split: string;
  /** The split's files, in order. */
  paths: string[];
}

/** The formats that are read, the best first; files may end in `.gz` too. */
const FORMATS = ["parquet", "jsonl", "ndjson", "json", "csv", "tsv"];
const DATA_FILE = /\.(parquet|jsonl|ndjson|json|csv|tsv)(?:\.gz)?$/i;

/** JSON files that describe a data set and hold none of its rows. */
const NO_DATA = new Set(["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"]);

/** One entry of `configs` in a card. */
interface CardConfig {
  name: string;
  isDefault: boolean;
  splits: { split: string; patterns: string[] }[];
}

/**
 * Chooses among a repository's `paths`; `card` is the front matter of its README.md. Throws a UserError if nothing
 * fits.
 */
export function chooseDataFiles(paths: readonly string[], card: unknown, request: DataRequest): DataChoice {
  const files = paths.filter((path) =>
    DATA_FILE.test(path) && !NO_DATA.has(path.split("/").at(-1)!) && !isHidden(path)
  );
  if (files.length === 0) {
    throw new UserError(
      `${request.about.action}: there are no JSON, JSONL, CSV or Parquet files; the Hub may have converted them: ` +
        "append @refs/convert/parquet",
    );
  }
  const { config, splits } = chooseConfig(files, card, request);
  const split = chooseSplit(config, splits, request);
  return { config, split, paths: oneFormat(splits.get(split)!) };
}

function chooseConfig(
  files: readonly string[],
  card: unknown,
  { config: wanted, about: { action, repo } }: DataRequest,
): { config: string; splits: Splits } {
  const configs = readCard(card, files);
  if (configs.length > 0) {
    const names = configs.map(({ name }) => name);
    const found = wanted !== null
      ? configs.find(({ name }) => name === wanted)
      : configs.find(({ isDefault }) => isDefault) ?? configs.find(({ name }) => name === "default") ??
        (configs.length === 1 ? configs[0] : undefined);
    if (found === undefined) {
      const problem = wanted !== null ? `there is no configuration "${wanted}"` : "it has several configurations";
      throw new UserError(`${action}: ${problem}, expected one of ${list(names)} (as in ${repo.repo}:${names[0]})`);
    }
    const splits: Splits = new Map();
    for (const { split, patterns } of found.splits) splits.set(split, matching(files, patterns));
    const empty = [...splits].find(([, matched]) => matched.length === 0);
    if (splits.size > 0 && [...splits.values()].every((matched) => matched.length === 0)) {
      throw new UserError(
        `${action}: its card names files of "${found.name}", split "${empty![0]}", that are not there`,
      );
    }
    return { config: found.name, splits };
  }
  if (wanted === null || wanted === "default") return { config: "default", splits: splitsByName(files) };
  // If the card names no configurations, each is a folder.
  const below = files.filter((path) => path.startsWith(`${wanted}/`));
  if (below.length === 0) {
    const folders = [...new Set(files.filter((path) => path.includes("/")).map((path) => path.split("/")[0]!))];
    const known = folders.length > 0 ? `, expected one of the folders ${list(folders)}` : ", expected none to be named";
    throw new UserError(`${action}: there is no configuration "${wanted}"${known}`);
  }
  const splits: Splits = new Map();
  for (const [split, paths] of splitsByName(below.map((path) => path.slice(wanted.length + 1)))) {
    splits.set(split, paths.map((path) => `${wanted}/${path}`));
  }
  return { config: wanted, splits };
}

function chooseSplit(
  config: string,
  splits: Splits,
  { split: wanted, prefer, about: { action, repo } }: DataRequest,
): string {
  const names = [...splits].filter(([, paths]) => paths.length > 0).map(([name]) => name);
  const found = wanted ?? prefer.find((name) => names.includes(name)) ?? (names.length === 1 ? names[0] : undefined);
  if (found !== undefined && names.includes(found)) return found;
  const problem = wanted !== null ? `there is no split "${wanted}"` : "it has several splits";
  const of = config === "default" ? "" : ` in configuration "${config}"`;
  throw new UserError(`${action}: ${problem}${of}, expected one of ${list(names)} (as in ${repo.repo}/${names[0]})`);
}

/** Reads the configurations that a card names. */
function readCard(card: unknown, files: readonly string[]): CardConfig[] {
  if (!isRecord(card) || !Array.isArray(card.configs)) return [];
  return card.configs.filter(isRecord).flatMap((entry): CardConfig[] => {
    const { config_name: name = "default", data_files: data, data_dir: dir } = entry;
    if (typeof name !== "string") return [];
    const base = typeof dir === "string" ? `${dir.replace(/^\.?\/+|\/+$/g, "")}/`.replace(/^\/$/, "") : "";
    const place = (pattern: string): string => base + pattern.replace(/^\.\//, "");
    const splits = data === undefined
      ? [...splitsByName(files.filter((path) => path.startsWith(base)).map((path) => path.slice(base.length)))]
        .map(([split, paths]) => ({ split, patterns: paths.map((path) => base + escapeGlob(path)) }))
      : readDataFiles(data).map(({ split, patterns }) => ({ split, patterns: patterns.map(place) }));
    return [{ name, isDefault: entry.default === true, splits }];
  });
}

/** Reads `data_files`: a pattern, a list of patterns, or a list or mapping of splits with their patterns. */
function readDataFiles(data: unknown): { split: string; patterns: string[] }[] {
  const strings = (value: unknown): string[] => [value].flat().filter((item) => typeof item === "string");
  if (typeof data === "string") return [{ split: "train", patterns: [data] }];
  if (Array.isArray(data) && data.every((item) => typeof item === "string")) {
    return [{ split: "train", patterns: data }];
  }
  if (Array.isArray(data)) {
    return data.filter(isRecord).map(({ split, path }) => ({
      split: String(split ?? "train"),
      patterns: strings(path),
    }));
  }
  return isRecord(data) ? Object.entries(data).map(([split, path]) => ({ split, patterns: strings(path) })) : [];
}

function matching(files: readonly string[], patterns: readonly string[]): string[] {
  const expressions = patterns.map(globToRegExp);
  return files.filter((path) => expressions.some((expression) => expression.test(path)));
}

/** Keeps the files of one format, as a data set may be stored in several: the one with most files, or the best. */
function oneFormat(paths: readonly string[]): string[] {
  const formatOf = (path: string): string => DATA_FILE.exec(path)![1]!.toLowerCase();
  const groups = Map.groupBy(paths, formatOf);
  const best = [...groups].sort(([a, x], [b, y]) => y.length - x.length || FORMATS.indexOf(a) - FORMATS.indexOf(b))[0]!;
  return best[1].toSorted();
}

function isHidden(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".") || part.startsWith("__"));
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name)).join(", ");
  return names.length > 20 ? `${shown}, … (${names.length})` : shown;
}

function escapeGlob(path: string): string {
  return path.replace(/[*?[\]]/g, "[$&]");
}
