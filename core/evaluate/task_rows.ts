/** Finds and reads the rows of benchmark tasks: on the hub, in a folder of one's own, or in the files that a task names. @module */
import { type Doc, splitsOf, type TaskConfig } from "../benchmark/task_config.ts";
import { dataFolders, splitSource } from "../benchmark/task_data.ts";
import type { TaskRows } from "../benchmark/benchmark_task.ts";
import { DATA_ENDINGS, readFileRows } from "../data/formats/file_rows.ts";
import { PERPLEXITY } from "../benchmark/tasks/perplexity.ts";
import { UserError } from "../error.ts";
import { decodeUtf8, exists, explained, isFolder, namesIn, readWhole } from "../files/io.ts";
import { absolutePath } from "../files/file_url.ts";
import { join } from "../files/path.ts";
import { quote } from "../values.ts";

/** Where rows come from. */
export interface RowPlaces {
  /** A folder in place of the hub: `FOLDER/NAME/CONFIG/SPLIT.jsonl`, where NAME is the last part of the data set's name. */
  data?: string | undefined;
  /** What that is called where it is given, for messages (default: the command's option). */
  calledData?: string;
  /** By folder of `data`, the configuration that its rows were taken for: they cannot be those of two. */
  taken?: Map<string, string>;
  /** The local files of a name on the hub, in order. */
  resolve: (name: string) => Promise<readonly string[]>;
}

/** More rows than any task has: what is larger is another file. */
const MOST_ROWS = 5_000_000;

/** Reads the splits that a task needs. Throws a UserError naming what is missing, or the row that is wrong. */
export async function readTaskRows(
  config: TaskConfig,
  { needsPool, ...places }: RowPlaces & { needsPool: boolean },
): Promise<TaskRows> {
  const { evaluated, pool } = splitsOf(config);
  if (evaluated === null) {
    throw new UserError(`Cannot evaluate ${config.task}: it has neither test_split nor validation_split, expected one`);
  }
  const own = await readSplit(config, evaluated, places);
  if (!needsPool || pool === null) return { evaluated: own.rows, places: { evaluated: own.wheres } };
  const other = pool === evaluated ? own : await readSplit(config, pool, places);
  return { evaluated: own.rows, pool: other.rows, places: { evaluated: own.wheres, pool: other.wheres } };
}

/** Rows of a split, and where each of them is. */
interface PlacedRows {
  rows: Doc[];
  wheres: string[];
}

async function readSplit(config: TaskConfig, split: string, places: RowPlaces): Promise<PlacedRows> {
  const files = await filesOf(config, split, places);
  if (config.dataset_path === "text") return await readTexts(config, files);
  const rows: Doc[] = [];
  const wheres: string[] = [];
  for (const path of files) {
    for await (const row of readFileRows(path)) {
      if (!("value" in row)) throw new UserError(`Cannot read ${row.where}: ${row.problem}`);
      rows.push(row.value as Doc);
      wheres.push(row.where);
      if (rows.length > MOST_ROWS) {
        throw new UserError(`Cannot evaluate ${config.task}: ${path} has over ${MOST_ROWS} rows`);
      }
    }
  }
  return { rows, wheres };
}

/** Rows of texts: a line each, or a file each with `sample_by: document`, as the loader `text` of datasets has them. */
async function readTexts({ task, dataset_kwargs }: TaskConfig, files: readonly string[]): Promise<PlacedRows> {
  const by = dataset_kwargs?.sample_by ?? "line";
  if (by !== "line" && by !== "document") {
    throw new UserError(`Cannot evaluate ${task}: sample_by is ${quote(by)}, expected line or document`);
  }
  const rows: Doc[] = [];
  const wheres: string[] = [];
  for (const path of files) {
    const text = await readPythonText(path);
    if (text === "") throw new UserError(`Cannot evaluate ${task}: ${path} is empty, expected a text`);
    const parts = by === "document" ? [text] : text.replace(/\n$/, "").split("\n");
    for (const [i, part] of parts.entries()) {
      rows.push({ text: part });
      wheres.push(by === "document" ? path : `${path}:${i + 1}`);
    }
  }
  return { rows, wheres };
}

/** A file's text as Python opens it: every line ends with "\n", and a byte order mark is a part of the text. */
async function readPythonText(path: string): Promise<string> {
  const bytes = await explained(`Cannot read ${path}`, () => readWhole(path));
  const hasMark = [0xef, 0xbb, 0xbf].every((byte, i) => bytes[i] === byte);
  return (hasMark ? "\ufeff" : "") + decodeUtf8(bytes, path).replace(/\r\n?/g, "\n");
}

/** The local files of a split. */
async function filesOf(
  config: TaskConfig,
  split: string,
  { data, calledData = "--data", resolve, taken }: RowPlaces,
): Promise<readonly string[]> {
  const source = splitSource(config, split);
  if ("files" in source) {
    // Those of --text are named on the command line.
    for (const file of config.task === PERPLEXITY.task ? [] : source.files) await checkDataFile(config, file);
    return source.files;
  }
  if (data === undefined) return await resolve(source.name);
  const folders = dataFolders(config).map((folder) => join(data, folder));
  for (const each of folders) {
    const found = await isFolder(each) ? (await namesIn(each)).filter((file) => isOfSplit(file, split)).sort() : [];
    if (found.length === 0) continue;
    if (!isWholeSplit(found)) {
      throw new UserError(
        `Cannot evaluate ${config.task}: ${each} has ${
          found.join(", ")
        }, expected one file of the split ${split}, or all ` +
          "of its parts",
      );
    }
    const { dataset_name: name = "" } = config;
    const other = taken?.get(each) ?? name;
    if (other !== name) {
      throw new UserError(
        `Cannot evaluate ${config.task}: the rows of ${each} were taken for ${
          quote(other)
        } already, expected those of ` +
          `${quote(name)} in ${folders[0]}`,
      );
    }
    taken?.set(each, name);
    return found.map((file) => join(each, file));
  }
  throw new UserError(
    `Cannot evaluate ${config.task}: ${folders.map((each) => join(each, `${split}.jsonl`)).join(" and ")} ` +
      `${
        folders.length > 1 ? "are" : "is"
      } missing, expected rows of ${config.dataset_path} (or no ${calledData}, to take ` +
      "them from the hub)",
  );
}

/** Throws a UserError that says where a file was looked for: `datasets` too takes paths from the current folder on. */
async function checkDataFile({ task }: TaskConfig, file: string): Promise<void> {
  if (await exists(file)) return;
  const looked = absolutePath(file);
  throw new UserError(
    looked === file
      ? `Cannot evaluate ${task}: there is no ${file}, which its dataset_kwargs.data_files names`
      : `Cannot evaluate ${task}: its dataset_kwargs.data_files names ${file}, and there is no ${looked}, expected a path ` +
        "from the current folder on, as in lm-eval, or a whole one",
  );
}

/** Whether the files of a split are one, or its parts from the first to the last; copies would count rows twice. */
function isWholeSplit(files: readonly string[]): boolean {
  const parts = files.map((file) => /-(\d+)-of-(\d+)\.[a-z]+(?:\.gz)?$/.exec(file)?.slice(1).map(Number));
  return files.length === 1 && parts[0] === undefined ||
    parts.every((part, i) => part !== undefined && part[0] === i && part[1] === files.length);
}

/** Whether a file's name is `SPLIT.ENDING` or `SPLIT-00000-of-00001.ENDING`. */
function isOfSplit(file: string, split: string): boolean {
  const ending = DATA_ENDINGS.find((each) => file.endsWith(each) || file.endsWith(`${each}.gz`));
  if (ending === undefined || !file.startsWith(split)) return false;
  return /^(-\d+-of-\d+)?\.[a-z]+(\.gz)?$/.test(file.slice(split.length));
}
