/** The files between the stages: responses.jsonl and pairs.jsonl. @module */
import { UserError } from "../error.ts";
import { isRecord } from "../values.ts";
import { CHAT_COLUMNS, type ChatVariables, chatVariables } from "./formats/chat_variables.ts";
import { describe } from "./formats/data_problems.ts";
import type { DataSource } from "./formats/data_sources.ts";
import { jsonText } from "./formats/json_numbers.ts";
import { type JsonObject, type JsonValue, readJsonRows } from "./formats/json_rows.ts";
import { type Message, messagesField } from "./formats/messages.ts";
import { flagField, hasField, idsField, indexField, scoreField, stringField, wrong } from "./formats/row_fields.ts";
import { type ReadRows, readRows, type ReadRowsOptions } from "./read_rows.ts";
import { type TokenizedPair, type TokenizeOptions, tokenizePairs, type TokenizeReport } from "./tokenize_rows.ts";

/** A line of responses.jsonl: a prompt, its human answer and a generated one. */
export interface ResponseRow {
  /** Index of the row in the data. */
  row: number;
  /** The prompt's text. */
  prompt: string;
  /** Its ids. */
  promptIds: number[];
  /** The prompt's turns, if it is a conversation; `prompt` is then what the answering model's chat template wrote. */
  messages?: readonly Message[];
  /** What the template was given besides the turns: the columns `tools` and `chat_template_kwargs`. */
  variables?: ChatVariables;
  /** The human answer's text. */
  response: string;
  /** Its ids. */
  responseIds: number[];
  /** False if it was cut; a human's answer never is. */
  responseFinished?: boolean;
  /** The generated answer's text. */
  generated: string;
  /** Its ids, exactly as sampled, then those that the chat template writes after the end of a turn. */
  generatedIds: number[];
  /** Whether EOS was sampled; false if the answer was cut. */
  finished: boolean;
  /** Set if a server returned the generated answer as text only, so that its ids are not those that were sampled. */
  retokenized?: true;
  /** The reference that a verifier compares with. */
  reference?: JsonValue;
}

/** Which answer a pair prefers. */
export type ChosenFrom = "human" | "generated";

/** A line of pairs.jsonl. */
export interface PairRow {
  /** Index of the row in the data. */
  row: number;
  /** The prompt's text. */
  prompt: string;
  /** Its ids. */
  promptIds: number[];
  /** The prompt's turns, if it is a conversation. */
  messages?: readonly Message[];
  /** As in {@linkcode ResponseRow}. */
  variables?: ChatVariables;
  /** The better answer's text. */
  chosen: string;
  /** Its ids. */
  chosenIds: number[];
  /** The worse answer's text. */
  rejected: string;
  /** Its ids. */
  rejectedIds: number[];
  /** Who wrote the better answer. */
  chosenFrom: ChosenFrom;
  /** The judge's score of the human answer; null if the judge gave none. */
  scoreHuman: number | null;
  /** The judge's score of the generated answer; null if the judge gave none. */
  scoreGenerated: number | null;
}

/** A pair as training reads it. `row` is its index in the pair file, which is the `example` of its random numbers. */
export interface StoredPair extends TokenizedPair {
  /** Index of the row in the data that the pair was made from; null for pairs from elsewhere. */
  dataRow: number | null;
  /** Who wrote the better answer; null for pairs from elsewhere. */
  chosenFrom: ChosenFrom | null;
  /** The judge's score of the human answer; null if there is none. */
  scoreHuman: number | null;
  /** The judge's score of the generated answer; null if there is none. */
  scoreGenerated: number | null;
}

/** One line of responses.jsonl, with its newline. */
export function encodeResponse(row: ResponseRow): string {
  const { promptIds, responseIds, generatedIds } = row;
  return jsonText({
    row: row.row,
    prompt: row.prompt,
    prompt_ids: promptIds,
    messages: row.messages,
    ...row.variables,
    response: row.response,
    response_ids: responseIds,
    generated: row.generated,
    generated_ids: generatedIds,
    finished: row.finished,
    retokenized: row.retokenized,
    reference: row.reference,
  }) + "\n";
}

/** One line of pairs.jsonl, with its newline; a score that is not finite becomes null. */
export function encodePair(pair: PairRow): string {
  return jsonText({
    row: pair.row,
    prompt: pair.prompt,
    prompt_ids: pair.promptIds,
    messages: pair.messages,
    ...pair.variables,
    chosen: pair.chosen,
    chosen_ids: pair.chosenIds,
    rejected: pair.rejected,
    rejected_ids: pair.rejectedIds,
    chosen_from: pair.chosenFrom,
    score_human: pair.scoreHuman,
    score_generated: pair.scoreGenerated,
  }) + "\n";
}

/** Reads responses.jsonl. Throws a UserError naming file, line and key. */
export async function readResponses(path: string): Promise<ResponseRow[]> {
  const rows: ResponseRow[] = [];
  for await (const { where, ...json } of readJsonRows(path, { exact: true })) {
    try {
      if ("problem" in json) throw new UserError(json.problem);
      rows.push(parseResponse(json.value));
    } catch (error) {
      throw atLine(where, error);
    }
  }
  return rows;
}

/**
 * Reads pairs.jsonl, or any source of rows with chosen and rejected. Pairs are cut and dropped at `maxLength` as by
 * `tokenizePairs`. Throws a UserError naming file, line and key.
 */
export async function readPairs(
  source: DataSource,
  { tokenizer, vocabSize, maxLength, encoder, ...reading }: TokenizeOptions & ReadRowsOptions,
): Promise<{ pairs: StoredPair[]; report: TokenizeReport } & ReadRows> {
  const { rows, skipped, shapes, unread } = await readRows(source, reading);
  const extras = new Map(rows.map(({ row, extra }) => [row, extra]));
  await encoder?.prepare(rows, { tokenizer }, 2);
  const { pairs, report } = tokenizePairs(rows, { tokenizer, vocabSize, maxLength, ...(encoder && { encoder }) });
  const stored = pairs.map((pair) => {
    try {
      return { ...pair, ...parseLabels(extras.get(pair.row)!) };
    } catch (error) {
      throw atLine(pair.where, error);
    }
  });
  return { pairs: stored, report, rows, skipped, shapes, unread };
}

/** Checks the parsed line of responses.jsonl. Throws a UserError naming the key that is malformed. */
export function parseResponse(value: JsonValue): ResponseRow {
  if (!isRecord(value)) throw new UserError(`the row is ${describe(value)}, expected an object`);
  return {
    row: indexField(value, "row"),
    prompt: stringField(value, "prompt"),
    promptIds: idsField(value, "prompt_ids"),
    ...(hasField(value, "messages") ? { messages: messagesField(value, "messages") } : {}),
    ...(CHAT_COLUMNS.some((name) => hasField(value, name)) ? { variables: chatVariables(value) } : {}),
    response: stringField(value, "response"),
    responseIds: idsField(value, "response_ids"),
    generated: stringField(value, "generated"),
    generatedIds: idsField(value, "generated_ids"),
    finished: flagField(value, "finished"),
    ...(Object.hasOwn(value, "retokenized") && flagField(value, "retokenized") ? { retokenized: true } : {}),
    ...(Object.hasOwn(value, "reference") ? { reference: value.reference! } : {}),
  };
}

/** Reads the columns that only this project's own pairs have. */
function parseLabels(extra: JsonObject): Omit<StoredPair, keyof TokenizedPair> {
  const has = (key: string): boolean => Object.hasOwn(extra, key);
  const chosenFrom = has("chosen_from") ? extra.chosen_from! : null;
  if (chosenFrom !== null && chosenFrom !== "human" && chosenFrom !== "generated") {
    throw wrong("chosen_from", chosenFrom, '"human" or "generated"');
  }
  return {
    // Exported pairs have chosen_from, but no row.
    dataRow: chosenFrom !== null && has("row") ? indexField(extra, "row") : null,
    chosenFrom,
    scoreHuman: scoreField(extra, "score_human"),
    scoreGenerated: scoreField(extra, "score_generated"),
  };
}

function atLine(where: string, error: unknown): unknown {
  return error instanceof UserError ? new UserError(`Cannot read ${where}: ${error.message}`) : error;
}
