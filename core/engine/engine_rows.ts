/** Rows that a program gives to the engine, which are read like those of a data set. @module */
import { templateTail } from "../data/encode_row.ts";
import type { JsonValue } from "../data/formats/json_rows.ts";
import type { Message } from "../data/formats/messages.ts";
import { type DataRow, parseRow } from "../data/parse_row.ts";
import { tokenizeExamples, tokenizePairs, type TokenizeReport } from "../data/tokenize_rows.ts";
import { UserError } from "../error.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import type { LanguageModel } from "./language_model.ts";

/** A prompt: text that is continued, the turns of a conversation that is answered, or token ids. */
export type Prompt = string | readonly Message[] | readonly number[];

/**
 * A row of any shape that a data set may have: `{prompt, response}`, `{prompt, chosen, rejected}`, `{messages}`,
 * `{prompt_ids, response_ids}`, …
 */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The ids of a prompt, fewer than `maxLength`, so that there is room for an answer. Throws a UserError naming the prompt
 * as `where` if it has no ids or too many, or if the model has no tokenizer for it.
 */
export function promptIds(
  { tokenizer, config }: LanguageModel,
  prompt: Prompt,
  { where, maxLength }: { where: string; maxLength: number },
): number[] {
  const ids = isIds(prompt) ? [...prompt] : encode();
  if (ids.length === 0) throw new UserError(`Cannot answer ${where}: it has no tokens, expected at least one`);
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < config.vocabSize));
  if (bad !== undefined) {
    throw new UserError(`Cannot answer ${where}: token id is ${bad}, expected 0 to ${config.vocabSize - 1}`);
  }
  if (ids.length >= maxLength) {
    throw new UserError(`Cannot answer ${where}: it has ${ids.length} tokens, expected less than ${maxLength}`);
  }
  return ids;

  function encode(): number[] {
    if (tokenizer === null) {
      throw new UserError(
        `Cannot answer ${where}: it is text, and the model has no tokenizer.json, expected token ids`,
      );
    }
    if (typeof prompt === "string") return tokenizer.encode(prompt);
    const text = tokenizer.renderChat(prompt as Message[], { addGenerationPrompt: true });
    return tokenizer.encode(text, { addSpecialTokens: false });
  }
}

/** Whether a prompt is answered by a turn of its own, not continued. */
export function isConversation(prompt: Prompt): prompt is readonly Message[] {
  return typeof prompt !== "string" && !isIds(prompt);
}

function isIds(prompt: Prompt): prompt is readonly number[] {
  return typeof prompt !== "string" && (prompt.length === 0 || typeof prompt[0] === "number");
}

/** The ids that the chat template writes after `eosId`; none unless the prompt is a conversation. */
export function tailOf({ tokenizer }: LanguageModel, prompt: Prompt, eosId: number): number[] {
  if (tokenizer === null || !isConversation(prompt)) return [];
  return templateTail(tokenizer, eosId);
}

/**
 * Reads rows with one answer; of a pair, that is the chosen one. With `joint`, a token that reaches from the prompt into
 * the answer stays, as in the trainer's `sft`. Throws a UserError naming a malformed row.
 */
export function exampleIds(
  model: LanguageModel,
  rows: readonly Row[],
  { maxLength, joint }: { maxLength: number | null; joint: boolean },
): ExampleIds[] {
  const { examples, report } = tokenizeExamples(parse(rows), { ...tokenizing(model), maxLength, joint });
  requireAll(examples, { report, maxLength });
  return examples.map(({ row: example, promptIds, responseIds, lossMask }) => ({
    example,
    promptIds,
    responseIds,
    ...(lossMask && { lossMask }),
  }));
}

/** Reads rows of pairs. Throws a UserError naming a malformed row. */
export function pairIds(model: LanguageModel, rows: readonly Row[], maxLength: number | null): PairIds[] {
  const { pairs, report } = tokenizePairs(parse(rows), { ...tokenizing(model), maxLength });
  requireAll(pairs, { report, maxLength });
  return pairs.map(({ row: example, promptIds, chosenIds, rejectedIds }) => ({
    example,
    promptIds,
    chosenIds,
    rejectedIds,
  }));
}

/** Throws a UserError naming the first row that was dropped: a program's rows keep their places. */
function requireAll(
  kept: readonly { row: number }[],
  { report, maxLength }: { report: TokenizeReport; maxLength: number | null },
): void {
  if (report.kept === report.rows) return;
  const first = kept.findIndex(({ row }, i) => row !== i);
  const reasons = [
    report.promptTooLong > 0 ? `its prompt alone reaches max_length ${maxLength}` : "",
    report.emptyResponse > 0 ? "its response has no tokens" : "",
  ].filter((reason) => reason !== "");
  throw new UserError(
    `Cannot use rows[${first < 0 ? kept.length : first}]: ${reasons.join(", or ")}, expected rows without it`,
  );
}

function tokenizing({ tokenizer, config }: LanguageModel): Pick<LanguageModel, "tokenizer"> & { vocabSize: number } {
  return { tokenizer, vocabSize: config.vocabSize };
}

function parse(rows: readonly Row[]): DataRow[] {
  return rows.map((value, row): DataRow => {
    const where = `rows[${row}]`;
    try {
      const { shape: _, ...fields } = parseRow(value as JsonValue);
      return { ...fields, row, where };
    } catch (error) {
      if (error instanceof UserError) throw new UserError(`Cannot read ${where}: ${error.message}`);
      throw error;
    }
  });
}
