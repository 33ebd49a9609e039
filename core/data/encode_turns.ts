/** Which tokens of a conversation the assistant writes. @module */
import { UserError } from "../error.ts";
import type { Message } from "./formats/messages.ts";
import type { MarkedText } from "./tokenizer/chat_template.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** A conversation's ids, cut before the first token that is the assistant's. */
export interface EncodedTurns {
  /** The text before the assistant's first turn. */
  text: string;
  promptIds: number[];
  /** Ids up to the assistant's last one. */
  responseIds: number[];
  /** Of each of them, whether it is the assistant's. */
  lossMask: boolean[];
  /** Whether a turn begins within a token. */
  prefixMismatch: boolean;
}

/**
 * Encodes a conversation and marks what the assistant writes: what stands in the template's `{% generation %}` blocks (a
 * token that reaches into one counts, as transformers' return_assistant_tokens_mask has it), or, of a template without
 * them, what it writes of each turn after the header that opens it, the turn's end included. Throws a UserError where such
 * a template writes a turn differently once others follow, or where nothing is the assistant's.
 */
export function encodeTurns(tokenizer: Tokenizer, messages: readonly Message[]): EncodedTurns {
  const { text, spans } = tokenizer.renderMarked(messages) ?? markTurns(tokenizer, messages);
  const first = spans[0]?.[0];
  if (first === undefined) throw new UserError("the chat template writes nothing of an assistant, expected a turn");
  const encode = (part: string): number[] => tokenizer.encode(part, { addSpecialTokens: false });
  const ids = encode(text);
  const mask = ids.map(() => false);
  let prefixMismatch = false;
  for (const [start, end] of spans) {
    const begin = boundary(ids, encode(text.slice(0, start)));
    const stop = boundary(ids, encode(text.slice(0, end)));
    prefixMismatch ||= begin.isWithin;
    mask.fill(true, begin.tokens, stop.tokens + (stop.isWithin ? 1 : 0));
  }
  const from = mask.indexOf(true);
  const to = mask.lastIndexOf(true) + 1;
  return {
    text: text.slice(0, first),
    promptIds: from < 0 ? ids : ids.slice(0, from),
    responseIds: from < 0 ? [] : ids.slice(from, to),
    lossMask: from < 0 ? [] : mask.slice(from, to),
    prefixMismatch,
  };
}

/** Tokens that end before a place in the text, whose text up to there has the ids `before`; and whether one reaches over it. */
function boundary(ids: readonly number[], before: readonly number[]): { tokens: number; isWithin: boolean } {
  const differs = before.findIndex((id, i) => id !== ids[i]);
  return differs < 0 ? { tokens: before.length, isWithin: false } : { tokens: differs, isWithin: true };
}

/** The assistant's turns by rendering the conversation up to each of them. */
function markTurns(tokenizer: Tokenizer, messages: readonly Message[]): MarkedText {
  const text = tokenizer.renderChat(messages, { addGenerationPrompt: false });
  const spans = messages.flatMap(({ role }, i): MarkedText["spans"] => {
    if (role !== "assistant") return [];
    const before = tokenizer.renderChat(messages.slice(0, i), { addGenerationPrompt: true });
    const after = tokenizer.renderChat(messages.slice(0, i + 1), { addGenerationPrompt: false });
    if (text.startsWith(after) && after.startsWith(before)) return [[before.length, after.length]];
    throw new UserError(
      `the chat template writes turn ${i} differently alone and among the others, so that its tokens are not known, ` +
        "expected a template with {% generation %} blocks (data.chat_template)",
    );
  });
  return { text, spans };
}
