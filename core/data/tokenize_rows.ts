/** Tokenizes rows by the rules of TRL (0.29 and later). @module */
import { UserError } from "../error.ts";
import { encodeTurns } from "./encode_turns.ts";
import type { JsonValue } from "./formats/json_rows.ts";
import type { Message } from "./formats/messages.ts";
import type { DataRow } from "./parse_row.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

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
  /** Answers whose prompt is tokenized differently with the answer than alone. */
  prefixMismatch: number;
}

/** How rows are tokenized. */
export interface TokenizeOptions {
  /** The model's tokenizer; null if it has none, since rows of token ids need none. */
  tokenizer: Tokenizer | null;
  /** The size of the model's vocabulary: every id is below it. */
  vocabSize: number;
  /** The most tokens of prompt and answer together; null for no limit. */
  maxLength: number | null;
  /** Whether the response to a conversation begins at the first assistant turn instead of the last (default false). */
  allTurns?: boolean;
}

/** The ids of a row's prompt and of its answers, all tokenized with the prompt before them. */
interface Encoded {
  prompt: string;
  promptIds: number[];
  conversational: boolean;
  messages?: readonly Message[];
  answers: { text: string; ids: number[]; prefixMismatch: boolean; lossMask?: boolean[] }[];
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

/**
 * The ids that the chat template writes after the `eosId` that ends an assistant's turn, such as Qwen's newline. Empty
 * without a template, or if the template ends the turn with another token.
 */
export function templateTail(tokenizer: Tokenizer, eosId: number): number[] {
  if (!tokenizer.hasChatTemplate) return [];
  const prompt = [{ role: "user", content: "a" }];
  const { promptIds, answers: [answer] } = encodeChat(tokenizer, prompt, [[{ role: "assistant", content: "b" }]]);
  const ids = [...promptIds, ...answer!.ids];
  const at = ids.lastIndexOf(eosId);
  return at < promptIds.length ? [] : ids.slice(at + 1);
}

/** The ids of a continuation given as text. It is tokenized together with its prompt, as the human answer is. */
export function continuationIds(
  { prompt, promptIds, conversational }: { prompt: string; promptIds: readonly number[]; conversational: boolean },
  text: string,
  tokenizer: Tokenizer,
): number[] {
  return rest(promptIds, tokenizer.encode(prompt + text, { addSpecialTokens: !conversational })).ids;
}

function tokenizeRows(rows: readonly DataRow[], options: TokenizeOptions, answers: 1 | 2): {
  kept: { base: TokenizedPrompt; answers: Encoded["answers"] }[];
  report: TokenizeReport;
} {
  const { vocabSize, maxLength } = options;
  const limit = maxLength ?? Infinity;
  const report = { rows: rows.length, kept: 0, promptTooLong: 0, emptyResponse: 0, cut: 0, prefixMismatch: 0 };
  const kept = [];
  for (const row of rows) {
    const encoded = atRow(row, () => encodeRow(row, options, answers));
    const { prompt, promptIds, conversational, messages } = encoded;
    if (promptIds.length >= limit) {
      report.promptTooLong++;
      continue;
    }
    const room = limit - promptIds.length;
    if (encoded.answers.some(({ ids, lossMask }) => (lossMask?.slice(0, room).filter(Boolean) ?? ids).length === 0)) {
      report.emptyResponse++;
      continue;
    }
    atRow(row, () => [promptIds, ...encoded.answers.map(({ ids }) => ids)].forEach((ids) => checkIds(ids, vocabSize)));
    for (const answer of encoded.answers) {
      if (answer.prefixMismatch) report.prefixMismatch++;
      if (answer.ids.length > room) {
        answer.ids = answer.ids.slice(0, room);
        if (answer.lossMask) answer.lossMask = answer.lossMask.slice(0, room);
        report.cut++;
      }
    }
    const reference = row.reference === undefined ? {} : { reference: row.reference };
    const turns = messages === undefined ? {} : { messages };
    const base = { row: row.row, where: row.where, prompt, promptIds, conversational, ...turns, ...reference };
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

function encodeRow(row: DataRow, { tokenizer, allTurns = false }: TokenizeOptions, answers: 1 | 2): Encoded {
  if (answers === 2 && !row.kind.endsWith("pair")) {
    throw new UserError("the row has one response, expected chosen and rejected");
  }
  switch (row.kind) {
    case "ids":
      return encodeIds(row, tokenizer, ["response"], [row.responseIds]);
    case "ids_pair": {
      const sides = [row.chosenIds, row.rejectedIds].slice(0, answers);
      return encodeIds(row, tokenizer, ["chosen", "rejected"], sides);
    }
    case "text":
      return encodeText(required(tokenizer), row.prompt, [row.response]);
    case "text_pair":
      return encodeText(required(tokenizer), row.prompt, [row.chosen, row.rejected].slice(0, answers));
    case "chat":
      if (allTurns) return encodeAllTurns(required(tokenizer), row.prompt, row.response);
      return encodeChat(required(tokenizer), row.prompt, [row.response]);
    case "chat_pair":
      return encodeChat(required(tokenizer), row.prompt, [row.chosen, row.rejected].slice(0, answers));
  }
}

function required(tokenizer: Tokenizer | null): Tokenizer {
  if (tokenizer === null) throw new UserError("the row is text, and the model has no tokenizer.json");
  return tokenizer;
}

/** Takes ids as they are. Their texts are the row's own columns, if it has them, or else decoded from the ids. */
function encodeIds(
  row: DataRow & { promptIds: number[] },
  tokenizer: Tokenizer | null,
  keys: string[],
  sides: number[][],
): Encoded {
  const text = (key: string, ids: number[]): string => {
    const column = Object.hasOwn(row.extra, key) ? row.extra[key] : undefined;
    return typeof column === "string" ? column : tokenizer?.decode(ids, { skipSpecialTokens: true }) ?? "";
  };
  return {
    prompt: text("prompt", row.promptIds),
    promptIds: row.promptIds,
    conversational: false,
    answers: sides.map((ids, i) => ({ text: text(keys[i]!, ids), ids, prefixMismatch: false })),
  };
}

/** Encodes plain text: EOS is appended as text, and prompt and answer are tokenized together. */
function encodeText(tokenizer: Tokenizer, prompt: string, answers: readonly string[]): Encoded {
  const promptIds = requirePrompt(tokenizer.encode(prompt));
  const eos = tokenizer.eosToken ?? "";
  return {
    prompt,
    promptIds,
    conversational: false,
    answers: answers.map((text) => {
      const whole = prompt + (text.endsWith(eos) ? text : text + eos);
      return { text, ...rest(promptIds, tokenizer.encode(whole)) };
    }),
  };
}

/** Encodes a conversation. The template writes all special tokens, so the tokenizer adds none. */
function encodeChat(tokenizer: Tokenizer, prompt: readonly Message[], answers: readonly Message[][]): Encoded {
  const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
  const text = tokenizer.renderChat(prompt, { addGenerationPrompt: true });
  const promptIds = requirePrompt(encode(text));
  return {
    prompt: text,
    promptIds,
    conversational: true,
    messages: prompt,
    answers: answers.map((messages) => ({
      text: messages.map(({ content }) => content).join("\n"),
      ...rest(promptIds, encode(tokenizer.renderChat([...prompt, ...messages], { addGenerationPrompt: false }))),
    })),
  };
}

/** Encodes a conversation whose response begins at the first assistant turn, with the assistant's tokens marked. */
function encodeAllTurns(tokenizer: Tokenizer, prompt: readonly Message[], response: readonly Message[]): Encoded {
  const messages = [...prompt, ...response];
  const { promptIds, responseIds, lossMask, text, prefixMismatch } = encodeTurns(tokenizer, messages);
  const turns = messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
  return {
    prompt: text,
    promptIds: requirePrompt(promptIds),
    conversational: true,
    messages: prompt,
    answers: [{
      text: turns.join("\n"),
      ids: responseIds,
      prefixMismatch,
      ...(lossMask.includes(false) && { lossMask }),
    }],
  };
}

function requirePrompt(promptIds: number[]): number[] {
  if (promptIds.length === 0) throw new UserError("the prompt has no tokens, expected at least one");
  return promptIds;
}

/** The ids that follow the prompt in `whole`. If `whole` begins differently, TRL warns and slices all the same. */
function rest(promptIds: readonly number[], whole: readonly number[]): { ids: number[]; prefixMismatch: boolean } {
  return { ids: whole.slice(promptIds.length), prefixMismatch: promptIds.some((id, i) => whole[i] !== id) };
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
