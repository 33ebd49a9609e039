/** The decoders: they make a text of tokens. @module */
import type { JsonValue } from "../formats/json_rows.ts";
import { LETTER_BYTES } from "./byte_letters.ts";
import { metaspaceOptions } from "./pre_tokenizers.ts";
import { checkGrowth, longestText } from "./text_growth.ts";
import { replacerOf } from "./text_pattern.ts";
import { partsOf, type TokenizerPart } from "./tokenizer_part.ts";

/** Changes tokens. Throws an Error if a text would be longer than `limit`. */
type DecodeStep = (tokens: string[], limit: number) => string[];

/** One for each type of decoder. */
const DECODERS: Readonly<Record<string, (part: TokenizerPart) => DecodeStep>> = {
  BPEDecoder: (part) => {
    const suffix = part.text("suffix");
    return (tokens, limit) =>
      tokens.map((token, i) => replaced(token, suffix, { content: i === tokens.length - 1 ? "" : " ", limit }));
  },
  ByteFallback: () => decodeByteTokens,
  ByteLevel: () => decodeByteLetters,
  CTC: readCtc,
  Fuse: () => (tokens) => [tokens.join("")],
  Metaspace: (part) => {
    const { replacement, scheme } = metaspaceOptions(part);
    return (tokens) =>
      tokens.map((token, i) => token.replaceAll(replacement, i === 0 && scheme !== "never" ? "" : " "));
  },
  Replace: (part) => {
    const replace = replacerOf(part);
    return (tokens, limit) => tokens.map((token) => replace(token, limit));
  },
  Strip: (part) => {
    const content = part.char("content");
    const start = part.count("start");
    const stop = part.count("stop");
    return (tokens) => tokens.map((token) => stripped(token, { content, start, stop }));
  },
  WordPiece: (part) => {
    const prefix = part.text("prefix");
    const cleans = part.flag("cleanup");
    return (tokens) =>
      tokens.map((token, i) => {
        const text = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
        return cleans ? cleanUp(text) : text;
      });
  },
};

/**
 * The decoders of a tokenizer.json as a function of tokens; without one, tokens are words. Throws a UserError for what
 * is not supported.
 */
export function readDecoder(json: JsonValue | undefined): (tokens: string[]) => string {
  const parts = partsOf(json, { key: "decoder", list: "decoders", types: Object.keys(DECODERS) });
  if (json === undefined || json === null) return (tokens) => tokens.join(" ");
  const steps = parts.map((part) => DECODERS[part.type]!(part));
  return (tokens) => {
    const limit = longestText(lengthOf(tokens));
    for (const step of steps) {
      tokens = step(tokens, limit);
      checkGrowth(lengthOf(tokens), limit);
    }
    return tokens.join("");
  };
}

function lengthOf(tokens: readonly string[]): number {
  let length = 0;
  for (const token of tokens) length += token.length;
  return length;
}

/** Tokens such as `<0x0A>`, side by side, become the characters whose bytes they are. */
function decodeByteTokens(tokens: string[]): string[] {
  const result: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    const text = decodeStrictly(Uint8Array.from(bytes));
    if (text !== null) result.push(text);
    else for (let i = 0; i < bytes.length; i++) result.push("\ufffd");
    bytes = [];
  };
  for (const token of tokens) {
    // Rust reads a sign before a digit, too.
    const digits = /^<0x([\dA-Fa-f]{2}|\+[\dA-Fa-f])>$/.exec(token)?.[1];
    if (digits !== undefined) bytes.push(parseInt(digits, 16));
    else {
      flush();
      result.push(token);
    }
  }
  flush();
  return result;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

function decodeStrictly(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** The letters of bytes become one text; a token with any other character stands for itself. */
function decodeByteLetters(tokens: string[]): string[] {
  const bytes: number[] = [];
  for (const token of tokens) {
    const from = bytes.length;
    for (let i = 0; i < token.length; i++) {
      const byte = LETTER_BYTES[token.charCodeAt(i)] ?? -1;
      if (byte === -1) {
        bytes.length = from;
        for (const each of encoder.encode(token)) bytes.push(each);
        break;
      }
      bytes.push(byte);
    }
  }
  return [lossy.decode(Uint8Array.from(bytes))];
}

function readCtc(part: TokenizerPart): DecodeStep {
  const pad = part.text("pad_token");
  const delimiter = part.text("word_delimiter_token");
  const cleans = part.flag("cleanup");
  return (tokens, limit) => {
    const result: string[] = [];
    for (const [i, token] of tokens.entries()) {
      if (i > 0 && token === tokens[i - 1]) continue;
      let text = replaced(token, pad, { content: "", limit });
      if (cleans) text = replaced(cleanUp(text), delimiter, { content: " ", limit });
      if (text !== "") result.push(text);
    }
    return result;
  };
}

/** Replaces a text wherever it stands; the empty one is before and after each character. */
function replaced(text: string, pattern: string, { content, limit }: { content: string; limit: number }): string {
  if (pattern !== "") return text.replaceAll(pattern, () => content);
  const chars = [...text];
  checkGrowth(text.length + (chars.length + 1) * content.length, limit);
  return content + chars.map((char) => char + content).join("");
}

function stripped(text: string, { content, start, stop }: { content: string; start: number; stop: number }): string {
  const chars = [...text];
  let from = 0;
  while (from < start && chars[from] === content) from++;
  let to = chars.length;
  while (chars.length - to < stop && to > 0 && chars[to - 1] === content) to--;
  return chars.slice(from, Math.max(from, to)).join("");
}

const CLEANED: readonly [string, string][] = [
  ...[[" .", "."], [" ?", "?"], [" !", "!"], [" ,", ","], [" ' ", "'"], [" n't", "n't"], [" 'm", "'m"]] as const,
  ...[[" do not", " don't"], [" 's", "'s"], [" 've", "'ve"], [" 're", "'re"]] as const,
].map(([from, to]) => [from, to]);

/** Takes out the spaces that English has not. */
function cleanUp(text: string): string {
  return CLEANED.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}
