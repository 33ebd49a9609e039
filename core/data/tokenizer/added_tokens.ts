/** Tokens that were added to a vocabulary: they are found in a text before anything else is. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { shortQuote } from "../formats/data_problems.ts";
import type { JsonValue } from "../formats/json_rows.ts";
import type { Normalize } from "./normalizers.ts";
import { PairTable } from "./pair_table.ts";
import { longestText } from "./text_growth.ts";
import { isSpace, isWord } from "./unicode_sets.ts";

/** The longest added token, in characters. */
const MAX_TOKEN = 1024;

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
      if (typeof content !== "string" || content.length > MAX_TOKEN) {
        throw new UserError(`"added_tokens[${i}].content" is longer than ${MAX_TOKEN} characters`);
      }
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
  /** The tokens as a tree of their UTF-16 units: nodes by node and unit, from the root 0. */
  readonly #children: PairTable;
  readonly #ends: (AddedToken | null)[] = [null];
  readonly #begins = new Uint8Array(1 << 16);

  constructor(tokens: readonly AddedToken[]) {
    this.#children = new PairTable(8 * tokens.length);
    for (const token of tokens) {
      if (token.text === "") {
        throw new UserError(`the added token ${shortQuote(token.content)} is normalized to nothing`);
      }
      let node = 0;
      for (let i = 0; i < token.text.length; i++) {
        const unit = token.text.charCodeAt(i);
        let child = this.#children.get(node, unit);
        if (child === -1) {
          child = this.#ends.push(null) - 1;
          this.#children.set(node, unit, child);
        }
        node = child;
      }
      const other = this.#ends[node];
      if (other) {
        const both = [other, token].map(({ content }) => shortQuote(content)).join(" and ");
        throw new UserError(`the added tokens ${both} are normalized to the same text`);
      }
      this.#ends[node] = token;
      this.#begins[token.text.charCodeAt(0)] = 1;
    }
  }

  cut(text: string): FoundPart[] {
    const parts: FoundPart[] = [];
    let from = 0;
    const take = (start: number, end: number): void => {
      if (start < end) parts.push({ text: text.slice(start, end), start });
    };
    for (let at = 0; at < text.length;) {
      const token = this.#begins[text.charCodeAt(at)] === 1 ? this.#longestAt(text, at) : null;
      if (token === null) {
        at++;
        continue;
      }
      let start = at;
      let end = at + token.text.length;
      at = end;
      if (token.singleWord && (isWordBefore(text, start) || isWordAt(text, end))) continue;
      if (token.lstrip) {
        while (start > 0 && isSpace(text.charCodeAt(start - 1))) start--;
        start = Math.max(start, from);
      }
      if (token.rstrip) { while (end < text.length && isSpace(text.charCodeAt(end))) end++; }
      take(from, start);
      parts.push({ id: token.id });
      from = end;
    }
    take(from, text.length);
    return parts;
  }

  #longestAt(text: string, at: number): AddedToken | null {
    let found: AddedToken | null = null;
    let node = 0;
    while (at < text.length) {
      node = this.#children.get(node, text.charCodeAt(at++));
      if (node === -1) break;
      found = this.#ends[node] ?? found;
    }
    return found;
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
