/** The tokens of a template as a parser takes them. @module */
import type { Token } from "./template_lexer.ts";
import { TemplateError } from "./template_limits.ts";

/** The most expressions or blocks within one another. */
const MAX_DEPTH = 100;

/** What is known of the filters and tests, so that an unknown one is told before anything is rendered. */
export interface KnownNames {
  filters: { has(name: string): boolean };
  tests: { has(name: string): boolean };
}

/** A place in the tokens. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** Whether what is parsed is only evaluated if a condition holds: then an unknown filter is told only when it is used. */
  isConditional = false;
  /** The names that were read, for macros. */
  readonly names: string[] = [];

  constructor(tokens: readonly Token[], readonly known: KnownNames) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#at]!;
  }

  get following(): Token {
    return this.#tokens[this.#at + 1] ?? this.current;
  }

  /** The tokens from the current one on. */
  *ahead(): Iterable<Token> {
    for (let at = this.#at; at < this.#tokens.length; at++) yield this.#tokens[at]!;
  }

  next(): Token {
    const token = this.current;
    if (token.type !== "eof") this.#at++;
    return token;
  }

  /** Whether the current token is of that type, and one of those values if any are given. */
  is(type: Token["type"], ...values: string[]): boolean {
    const { current } = this;
    return current.type === type && (values.length === 0 || values.includes(current.value));
  }

  /** Steps over the current token if it is that one. */
  skip(type: Token["type"], value: string): boolean {
    const isIt = this.is(type, value);
    if (isIt) this.next();
    return isIt;
  }

  expect(type: Token["type"], value?: string): Token {
    if (value === undefined ? this.is(type) : this.is(type, value)) return this.next();
    const wanted = value === undefined
      ? `a ${type}`
      : type === "end"
      ? (value === "{{" ? "'}}'" : "'%}'")
      : `'${value}'`;
    return this.fail(`expected ${wanted}, got ${this.describe()}`);
  }

  describe(): string {
    const { type, value } = this.current;
    if (type === "eof") return "the end of the template";
    if (type === "end") return value === "{{" ? "'}}'" : "'%}'";
    return type === "string" ? "a string" : `'${value.slice(0, 40)}'`;
  }

  fail(message: string, line: number = this.current.line): never {
    throw new TemplateError(`line ${line}: ${message}`);
  }

  /** Parses one level deeper. */
  nest<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.fail("it nests too deeply");
    const result = parse();
    this.#depth--;
    return result;
  }

  /** Parses with another value of `isConditional`. */
  under<T>(isConditional: boolean, parse: () => T): T {
    const before = this.isConditional;
    this.isConditional = isConditional;
    const result = parse();
    this.isConditional = before;
    return result;
  }
}
