/** Reads a value that Python writes: `ast.literal_eval`, with which lm-eval reads what a template has made. @module */
import { JsonFloat, type JsonObject, type JsonValue } from "../data/formats/json_numbers.ts";
import { SPACE } from "../data/tokenizer/template/python_strings.ts";
import { escapedText } from "../data/tokenizer/template/text_literal.ts";

const TOKEN = new RegExp(
  `[${SPACE}]*(?:([[\\](){}:,])|(True|False|None)\\b|([-+]?(?:\\d+\\.\\d*|\\.\\d+|\\d+(?=[eE]))(?:[eE][-+]?\\d+)?)` +
    `|([-+]?\\d+)|('(?:[^'\\\\\\n]|\\\\[^])*'|"(?:[^"\\\\\\n]|\\\\[^])*"))`,
  "y",
);

const WORDS: Readonly<Record<string, JsonValue>> = { True: true, False: false, None: null };
const MAX_DEPTH = 100;

/**
 * The value of a literal of Python: texts, numbers, True, False, None, and lists, tuples (as lists) and dictionaries with
 * texts as keys. Throws a SyntaxError for anything else.
 */
export function parseLiteral(text: string): JsonValue {
  const reader = new LiteralReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.replace(new RegExp(`[${SPACE}]+$`), "");
    // As in Python, white space before a literal is taken, but no line ends.
    this.#at = /^[ \t]*/.exec(text)![0].length;
  }

  end(): void {
    if (this.#at < this.#text.length) throw this.#error();
  }

  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) throw new SyntaxError("it nests too deeply");
    const { bracket, word, float, int, string } = this.#token();
    if (word !== undefined) return WORDS[word]!;
    if (float !== undefined) return Number.isInteger(Number(float)) ? new JsonFloat(floatSource(float)) : Number(float);
    if (int !== undefined) return this.#int(int);
    if (string !== undefined) return this.#string(string);
    if (bracket === "[") return this.#items("]", depth).items;
    if (bracket === "{") return this.#dict(depth);
    if (bracket !== "(") throw this.#error();
    const { items, commas } = this.#items(")", depth);
    return items.length === 1 && commas === 0 ? items[0]! : items;
  }

  #int(source: string): JsonValue {
    if (/^[-+]?0\d*[1-9]/.test(source)) throw new SyntaxError(`${source} begins with 0`);
    const value = Number(source);
    return Number.isSafeInteger(value) ? value : BigInt(source);
  }

  /** A text, joined with those that follow it directly. */
  #string(first: string): string {
    let text = escapedText(first.slice(1, -1));
    for (;;) {
      const at = this.#at;
      const { string } = this.#at < this.#text.length ? this.#token() : {};
      if (string === undefined) {
        this.#at = at;
        return text;
      }
      text += escapedText(string.slice(1, -1));
    }
  }

  #items(close: string, depth: number): { items: JsonValue[]; commas: number } {
    const items: JsonValue[] = [];
    let commas = 0;
    while (!this.#skip(close)) {
      if (items.length > commas) throw this.#error();
      items.push(this.value(depth + 1));
      if (this.#skip(",")) commas++;
    }
    return { items, commas };
  }

  #dict(depth: number): JsonObject {
    const entries: [string, JsonValue][] = [];
    let isOpen = true;
    while (!this.#skip("}")) {
      if (!isOpen) throw this.#error();
      const key = this.value(depth + 1);
      if (typeof key !== "string" || !this.#skip(":")) throw this.#error();
      entries.push([key, this.value(depth + 1)]);
      isOpen = this.#skip(",");
    }
    return Object.fromEntries(entries);
  }

  #skip(bracket: string): boolean {
    const at = this.#at;
    if (at < this.#text.length && this.#token().bracket === bracket) return true;
    this.#at = at;
    return false;
  }

  #token(): { bracket?: string; word?: string; float?: string; int?: string; string?: string } {
    TOKEN.lastIndex = this.#at;
    const found = TOKEN.exec(this.#text);
    if (found === null) throw this.#error();
    this.#at = TOKEN.lastIndex;
    const [, bracket, word, float, int, string] = found;
    return {
      ...(bracket !== undefined && { bracket }),
      ...(word !== undefined && { word }),
      ...(float !== undefined && { float }),
      ...(int !== undefined && { int }),
      ...(string !== undefined && { string }),
    };
  }

  #error(): SyntaxError {
    return new SyntaxError(`expected a value of Python at character ${this.#at}`);
  }
}

/** A float as JSON writes it, which has digits on both sides of the point. */
function floatSource(source: string): string {
  return source.replace(/^\+/, "").replace(/^(-?)\./, "$10.").replace(/\.(?!\d)/, ".0");
}
