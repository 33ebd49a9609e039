/** The ids of a text that continues another one, and the text of ids that do. @module */
import { UserError } from "../error.ts";
import { shortQuote } from "./formats/data_problems.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** A text, its ids, and a text that continues it. */
export interface Continuation {
  /** The text before, with special tokens if `addSpecialTokens` is false. */
  before: string;
  beforeIds: readonly number[];
  /** The whole text, which begins with `before`. */
  whole: string;
  /** Whether the tokenizer writes its special tokens around texts, which for a chat template's text it does not. */
  addSpecialTokens: boolean;
}

/** The ids of the continuation, and whether a token reaches over the border in the ids of the whole text. */
export interface ContinuedIds {
  ids: number[];
  merged: boolean;
}

/**
 * Texts that are put before a continuation when it is tokenized by itself. Some tokenizers write a space before a text's
 * first word, and none after another text. They are tried in turn.
 */
const LEADS = ["", "\n", ".", "a", "0", " "];

/**
 * The ids of a continuation. If the ids of the whole text begin with `beforeIds`, they are the rest; if a token reaches
 * over the border, they are those of the continuation by itself, so that `beforeIds` and they decode to the whole text.
 * Throws a UserError if there are no such ids.
 */
export function continuedIds(
  tokenizer: Tokenizer,
  { before, beforeIds, whole, addSpecialTokens }: Continuation,
): ContinuedIds {
  const joint = tokenizer.encode(whole, { addSpecialTokens });
  if (beginsWith(joint, beforeIds)) return { ids: joint.slice(beforeIds.length), merged: false };
  if (!whole.startsWith(before)) {
    throw new UserError(
      `the chat template writes the prompt differently before a response: its text ends with ${tail(before)}, and ` +
        `with the response it goes on otherwise after ${
          commonPrefix(before, whole)
        } characters, expected the same text`,
    );
  }
  const text = whole.slice(before.length);
  const ownIds = tokenizer.encode(before, { addSpecialTokens });
  // A normalizer may change the text. Ids that were given as ids need not be those of their text.
  const isOwn = ownIds.length === beforeIds.length && beginsWith(ownIds, beforeIds);
  const expected = isOwn ? tokenizer.decode(joint) : tokenizer.decode(beforeIds) + text;
  for (const lead of LEADS) {
    const leadIds = tokenizer.encode(lead, { addSpecialTokens: false });
    const ids = tokenizer.encode(lead + text, { addSpecialTokens: false });
    if (!beginsWith(ids, leadIds)) continue;
    const own = ids.slice(leadIds.length);
    if (tokenizer.decode([...beforeIds, ...own]) === expected) return { ids: own, merged: true };
  }
  const apart = tokenizer.decode([...beforeIds, ...tokenizer.encode(text, { addSpecialTokens: false })]);
  throw new UserError(
    `a token reaches from the prompt into the response, and their ids apart decode to ${tail(apart)}, ` +
      `expected ${tail(expected)}`,
  );
}

/** The ids that follow as many as `beforeIds` in the ids of the whole text, and those before, as TRL's SFT takes them. */
export function jointIds(
  tokenizer: Tokenizer,
  { beforeIds, whole, addSpecialTokens }: Continuation,
): ContinuedIds & { beforeIds: number[] } {
  const joint = tokenizer.encode(whole, { addSpecialTokens });
  const border = beforeIds.length;
  return { beforeIds: joint.slice(0, border), ids: joint.slice(border), merged: !beginsWith(joint, beforeIds) };
}

/** A prompt as far as the text of its answer depends on it. */
export interface AnsweredPrompt {
  promptIds: readonly number[];
  /** Whether a chat template wrote the prompt. */
  conversational: boolean;
}

/**
 * The text of an answer's ids without special tokens. The answer to a plain prompt begins as it does after the prompt,
 * with a space that some tokenizers leave out at a text's beginning; a turn of a conversation is a text of its own.
 */
export function answerText(tokenizer: Tokenizer, prompt: AnsweredPrompt, ids: readonly number[]): string {
  if (ids.length === 0) return "";
  const decode = (ids: readonly number[]): string => tokenizer.decode(ids, { skipSpecialTokens: true });
  if (prompt.conversational) return decode(ids);
  const before = decode(prompt.promptIds);
  const whole = decode([...prompt.promptIds, ...ids]);
  // Ids that end within a character have no text of their own.
  return whole.startsWith(before) ? whole.slice(before.length) : decode(ids);
}

function beginsWith(ids: readonly number[], start: readonly number[]): boolean {
  return start.every((id, i) => ids[i] === id);
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** The end of a text, quoted. */
function tail(text: string): string {
  return shortQuote(text.slice(-40));
}
