/** The tokens of a row with their texts. @module */
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";

/** A token as it is trained on. */
export interface PreviewToken {
  /** Its id. */
  id: number;
  /** What it adds to the text; empty where a character needs tokens that follow. */
  text: string;
  /** Whether the loss counts it. */
  trained: boolean;
}

/** An answer's tokens. */
export interface AnswerTokens {
  /** Which answer it is. */
  name: "response" | "chosen" | "rejected";
  /** Its tokens, as far as it is not cut. */
  tokens: PreviewToken[];
  /** How many tokens it has without the cut. */
  uncut: number;
}

/** A prompt's tokens, and those of its answers. */
export interface RowTokens {
  /** The prompt's tokens, with the template's text. */
  prompt: PreviewToken[];
  /** The answers: one, or the chosen and the rejected one. */
  answers: AnswerTokens[];
}

/** The tokens of a prompt and its answers; without a tokenizer, a token's text is its id. */
export function sideTexts(
  tokenizer: Tokenizer | null,
  { promptIds, answers }: {
    promptIds: readonly number[];
    answers: readonly {
      name: AnswerTokens["name"];
      ids: readonly number[];
      lossMask?: readonly boolean[];
      uncut: number;
    }[];
  },
): RowTokens {
  return {
    prompt: textsOf(tokenizer, promptIds, []).map((text, i) => ({ id: promptIds[i]!, text, trained: false })),
    answers: answers.map(({ name, ids, lossMask, uncut }) => ({
      name,
      uncut,
      tokens: textsOf(tokenizer, ids, promptIds).map((text, i) => ({
        id: ids[i]!,
        text,
        trained: lossMask?.[i] ?? true,
      })),
    })),
  };
}

/** The character that the bytes of an unfinished character decode to. */
const REPLACEMENT = "\ufffd";

/** A character has at most four bytes, and a token at least one of them. */
const LOOKAHEAD = 4;

/**
 * The text that each token adds after the ids before it. A token that ends within a character has none, and the one that
 * ends the character has it all; end to end they are the text of all ids.
 */
function textsOf(tokenizer: Tokenizer | null, ids: readonly number[], after: readonly number[]): string[] {
  if (tokenizer === null) return ids.map((id) => `${id} `);
  const all = [...after, ...ids];
  const decode = (from: number, to: number): string => tokenizer.decode(all.slice(from, to));
  // Text was given out up to `given`; the ids from `context` on are decoded again, as a text may depend on those before.
  let [context, given] = [Math.max(0, after.length - LOOKAHEAD), after.length];
  return ids.map((_, i) => {
    const end = after.length + i + 1;
    const text = decode(context, end);
    const fresh = text.slice(decode(context, given).length);
    // Bytes that follow may make another character of these.
    const stays = (): boolean =>
      Array.from({ length: LOOKAHEAD }, (_, j) => end + 1 + j).some((next) =>
        next <= all.length && decode(context, next).startsWith(text)
      );
    if (end < all.length && (fresh === "" || fresh.endsWith(REPLACEMENT) || !stays())) return "";
    [context, given] = [given, end];
    return fresh;
  });
}
