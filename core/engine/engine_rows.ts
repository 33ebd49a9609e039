/** Rows that a program gives to the engine, which are read like those of a data set. @module */
import type { JsonValue } from "../data/formats/json_rows.ts";
import type { Message } from "../data/formats/messages.ts";
import { type DataRow, parseRow } from "../data/parse_row.ts";
import { templateTail, tokenizeExamples, tokenizePairs } from "../data/tokenize_rows.ts";
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

/** The ids of a prompt. Throws a UserError if it has none, or the model has no tokenizer for it. */
export function promptIds({ tokenizer, config }: LanguageModel, prompt: Prompt): number[] {
  const ids = isIds(prompt) ? [...prompt] : encode();
  if (ids.length === 0) throw new UserError("Cannot use a prompt: it has no tokens, expected at least one");
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < config.vocabSize));
  if (bad !== undefined) {
    throw new UserError(`Cannot use a prompt: token id is ${bad}, expected 0 to ${config.vocabSize - 1}`);
  }
  return ids;

  function encode(): number[] {
    if (tokenizer === null) {
      throw new UserError("Cannot use a prompt of text: the model has no tokenizer.json, expected token ids");
    }
    if (typeof prompt === "string") return tokenizer.encode(prompt);
    const text = tokenizer.renderChat(prompt as Message[], { addGenerationPrompt: true });
    return tokenizer.encode(text, { addSpecialTokens: false });
  }
}

function isIds(prompt: Prompt): prompt is readonly number[] {
  return typeof prompt !== "string" && (prompt.length === 0 || typeof prompt[0] === "number");
}

/** The ids that the chat template writes after `eosId`; none unless the prompt is a conversation. */
export function tailOf({ tokenizer }: LanguageModel, prompt: Prompt, eosId: number): number[] {
  if (tokenizer === null || typeof prompt === "string" || isIds(prompt)) return [];
  return templateTail(tokenizer, eosId);
}

/** Reads rows with one answer; of a pair, that is the chosen one. Throws a UserError naming a malformed row. */
export function exampleIds(model: LanguageModel, rows: readonly Row[], maxLength: number | null): ExampleIds[] {
  const { examples } = tokenizeExamples(parse(rows), { ...tokenizing(model), maxLength });
  return examples.map(({ row: example, promptIds, responseIds, lossMask }) => ({
    example,
    promptIds,
    responseIds,
    ...(lossMask && { lossMask }),
  }));
}

/** Reads rows of pairs. Throws a UserError naming a malformed row. */
export function pairIds(model: LanguageModel, rows: readonly Row[], maxLength: number | null): PairIds[] {
  const { pairs } = tokenizePairs(parse(rows), { ...tokenizing(model), maxLength });
  return pairs.map(({ row: example, promptIds, chosenIds, rejectedIds }) => ({
    example,
    promptIds,
    chosenIds,
    rejectedIds,
  }));
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
