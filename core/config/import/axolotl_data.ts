/** The data sets of axolotl. @module */
import { isMapping, type Mapping } from "../yaml_source.ts";
import type { ConfigDraft } from "./config_draft.ts";
import { ForeignSource } from "./foreign_source.ts";
import { fileSets, SPLIT_OFF } from "./trl_data.ts";

/** The names of readers of files, whose path stands under data_files. */
const FILE_READERS = ["json", "csv", "parquet", "arrow", "text"];

/** Columns by what they are called there. */
const COLUMNS: Readonly<Record<string, string>> = {
  field_messages: "messages",
  field_prompt: "prompt",
  field_chosen: "chosen",
  field_rejected: "rejected",
  field_system: "system",
  field_instruction: "instruction",
  field_input: "input",
  field_output: "output",
  field_tools: "tools",
};

/** Takes `datasets` and `test_datasets`; returns whether rows of the first go through a chat template there. */
export function takeAxolotlData(source: ForeignSource, draft: ConfigDraft): { isChat: boolean } {
  const types = new Set<string>();
  const sets = (key: string): Mapping[] | undefined =>
    source.sections(key)?.flatMap((item) => setsOf(item, { draft, types }));
  const train = sets("datasets");
  if (train === undefined) draft.missing("datasets", "the config names no data; set data.train");
  draft.set("data.train", train);
  const isChat = [...types].some((type) => type.startsWith("chat_template"));
  draft.set("data.eval", sets("test_datasets"));
  const size = source.number("val_set_size");
  if (size !== undefined && size > 0) draft.missing("val_set_size", SPLIT_OFF);
  for (const type of types) {
    draft.differs(`type ${type}`, "here a row's shape is told by its columns, and the template is the tokenizer's");
  }
  return { isChat };
}

function setsOf(
  item: ForeignSource | string,
  { draft, types }: { draft: ConfigDraft; types: Set<string> },
): Mapping[] {
  if (typeof item === "string") return [{ path: item, split: "train" }];
  const columns: Mapping = {};
  const fields = (from: ForeignSource): void => {
    for (const [theirs, ours] of Object.entries(COLUMNS)) {
      const name = from.text(theirs);
      if (name !== undefined && name !== ours) columns[ours] = name;
    }
  };
  const type = item.take("type");
  if (typeof type === "string") types.add(type);
  else if (isMapping(type)) {
    const own = new ForeignSource(type, "datasets.type.");
    fields(own);
    for (const { key, value } of own.left()) {
      if (value !== null) draft.missing(key, "here the template is the tokenizer's, or data.chat_template");
    }
  }
  fields(item);
  const path = item.text("path");
  const [name, split, revision] = [item.text("name"), item.text("split"), item.text("revision")];
  const files = item.texts("data_files");
  const reader = item.text("ds_type");
  const isReader = path !== undefined && FILE_READERS.includes(path);
  // With data_files, any other path is a folder or a set on the hub that has these files.
  const isFile = isReader || (reader !== undefined && files === undefined);
  for (const { key, value } of item.left()) {
    if (value !== null) draft.missing(key, "not read here; see what dnpo data shows of the rows");
  }
  const rest = Object.keys(columns).length > 0 ? { columns } : {};
  if (isFile) return fileSets(files ?? [path!], { split, draft }).map((set) => ({ ...set, ...rest }));
  if (files !== undefined) draft.missing("data_files", "here a file is named by its path");
  const at = revision === undefined ? path : `${path}@${revision}`;
  return [{ path: at, ...(name !== undefined && { name }), split: split ?? "train", ...rest }];
}
