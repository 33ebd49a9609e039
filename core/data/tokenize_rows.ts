/** Tokenizes rows by the rules of TRL (0.29 and later). @module */
import { UserError } from "../error.ts";
import { type EncodedRow, type EncodeOptions, encodeRow } from "./encode_row.ts";
import type { ChatVariables } from "./formats/chat_variables.ts";
import type { JsonValue } from "./formats/json_rows.ts";
import type { Message } from "./formats/messages.ts";
import type { DataRow } from "./parse_row.ts";
import type { RowEncoder } from "./row_encoder.ts";
import { rowFate } from "./row_fate.ts";

/** A tokenized prompt. */
export interface TokenizedPrompt {
  /** As `row` of {@linkcode DataRow}. */
  row: number;
  /** As `where` of {@linkcode DataRow}. */
  where: string;
  /** The prompt's text; for a conversation, what the chat template writes. */
  prompt: string;
  /** Its ids, at least one. */
  promptIds: number[];
  /** Whether the chat template wrote the prompt, so that its answers end with `templateTail`. */
  conversational: boolean;
  /** The turns, if it is a conversation; a judge may render them with a template of its own. */
  messages?: readonly Message[];
  /** What the template was given besides the turns. */
  variables?: ChatVariables;
  /** The reference that a verifier compares with. */
  reference?: JsonValue;
}

/** A prompt and its answer. */
export interface TokenizedExample extends TokenizedPrompt {
  /** The answer's text, whole even if its ids are cut. */
  response: string;
  /** Its ids, at least one. */
  responseIds: number[];
  /** For each id, whether the assistant writes it, if `allTurns` is set; absent if it writes all. */
  lossMask?: boolean[];
}

/** A prompt with two answers. */
export interface TokenizedPair extends TokenizedPrompt {
  /** The better answer's text, whole even if its ids are cut. */
  chosen: string;
  /** Its ids, at least one. */
  chosenIds: number[];
  /** The worse answer's text, whole even if its ids are cut. */
  rejected: string;
  /** Its ids, at least one. */
  rejectedIds: number[];
}

/** How many rows were kept, dropped and cut. */
export interface TokenizeReport {
  /** Rows given. */
  rows: number;
  /** Rows kept. */
  kept: number;
  /** Rows dropped because the prompt alone reaches `maxLength`. */
  promptTooLong: number;
  /** Rows dropped because an answer has no token of its own. */
  emptyResponse: number;
  /** Answers cut at `maxLength`; each side of a pair counts. */
  cut: number;
  /** Rows with an answer that shares a token with the prompt, if both are tokenized together. */
  merged: number;
  /** The place of the first such row; null if there is none. */
  firstMerged: string | null;
}

/** How rows are tokenized. */
export interface TokenizeOptions extends EncodeOptions {
  /** The size of the model's vocabulary: every id is below it. */
  vocabSize: number;
  /** The most tokens of prompt and answer together; null for no limit. */
  maxLength: number | null;
  /** Encodes the rows, if they are kept (default: each is encoded anew). */
  encoder?: RowEncoder;
}

/**
 * Tokenizes prompts with one answer; of a pair it takes the chosen one. Throws a UserError if no row is left, or if an
 * id is too large.
 */
export function tokenizeExamples(
  rows: readonly DataRow[],
  options: TokenizeOptions,
): { examples: TokenizedExample[]; report: TokenizeReport } {
  const { kept, report } = tokenizeRows(rows, options, 1);
  const examples = kept.map(({ base, answers: [response] }) => ({
    ...base,
    response: response!.text,
    responseIds: response!.ids,
    ...(response!.lossMask && { lossMask: response!.lossMask }),
  }));
  return { examples, report };
}

/**
 * Tokenizes prompts with two answers. Throws a UserError if a row has only one, if no row is left, or if an id is too
 * large.
 */
export function tokenizePairs(
  rows: readonly DataRow[],
  options: TokenizeOptions,
): { pairs: TokenizedPair[]; report: TokenizeReport } {
  const { kept, report } = tokenizeRows(rows, options, 2);
  const pairs = kept.map(({ base, answers: [chosen, rejected] }) => ({
    ...base,
    chosen: chosen!.text,
    chosenIds: chosen!.ids,
    rejected: rejected!.text,
    rejectedIds: rejected!.ids,
  }));
  return { pairs, report };
}

function tokenizeRows(rows: readonly DataRow[], options: TokenizeOptions, answers: 1 | 2): {
  kept: { base: TokenizedPrompt; answers: EncodedRow["answers"] }[];
  report: TokenizeReport;
} {
  const { vocabSize, maxLength } = options;
  const limit = maxLength ?? Infinity;
  const report: TokenizeReport = {
    rows: rows.length,
    kept: 0,
    promptTooLong: 0,
    emptyResponse: 0,
    cut: 0,
    merged: 0,
    firstMerged: null,
  };
  const kept = [];
  for (const row of rows) {
    const encoded = atRow(
      row,
      () => options.encoder?.encode(row, options, answers) ?? encodeRow(row, options, answers),
    );
    const { prompt, promptIds, conversational, messages, variables = {} } = encoded;
    const { dropped, room, cut } = rowFate(promptIds.length, encoded.answers, limit);
    if (dropped !== null) {
      report[dropped]++;
      continue;
    }
    report.cut += cut;
    atRow(row, () => [promptIds, ...encoded.answers.map(({ ids }) => ids)].forEach((ids) => checkIds(ids, vocabSize)));
    if (encoded.answers.some(({ merged }) => merged)) {
      report.merged++;
      report.firstMerged ??= row.where;
    }
    for (const answer of encoded.answers) {
      if (answer.ids.length > room) {
        answer.ids = answer.ids.slice(0, room);
        if (answer.lossMask) answer.lossMask = answer.lossMask.slice(0, room);
      }
    }
    const reference = row.reference === undefined ? {} : { reference: row.reference };
    const turns = messages === undefined ? {} : { messages };
    const given = Object.keys(variables).length === 0 ? {} : { variables };
    const base = {
      row: row.row,
      where: row.where,
      prompt,
      promptIds,
      conversational,
      ...turns,
      ...given,
      ...reference,
    };
    kept.push({ base, answers: encoded.answers });
  }
  report.kept = kept.length;
  if (kept.length === 0) throw new UserError(nothingLeft(report, maxLength));
  return { kept, report };
}

function nothingLeft({ rows, promptTooLong, emptyResponse }: TokenizeReport, maxLength: number | null): string {
  const reasons = [
    promptTooLong > 0 ? `${promptTooLong} with a prompt that alone reaches max_length ${maxLength}` : "",
    emptyResponse > 0 ? `${emptyResponse} with an empty response` : "",
  ].filter((reason) => reason !== "");
  return `Cannot use the data: none of ${rows} rows is left (dropped: ${reasons.join(", ") || "none"})`;
}

function checkIds(ids: readonly number[], vocabSize: number): void {
  const bad = ids.find((id) => id >= vocabSize);
  if (bad !== undefined) {
    throw new UserError(`token id ${bad} is beyond the vocabulary, expected 0 to ${vocabSize - 1}`);
  }
}

/** Runs `read`; the row's place is put before the message of a UserError that it throws. */
function atRow<T>(row: DataRow, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`Cannot tokenize ${row.where} (row ${row.row}): ${error.message}`);
  }
}
