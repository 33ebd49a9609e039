/** Encodes one row, whatever its shape. @module */
import { UserError } from "../error.ts";
import { answerText, type Continuation, continuedIds, jointIds } from "./continuation.ts";
import { encodeTurns } from "./encode_turns.ts";
import type { ChatVariables } from "./formats/chat_variables.ts";
import { callsTools, type Message, messageText } from "./formats/messages.ts";
import type { DataRow } from "./parse_row.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** The ids of a row's prompt and of its answers. */
export interface EncodedRow {
  prompt: string;
  promptIds: number[];
  conversational: boolean;
  messages?: readonly Message[];
  /** What the template was given besides the messages. */
  variables?: ChatVariables;
  answers: { text: string; ids: number[]; merged: boolean; lossMask?: boolean[] }[];
}

/** How a row is encoded. */
export interface EncodeOptions {
  /** The model's tokenizer; null if it has none, since rows of token ids need none. */
  tokenizer: Tokenizer | null;
  /** Whether the response to a conversation begins at the first assistant turn instead of the last (default false). */
  allTurns?: boolean;
  /**
   * Whether a token that reaches from the prompt into the answer stays, and counts as the prompt's, as in TRL's SFT
   * (default false: prompt and answer keep the ids of their own texts, so that a pair's answers follow the same ids).
   */
  joint?: boolean;
}

/**
 * The ids that the chat template writes after the `eosId` that ends an assistant's turn, such as Qwen's newline. Empty
 * without a template, or if the template ends the turn with another token.
 */
export function templateTail(tokenizer: Tokenizer, eosId: number): number[] {
  if (!tokenizer.hasChatTemplate) return [];
  const prompt = [{ role: "user", content: "a" }];
  const { promptIds, answers: [answer] } = encodeChat(tokenizer, {
    prompt,
    answers: [[{ role: "assistant", content: "b" }]],
    joint: true,
    variables: {},
  });
  const ids = [...promptIds, ...answer!.ids];
  const at = ids.lastIndexOf(eosId);
  return at < promptIds.length ? [] : ids.slice(at + 1);
}

/**
 * The ids of a row with one answer or two; of a pair, one answer is the chosen one. Throws a UserError if the row has too
 * few answers or no ids.
 */
export function encodeRow(row: DataRow, options: EncodeOptions, answers: 1 | 2): EncodedRow {
  const { tokenizer, allTurns = false, joint = false } = options;
  const { variables = {} } = row;
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
      return encodeText(required(tokenizer), { prompt: row.prompt, answers: [row.response], joint });
    case "text_pair":
      return encodeText(required(tokenizer), {
        prompt: row.prompt,
        answers: [row.chosen, row.rejected].slice(0, answers),
        joint,
      });
    case "chat":
      if (allTurns) return encodeAllTurns(required(tokenizer), row);
      return encodeChat(required(tokenizer), { prompt: row.prompt, answers: [row.response], joint, variables });
    case "chat_pair":
      return encodeChat(required(tokenizer), {
        prompt: row.prompt,
        answers: [row.chosen, row.rejected].slice(0, answers),
        joint,
        variables,
      });
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
): EncodedRow {
  const { promptIds } = row;
  const column = (key: string): string | undefined => {
    const value = Object.hasOwn(row.extra, key) ? row.extra[key] : undefined;
    return typeof value === "string" ? value : undefined;
  };
  const text = (ids: number[]): string =>
    tokenizer === null ? "" : answerText(tokenizer, { promptIds, conversational: false }, ids);
  return {
    prompt: column("prompt") ?? tokenizer?.decode(promptIds, { skipSpecialTokens: true }) ?? "",
    promptIds,
    conversational: false,
    answers: sides.map((ids, i) => ({ text: column(keys[i]!) ?? text(ids), ids, merged: false })),
  };
}

/** A prompt and its answers, before they are tokenized. */
interface Unencoded<T> {
  prompt: T;
  answers: readonly T[];
  /** As in {@linkcode EncodeOptions}. */
  joint: boolean;
}

/** Encodes plain text: EOS is appended as text. */
function encodeText(tokenizer: Tokenizer, { prompt, answers, joint }: Unencoded<string>): EncodedRow {
  const promptIds = requirePrompt(tokenizer.encode(prompt));
  const eos = requireEos(tokenizer);
  const wholes = answers.map((text) => prompt + (text.endsWith(eos) ? text : text + eos));
  const shared = { before: prompt, beforeIds: promptIds, addSpecialTokens: true };
  const sides = joined(tokenizer, wholes.map((whole) => ({ ...shared, whole })), joint);
  return {
    prompt,
    promptIds: sides.beforeIds,
    conversational: false,
    answers: answers.map((text, i) => ({ text, ...sides.answers[i]! })),
  };
}

/** Encodes a conversation. The template writes all special tokens, so the tokenizer adds none. */
function encodeChat(
  tokenizer: Tokenizer,
  { prompt, answers, joint, variables }: Unencoded<readonly Message[]> & { variables: ChatVariables },
): EncodedRow {
  const text = tokenizer.renderChat(prompt, { ...variables, keepText: true, addGenerationPrompt: true });
  const promptIds = requirePrompt(tokenizer.encode(text, { addSpecialTokens: false }));
  const wholes = answers.map((turns) =>
    tokenizer.renderChat([...prompt, ...turns], { ...variables, keepText: true, addGenerationPrompt: false })
  );
  const shared = { before: text, beforeIds: promptIds, addSpecialTokens: false };
  const sides = joined(tokenizer, wholes.map((whole) => ({ ...shared, whole })), joint);
  return {
    prompt: text,
    promptIds: sides.beforeIds,
    conversational: true,
    messages: prompt,
    variables,
    answers: answers.map((turns, i) => ({
      text: turnsText(tokenizer, turns, sides.answers[i]!.ids),
      ...sides.answers[i]!,
    })),
  };
}

/** The text of an answer. A call of a tool has the text that the template writes, as a generated one has. */
function turnsText(tokenizer: Tokenizer, turns: readonly Message[], ids: readonly number[]): string {
  if (!turns.some(callsTools)) return turns.map(messageText).join("\n");
  const end = tokenizer.eosId === null ? -1 : ids.lastIndexOf(tokenizer.eosId);
  return tokenizer.decode(end < 0 ? ids : ids.slice(0, end), { skipSpecialTokens: true });
}

/** The ids of answers to one prompt, and those before them. Only a single answer can be joint. */
function joined(
  tokenizer: Tokenizer,
  answers: readonly Continuation[],
  joint: boolean,
): { beforeIds: number[]; answers: { ids: number[]; merged: boolean }[] } {
  if (joint) {
    const { beforeIds, ...answer } = jointIds(tokenizer, answers[0]!);
    return { beforeIds, answers: [answer] };
  }
  return { beforeIds: [...answers[0]!.beforeIds], answers: answers.map((answer) => continuedIds(tokenizer, answer)) };
}

/** Encodes a conversation whose response begins at the first assistant turn, with the assistant's tokens marked. */
function encodeAllTurns(
  tokenizer: Tokenizer,
  { prompt, response, variables = {} }: { prompt: Message[]; response: Message[]; variables?: ChatVariables },
): EncodedRow {
  const messages = [...prompt, ...response];
  const { promptIds, responseIds, lossMask, text, merged } = encodeTurns(tokenizer, messages, variables);
  const turns = messages.filter(({ role }) => role === "assistant");
  return {
    prompt: text,
    promptIds: requirePrompt(promptIds),
    conversational: true,
    messages: prompt,
    variables,
    answers: [{
      text: turnsText(tokenizer, turns, responseIds),
      ids: responseIds,
      merged,
      ...(lossMask.includes(false) && { lossMask }),
    }],
  };
}

/** The text that ends a response. Throws a UserError if there is none, or if the tokenizer would not read it as such. */
function requireEos(tokenizer: Tokenizer): string {
  const { eosToken, eosId } = tokenizer;
  if (eosToken === null) {
    throw new UserError(
      "the tokenizer names no end-of-sequence token, with which a response to plain text ends, expected " +
        '"eos_token" in tokenizer_config.json or "eos_token_id" in config.json',
    );
  }
  const ids = tokenizer.encode(`a${eosToken}`, { addSpecialTokens: false });
  if (ids.at(-1) !== eosId) {
    throw new UserError(
      `the end-of-sequence token ${JSON.stringify(eosToken)} after a text is read as the ids [${ids}], expected the ` +
        `last one to be ${eosId} (is it "normalized" in tokenizer.json's added_tokens?)`,
    );
  }
  return eosToken;
}

function requirePrompt(promptIds: number[]): number[] {
  if (promptIds.length === 0) throw new UserError("the prompt has no tokens, expected at least one");
  return promptIds;
}
