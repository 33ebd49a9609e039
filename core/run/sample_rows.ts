/** Some rows of a run with every answer that they got, read from files of any size without reading them whole. @module */
import type { OpenFile } from "../files/file_system.ts";
import { explained, objectOf } from "../files/io.ts";
import { isRecord } from "../values.ts";
import { iterationPaths, stagePaths } from "./run_paths.ts";

/** A generated answer. */
export interface SampledAnswer {
  iteration: number;
  /** The answer's text. */
  text: string;
  /** Whether it was cut at max_new_tokens; null if that is not known. */
  isCut: boolean | null;
  /** What labeling made of it; null before that, and where it is the same as the human answer. */
  label: { chosen: "human" | "generated"; scoreHuman: number | null; scoreGenerated: number | null } | null;
  /** Whether the human answer is the same, so that the row is no pair. */
  isIdentical: boolean;
}

/** A row of the data with the answers that it got. */
export interface SampledRow {
  /** Index of the row in the data. */
  row: number;
  /** The prompt: its turns, or one of no role. */
  prompt: { role: string | null; content: string }[];
  /** The human answer. */
  human: string;
  /** By iteration. */
  answers: SampledAnswer[];
}

/** Bytes that are read to find a line, and then, if it is longer; a row that is longer still is left out. */
const [SHORT, WINDOW] = [2 ** 14, 2 ** 20];

type Row = Record<string, unknown> & { row: number };

/**
 * `count` rows spread over the last iteration that has answers, with their answers in all of `iterations`. Files that
 * are missing, torn or malformed have no rows. Throws a UserError where one is there and cannot be read.
 */
export async function sampleRows(
  folder: string,
  { iterations, count }: { iterations: readonly number[]; count: number },
): Promise<SampledRow[]> {
  const places = iterations.map((iteration) => ({ iteration, ...iterationPaths(folder, iteration) }));
  const opened: Opened[] = [];
  try {
    for (const { iteration, responses, partialResponses, pairs } of places) {
      const rows = await openRows(responses) ?? await openRows(partialResponses);
      if (rows) opened.push({ iteration, rows, pairs: await openRows(pairs) });
    }
    const last = opened.at(-1);
    if (last === undefined) return await pairsAlone(folder, count);
    // Rows that became pairs tell more than those with two equal answers.
    const chosen = await spread(last.pairs ?? last.rows, count);
    const found: SampledRow[] = [];
    for (const { row } of chosen) {
      const sample = await sampleOf(row, opened);
      if (sample) found.push(sample);
    }
    return found;
  } finally {
    for (const { rows, pairs } of opened) for (const file of [rows, pairs]) file?.file.close();
  }
}

/** The last rows of the answers that are being generated, the newest first. */
export async function latestRows(folder: string, iteration: number, count: number): Promise<SampledRow[]> {
  const { partialResponses } = iterationPaths(folder, iteration);
  const opened = await openRows(partialResponses);
  if (opened === null) return [];
  using _file = opened.file;
  const start = Math.max(0, opened.size - WINDOW);
  const text = await readAt(opened, start, WINDOW);
  const lines = text.split("\n").slice(start === 0 ? 0 : 1, -1);
  const rows = lines.slice(-count).reverse().map(parseRow).filter((row) => row !== null);
  return rows.map((row) => ({ ...rowOf(row), answers: [answerOf(row, null, iteration)] }));
}

interface RowFile {
  path: string;
  file: OpenFile;
  size: number;
}

interface Opened {
  iteration: number;
  rows: RowFile;
  pairs: RowFile | null;
}

async function openRows(path: string): Promise<RowFile | null> {
  try {
    const file = await Deno.open(path, { read: true });
    return { path, file, size: (await file.stat()).size };
  } catch {
    return null;
  }
}

async function sampleOf(row: number, opened: readonly Opened[]): Promise<SampledRow | null> {
  let sample: SampledRow | null = null;
  for (const { iteration, rows, pairs } of opened) {
    const answered = await findRow(rows, row);
    if (answered === null) continue;
    sample ??= { ...rowOf(answered), answers: [] };
    sample.answers.push(answerOf(answered, pairs && await findRow(pairs, row), iteration));
  }
  return sample;
}

/** Pairs of a stage that ran alone in the folder, or of a run whose responses are gone. */
async function pairsAlone(folder: string, count: number): Promise<SampledRow[]> {
  const opened = await openRows(stagePaths(folder).pairs);
  if (opened === null) return [];
  using _file = opened.file;
  return (await spread(opened, count)).map((pair) => {
    const isGenerated = pair.chosen_from === "generated";
    const [human, generated] = isGenerated ? [pair.rejected, pair.chosen] : [pair.chosen, pair.rejected];
    return {
      ...rowOf({ ...pair, response: human }),
      answers: [answerOf({ ...pair, response: human, generated }, pair, 0)],
    };
  });
}

function rowOf(row: Row): Pick<SampledRow, "row" | "prompt" | "human"> {
  const turns = Array.isArray(row.messages) ? row.messages.filter(isRecord) : [];
  const prompt = turns.length > 0
    ? turns.map(({ role, content }) => ({
      role: textOf(role),
      content: typeof content === "string" ? content : JSON.stringify(content ?? ""),
    }))
    : [{ role: null, content: textOf(row.prompt) }];
  return { row: row.row, prompt, human: textOf(row.response) };
}

function answerOf(row: Row, pair: Row | null, iteration: number): SampledAnswer {
  const number = (value: unknown): number | null => typeof value === "number" ? value : null;
  return {
    iteration,
    text: textOf(row.generated),
    isCut: typeof row.finished === "boolean" ? !row.finished : null,
    label: pair === null ? null : {
      chosen: pair.chosen_from === "generated" ? "generated" : "human",
      scoreHuman: number(pair.score_human),
      scoreGenerated: number(pair.score_generated),
    },
    isIdentical:
      JSON.stringify(row.response_ids ?? row.response) === JSON.stringify(row.generated_ids ?? row.generated),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Rows at equal distances of a file, each once. */
async function spread(rows: RowFile, count: number): Promise<Row[]> {
  const found = new Map<number, Row>();
  for (let i = 0; i < count; i++) {
    const row = await rowAfter(rows, Math.floor(i * rows.size / count));
    if (row) found.set(row.row, row);
  }
  return [...found.values()];
}

/** The row in a file whose rows ascend; null if it has none of that index. */
async function findRow(rows: RowFile, wanted: number): Promise<Row | null> {
  let [low, high] = [0, rows.size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = await rowAfter(rows, middle);
    if (row?.row === wanted) return row;
    if (row === null || row.row > wanted) high = middle;
    else low = middle + 1;
  }
  const row = await rowAfter(rows, low);
  return row?.row === wanted ? row : null;
}

/** The first whole row that begins at `offset` or after it. */
async function rowAfter(rows: RowFile, offset: number): Promise<Row | null> {
  // Of the byte before, to know whether a line begins at the offset.
  const start = Math.max(0, offset - 1);
  for (const window of [SHORT, WINDOW]) {
    const text = await readAt(rows, start, window);
    const begin = offset === 0 ? 0 : text.indexOf("\n") + 1;
    const end = text.indexOf("\n", begin);
    if ((offset === 0 || begin > 0) && end !== -1) return parseRow(text.slice(begin, end));
  }
  return null;
}

async function readAt({ path, file }: RowFile, offset: number, bytes: number): Promise<string> {
  const buffer = new Uint8Array(bytes);
  let length = 0;
  await explained(`Cannot read ${path}`, async () => {
    await file.seek(offset, 0);
    for (let read: number | null = 0; read !== null && length < bytes; length += read ?? 0) {
      read = await file.read(buffer.subarray(length));
    }
  });
  return new TextDecoder().decode(buffer.subarray(0, length));
}

function parseRow(line: string): Row | null {
  const row = objectOf(line);
  return typeof row?.row === "number" ? row as Row : null;
}
