/** Marks the tokens of a conversation that the assistant writes. @module */
import { UserError } from "../error.ts";
import type { ChatVariables } from "./formats/chat_variables.ts";
import type { Message } from "./formats/messages.ts";
import type { MarkedText } from "./tokenizer/chat_template.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** A conversation's ids, split before the assistant's first token; what follows its last token is left out. */
export interface EncodedTurns {
  /** The text before the assistant's first turn. */
  text: string;
  promptIds: number[];
  /** The ids from the assistant's first to its last one. */
  responseIds: number[];
  /** For each of `responseIds`, whether the assistant writes it. */
  lossMask: boolean[];
  /** Whether one of the assistant's turns begins within a token. */
  merged: boolean;
}

/**
 * Encodes a conversation and marks what the assistant writes. This is the text in the template's `{% generation %}`
 * blocks; a token that reaches into a block counts, as in transformers' return_assistant_tokens_mask. In a template
 * without such blocks, it is what the template writes for each assistant turn after the header that opens it, including
 * the turn's end. Throws a UserError if such a template writes a turn differently once others follow, or if no text is
 * the assistant's.
 */
export function encodeTurns(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  variables: ChatVariables = {},
): EncodedTurns {
  const { text, spans } = tokenizer.renderMarked(messages, { ...variables, keepText: true }) ??
    markTurns(tokenizer, messages, variables);
  const first = spans[0]?.[0];
  if (first === undefined) throw new UserError("the chat template writes nothing of an assistant, expected a turn");
  const encode = (part: string): number[] => tokenizer.encode(part, { addSpecialTokens: false });
  const ids = encode(text);
  const mask = ids.map(() => false);
  let merged = false;
  for (const [start, end] of spans) {
    const begin = boundary(ids, encode(text.slice(0, start)));
    const stop = boundary(ids, encode(text.slice(0, end)));
    merged ||= begin.isWithin;
    mask.fill(true, begin.tokens, stop.tokens + (stop.isWithin ? 1 : 0));
  }
  const from = mask.indexOf(true);
  const to = mask.lastIndexOf(true) + 1;
  return {
    text: text.slice(0, first),
    promptIds: from < 0 ? ids : ids.slice(0, from),
    responseIds: from < 0 ? [] : ids.slice(from, to),
    lossMask: from < 0 ? [] : mask.slice(from, to),
    merged,
  };
}

/**
 * The number of tokens that end at or before a place in the text, and whether a token reaches over that place. `before`
 * are the ids of the text up to there.
 */
function boundary(ids: readonly number[], before: readonly number[]): { tokens: number; isWithin: boolean } {
  const differs = before.findIndex((id, i) => id !== ids[i]);
  return differs < 0 ? { tokens: before.length, isWithin: false } : { tokens: differs, isWithin: true };
}

/** Finds the assistant's turns by rendering the conversation up to the beginning and the end of each. */
function markTurns(tokenizer: Tokenizer, messages: readonly Message[], variables: ChatVariables): MarkedText {
  const text = tokenizer.renderChat(messages, { ...variables, keepText: true, addGenerationPrompt: false });
  const spans = messages.flatMap(({ role }, i): MarkedText["spans"] => {
    if (role !== "assistant") return [];
    const before = tokenizer.renderChat(messages.slice(0, i), {
      ...variables,
      keepText: true,
      addGenerationPrompt: true,
    });
    const after = tokenizer.renderChat(messages.slice(0, i + 1), {
      ...variables,
      keepText: true,
      addGenerationPrompt: false,
    });
    if (text.startsWith(after) && after.startsWith(before)) return [[before.length, after.length]];
    throw new UserError(
      `the chat template writes turn ${i} differently alone and among the others, so that its tokens are not known, ` +
        "expected a template with {% generation %} blocks (data.chat_template)",
    );
  });
  return { text, spans };
}
