/** The rows that the config names, and how they are read. @module */
import type { IterationConfig } from "../config/config_types.ts";
import { type DataSource, sourceName } from "../data/formats/data_sources.ts";
import { type ReadRows, readRows, type ReadRowsOptions } from "../data/read_rows.ts";
import { noteOnce, noteShapes, noteSkipped } from "./row_notes.ts";
import type { RunContext } from "./run_context.ts";
import { EVAL_SPLITS } from "./run_sources.ts";

/** The options with which the config's data sets are found and read; `eval` is never shuffled. */
export function readingOf(
  { sources }: Pick<RunContext, "sources">,
  { settings: { data }, which = "train" }: { settings: Pick<IterationConfig, "data">; which?: "train" | "eval" },
): ReadRowsOptions {
  const limit = which === "train" ? data.limit : data.eval_limit;
  return {
    locate: (name) => sources.data(name, { forEval: which === "eval" }),
    ...(which === "eval" && { prefer: EVAL_SPLITS }),
    onBadRow: data.on_bad_row,
    ...(limit !== undefined && { limit }),
    ...(data.template !== undefined && { template: data.template }),
    ...(data.prompt_words !== undefined && { promptWords: data.prompt_words }),
    ...(data.columns !== undefined && { columns: data.columns }),
    ...(data.shuffle !== undefined && which === "train" && { shuffle: data.shuffle }),
    ...(data.seed !== undefined && { seed: data.seed }),
    ...(data.conversational !== undefined && { conversational: data.conversational }),
    ...(data.system_prompt !== undefined && { systemPrompt: data.system_prompt }),
  };
}

/** Reads the config's data set, and notes its shape and the rows that were left out. */
export async function readData(
  context: Pick<RunContext, "sources" | "onNote">,
  { settings, which }: { settings: Pick<IterationConfig, "data">; which: "train" | "eval" },
): Promise<ReadRows & { name: string }> {
  const source: DataSource = settings.data[which]!;
  const name = sourceName(source);
  const read = await readRows(source, readingOf(context, { settings, which }));
  for (const line of read.unread) noteOnce(context, line);
  noteShapes(context, name, read.shapes);
  noteSkipped(context, name, read.skipped);
  return { ...read, name };
}

/** Whether the data has chosen and rejected answers already (`dpo`), so that no answers are generated. */
export async function givesPairs(context: Pick<RunContext, "config" | "sources">): Promise<boolean> {
  const { config } = context;
  if (config.method !== "dpo") return false;
  const { shuffle: _, ...reading } = readingOf(context, { settings: config });
  const { rows: [first] } = await readRows(config.data.train!, { ...reading, limit: 1 });
  return first!.kind === "text_pair" || first!.kind === "chat_pair" || first!.kind === "ids_pair";
}
