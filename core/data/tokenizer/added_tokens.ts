/** Tokens that were added to a vocabulary: they are found in a text before anything else is. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { shortQuote } from "../formats/data_problems.ts";
import type { JsonValue } from "../formats/json_rows.ts";
import type { Normalize } from "./normalizers.ts";
import { longestText } from "./text_growth.ts";
import { TokenTree } from "./token_tree.ts";
import { isSpace, isWord } from "./unicode_sets.ts";

/** A token, found as `text`, which is its normalized form if it is normalized. */
interface AddedToken {
  id: number;
  content: string;
  text: string;
  singleWord: boolean;
  lstrip: boolean;
  rstrip: boolean;
  normalized: boolean;
  special: boolean;
}

/** A part of a text: an added token's id, or text without added tokens. */
export type FoundPart = { id: number } | { text: string; start: number };

/** The added tokens of a tokenizer. */
export class AddedTokens {
  /** Ids by content. */
  readonly ids = new Map<string, number>();
  /** Texts by id, as they are decoded. */
  readonly texts = new Map<number, string>();
  /** The contents of special tokens. */
  readonly special = new Set<string>();
  readonly #plain: TokenSearch;
  readonly #normalized: TokenSearch;

  /**
   * Reads checked `added_tokens`. Throws a UserError if two cannot be told apart, or if one has another id than Rust's
   * library would give it: that of the vocabulary, or the next free one.
   */
  constructor(
    json: readonly JsonValue[],
    { vocab, normalize }: { vocab: ReadonlyMap<string, number>; normalize: Normalize | null },
  ) {
    const tokens = new Map<number, AddedToken>();
    let next = vocab.size;
    for (const [i, value] of json.entries()) {
      const { id, content, ...flags } = isRecord(value) ? value : {};
      if (typeof content !== "string") throw new UserError(`"added_tokens[${i}].content" is no text`);
      const expected = this.ids.get(content) ?? vocab.get(content) ?? next++;
      if (id !== expected) {
        throw new UserError(`"added_tokens[${i}]" gives ${shortQuote(content)} the id ${id}, expected ${expected}`);
      }
      const isNormalized = flags.normalized === true;
      const text = isNormalized && normalize ? normalize(content, longestText(content.length)) : content;
      this.ids.set(content, expected);
      this.texts.set(expected, text);
      if (flags.special === true) this.special.add(content);
      tokens.set(expected, {
        id: expected,
        content,
        text,
        singleWord: flags.single_word === true,
        lstrip: flags.lstrip === true,
        rstrip: flags.rstrip === true,
        normalized: isNormalized,
        special: flags.special === true,
      });
    }
    this.#plain = new TokenSearch([...tokens.values()].filter(({ normalized }) => !normalized));
    this.#normalized = new TokenSearch([...tokens.values()].filter(({ normalized }) => normalized));
  }

  /** Cuts a text at tokens that are not normalized. */
  cutPlain(text: string): FoundPart[] {
    return this.#plain.cut(text);
  }

  /** Cuts a normalized text at the others. */
  cutNormalized(text: string): FoundPart[] {
    return this.#normalized.cut(text);
  }
}

/** Finds tokens in texts: the leftmost first, of several at one place the longest. */
class TokenSearch {
  readonly #tree: TokenTree;
  readonly #tokens = new Map<number, AddedToken>();
  readonly #begins = new Uint8Array(1 << 16);

  constructor(tokens: readonly AddedToken[]) {
    this.#tree = new TokenTree(4 * tokens.length);
    const contents = new Map<string, string>();
    for (const { id, text, content } of tokens) {
      if (text === "") throw new UserError(`the added token ${shortQuote(content)} is normalized to nothing`);
      const other = contents.get(text);
      if (other !== undefined) {
        const both = [other, content].map(shortQuote).join(" and ");
        throw new UserError(`the added tokens ${both} are normalized to the same text`);
      }
      contents.set(text, content);
      this.#tree.add(text, id);
      this.#begins[text.charCodeAt(0)] = 1;
    }
    for (const token of tokens) this.#tokens.set(token.id, token);
  }

  cut(text: string): FoundPart[] {
    const parts: FoundPart[] = [];
    let from = 0;
    const take = (start: number, end: number): void => {
      if (start < end) parts.push({ text: text.slice(start, end), start });
    };
    for (let at = 0; at < text.length;) {
      const found = this.#begins[text.charCodeAt(at)] === 1 ? this.#tree.longestAt(text, at) : null;
      const token = found && this.#tokens.get(found.id);
      if (!token) {
        at++;
        continue;
      }
      let start = at;
      let { end } = found;
      at = end;
      if (token.singleWord && (isWordBefore(text, start) || isWordAt(text, end))) continue;
      if (token.lstrip) {
        while (start > 0 && isSpace(text.charCodeAt(start - 1))) start--;
        start = Math.max(start, from);
      }
      if (token.rstrip) { while (end < text.length && isSpace(text.charCodeAt(end))) end++; }
      take(from, start);
      // White space that the token before has taken is no token again.
      if (start < end) parts.push({ id: token.id });
      from = end;
    }
    take(from, text.length);
    return parts;
  }
}

function isWordAt(text: string, at: number): boolean {
  return at < text.length && isWord(text.codePointAt(at)!);
}

function isWordBefore(text: string, at: number): boolean {
  if (at === 0) return false;
  const unit = text.charCodeAt(at - 1);
  return isWord(unit >= 0xdc00 && unit <= 0xdfff && at > 1 ? text.codePointAt(at - 2)! : unit);
}
