/** The data sets of LLaMA-Factory, which names them in a file of its own. @module */
import { UserError } from "../../error.ts";
import { fileSystem, isNotFound } from "../../files/file_system.ts";
import { isMapping, type Mapping } from "../yaml_source.ts";
import { type ConfigDraft, shown } from "./config_draft.ts";
import { ForeignSource } from "./foreign_source.ts";
import { SPLIT_OFF } from "./trl_data.ts";

const INFO = "dataset_info.json";

/** The largest file of data sets that is read. */
const MAX_BYTES = 1 << 22;

/** What `dataset_info.json` says of the data sets, by name; null if it is not there. */
export type DatasetInfo = { readonly folder: string; readonly sets: Mapping } | null;

/** What a data set's columns tell here, and other places of the same rows. */
const WITHOUT_MEANING = ["ranking", "file_name", "ms_hub_url", "om_hub_url"];

/** Reads `dataset_info.json` of `dataset_dir`. Throws a UserError if it is there and cannot be read. */
export async function readDatasetInfo(values: Mapping): Promise<DatasetInfo> {
  const folder = typeof values.dataset_dir === "string" ? values.dataset_dir : "data";
  const file = `${folder}/${INFO}`;
  try {
    const { size } = await fileSystem().stat(file);
    if (size > MAX_BYTES) throw new UserError(`it has ${size} bytes, expected at most ${MAX_BYTES}`);
    const sets: unknown = JSON.parse(new TextDecoder().decode(await fileSystem().readFile(file)));
    if (!isMapping(sets)) throw new UserError("it holds no JSON object");
    return { folder, sets };
  } catch (error) {
    if (isNotFound(error)) return null;
    if ((error as Error).name === "NotCapable") throw error;
    throw new UserError(`Cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Takes `dataset` and `eval_dataset`. */
export function takeLlamaFactoryData(source: ForeignSource, draft: ConfigDraft, info: DatasetInfo): void {
  source.take("dataset_dir");
  const limit = source.number("max_samples");
  const sets = (key: string): Mapping[] | undefined =>
    source.texts(key, { commas: true })?.map((name) => setOf(name, { info, limit, draft }));
  const train = sets("dataset");
  if (train === undefined) draft.missing("dataset", "the config names no data; set data.train");
  draft.set("data.train", train);
  draft.set("data.eval", sets("eval_dataset"));
  const size = source.number("val_size");
  if (size !== undefined && size > 0) draft.missing("val_size", SPLIT_OFF);
  const strategy = source.text("mix_strategy");
  if (strategy !== undefined && strategy !== "concat") {
    draft.differs("mix_strategy", `${strategy}: here all rows of all sets are taken; weight takes a share of a set`);
    source.take("interleave_probs");
  }
}

function setOf(
  name: string,
  { info, limit, draft }: { info: DatasetInfo; limit: number | undefined; draft: ConfigDraft },
): Mapping {
  const slice = limit === undefined ? "" : `[:${limit}]`;
  const known = info?.sets[name];
  if (!isMapping(known)) {
    const why = info === null ? "is not here" : "does not name it";
    draft.differs(`dataset ${name}`, `${INFO} ${why}; put the file or the hub's org/name in place of the name`);
    return { path: name, split: `train${slice}` };
  }
  const entry = new ForeignSource(known, `${INFO} ${name}.`);
  const given = entry.section("columns");
  const columns = given && columnsOf(given, entry.text("formatting") ?? "alpaca");
  const set = { ...placeOf(entry, { folder: info!.folder, slice }), ...(columns && { columns }) };
  if ((entry.text("formatting") ?? "alpaca") === "alpaca") {
    draft.differs(`dataset ${name}`, "here a blank line stands between instruction and input, there a line's end");
  }
  for (const key of WITHOUT_MEANING) entry.take(key);
  for (const { key, value } of [...entry.left(), ...(given?.left() ?? [])]) {
    if (value !== null) draft.missing(key, `${shown(value)}: not read here; see what dnpo data shows of the rows`);
  }
  return set;
}

function placeOf(entry: ForeignSource, { folder, slice }: { folder: string; slice: string }): Mapping {
  const hub = entry.text("hf_hub_url");
  const [name, split] = [entry.text("subset"), entry.text("split") ?? "train"];
  if (hub !== undefined) return { path: hub, ...(name !== undefined && { name }), split: `${split}${slice}` };
  const file = entry.text("file_name");
  if (file === undefined) {
    throw new UserError(`Cannot import the data set: ${INFO} has no hf_hub_url and no file_name, expected one of them`);
  }
  const path = `${folder}/${file}`;
  return split === "train" ? { path: `${path}${slice}` } : { path, split: `${split}${slice}` };
}

/** Columns by what they are called here; those that have the name already are left out. */
function columnsOf(columns: ForeignSource, formatting: string): Mapping | undefined {
  const isChat = ["sharegpt", "openai"].includes(formatting);
  const ours: Readonly<Record<string, string>> = {
    ...(isChat ? {} : { prompt: "instruction", query: "input", response: "output" }),
    messages: "messages",
    system: "system",
    tools: "tools",
    chosen: "chosen",
    rejected: "rejected",
  };
  const made: Mapping = {};
  for (const [theirs, key] of Object.entries(ours)) {
    const name = columns.text(theirs);
    if (name !== undefined && name !== key && !(key === "messages" && name === "conversations")) made[key] = name;
  }
  return Object.keys(made).length > 0 ? made : undefined;
}
