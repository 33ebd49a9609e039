/** Where the rows of a task's splits are: on the hub, in files, or in a folder in place of the hub. @module */
import type { JsonValue } from "../data/formats/json_numbers.ts";
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import type { TaskConfig } from "./task_config.ts";

/** `datasets`' words for files of one's own. */
const FILE_KINDS = ["json", "csv", "parquet", "text"];

/** The files of a split, or the name of a data set as `core/hub` reads it. */
export type SplitSource = { readonly files: readonly string[] } | { readonly name: string };

/** Whether a task names files of its own, so that no rows of it come from the hub or a folder in its place. */
export function hasOwnFiles({ dataset_path: path, dataset_kwargs: kwargs }: TaskConfig): boolean {
  return kwargs?.data_files !== undefined || FILE_KINDS.includes(path);
}

/** Where a split is. Throws a UserError if the task names files and none for it. */
export function splitSource(config: TaskConfig, split: string): SplitSource {
  const { dataset_path: path, dataset_name: name, dataset_kwargs: kwargs = {}, task } = config;
  const { data_files: files, revision } = kwargs;
  if (!hasOwnFiles(config)) {
    const part = name === undefined ? "" : `:${name}`;
    return { name: `${path}${part}/${split}${typeof revision === "string" ? `@${revision}` : ""}` };
  }
  const bySplit: Readonly<Record<string, JsonValue>> = isRecord(files)
    ? files as Record<string, JsonValue>
    : files === undefined
    ? {}
    : { train: files };
  const found = Object.hasOwn(bySplit, split) ? [bySplit[split]!].flat() as string[] : [];
  if (found.length > 0) return { files: found };
  const has = Object.keys(bySplit).join(", ") || "none";
  throw new UserError(`Cannot find the split ${split} of the task ${task}: dataset_kwargs.data_files has ${has}`);
}

/** The folders, within one that stands for the hub, that may have a task's `SPLIT.jsonl`; the first that is there counts. */
export function dataFolders({ dataset_path: path, dataset_name: name }: TaskConfig): string[] {
  const folder = path.split("/").at(-1)!;
  return name === undefined ? [folder] : [`${folder}/${name}`, folder];
}
