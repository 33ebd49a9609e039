/** The data sets of TRL's scripts. @module */
import type { Mapping } from "../yaml_source.ts";
import type { ConfigDraft } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";

/** The names of `datasets`' readers of files, whose path stands under data_files. */
const FILE_READERS = ["json", "csv", "parquet", "text"];

/** Takes `dataset_name` or `datasets`, and where held-out rows are evaluated, those. */
export function takeTrlData(source: ForeignSource, draft: ConfigDraft): void {
  const sets = source.sections("datasets");
  const [path, name] = [source.text("dataset_name"), source.text("dataset_config")];
  const [train, test] = [source.text("dataset_train_split") ?? "train", source.text("dataset_test_split") ?? "test"];
  const set = (split: string): Mapping => ({ path, ...(name !== undefined && { name }), split });
  if (sets !== undefined && sets.length > 0) draft.set("data.train", sets.flatMap((item) => setsOf(item, draft)));
  else if (path !== undefined) draft.set("data.train", [set(train)]);
  else draft.missing("dataset_name", "the config names no data; set data.train");
  if (takeEvaluates(source)) {
    if (path !== undefined && !sets?.length) draft.set("data.eval", [set(test)]);
    tellEvaluation(source, draft);
  }
  takeTestSize(source, draft);
}

/** Whether held-out rows are evaluated. */
export function takeEvaluates(source: ForeignSource): boolean {
  const strategy = source.take("eval_strategy") ?? source.take("evaluation_strategy") ?? "no";
  source.take("evaluation_strategy");
  // YAML 1.1 reads a bare `no` as false.
  return strategy !== "no" && strategy !== false;
}

/** Tells when held-out rows are evaluated. */
export function tellEvaluation(source: ForeignSource, draft: ConfigDraft): void {
  source.take("eval_steps");
  source.take("do_eval");
  draft.differs(
    "eval_strategy",
    "here data.eval is evaluated at the start and after every iteration, and within one with training.eval_steps",
  );
}

/** Tells of held-out rows that are split off. */
export function takeTestSize(source: ForeignSource, draft: ConfigDraft): void {
  const size = source.number("test_split_size");
  if (size !== undefined) draft.missing("test_split_size", SPLIT_OFF);
}

/** What is told of held-out rows that are split off by chance. */
export const SPLIT_OFF = "no rows are split off by chance here; data.eval names them, such as rows.jsonl[90%:]";

function setsOf(item: ForeignSource | string, draft: ConfigDraft): Mapping[] {
  if (typeof item === "string") return [{ path: item, split: "train" }];
  const path = item.text("path");
  const [name, split] = [item.text("name"), item.text("split") ?? "train"];
  if (item.has("fraction")) {
    draft.missing(
      "datasets.fraction",
      `${item.number("fraction")}: all rows are taken; weight takes a share by chance`,
    );
  }
  const files = item.texts("data_files");
  const isFile = path !== undefined && FILE_READERS.includes(path) && files !== undefined;
  item.take("columns");
  for (const { key } of [...item.left(), ...(files && !isFile ? [{ key: "data_files" }] : [])]) {
    draft.missing(key, "here a file is named by its path");
  }
  if (isFile) return fileSets(files, { split, draft });
  return [{ path, ...(name !== undefined && { name }), split }];
}

/** The sets of files that are one set there; a slice of all of them together has no counterpart, and is told. */
export function fileSets(
  files: readonly string[],
  { split, draft }: { split: string | undefined; draft: ConfigDraft },
): Mapping[] {
  if (split === undefined || split === "train") return files.map((path) => ({ path }));
  if (files.length === 1) return [{ path: files[0], split }];
  draft.missing("datasets.split", `${split}: all rows of ${files.length} files are taken; here a slice is of one file`);
  return files.map((path) => ({ path }));
}
