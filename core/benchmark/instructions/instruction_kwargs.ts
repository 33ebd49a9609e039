/** What an instruction of a prompt asks for in particular: its row's `kwargs`. @module */
import { JsonFloat, type JsonObject, type JsonValue } from "../../data/formats/json_numbers.ts";
import { strip } from "../../data/tokenizer/template/python_strings.ts";
import { UserError } from "../../error.ts";
import { quote } from "../../values.ts";
import { PythonRegExp } from "../python_regexp.ts";

/** The words for how a count is compared. */
const RELATIONS = ["less than", "at least"];

/**
 * Reads one instruction's values. lm-eval draws those that are missing at random, and takes 0 and "" for missing: such
 * an instruction asks for something that its prompt does not say, and is refused. Methods throw a UserError.
 */
export class InstructionKwargs {
  readonly #values: JsonObject;

  constructor(values: JsonObject) {
    this.#values = values;
  }

  /** A whole number from 1. */
  count(name: string): number {
    const value = this.#values[name];
    const number = value instanceof JsonFloat ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number > 0) return number;
    throw this.#wrong(name, "a whole number from 1");
  }

  /** A text with something in it. */
  text(name: string): string {
    const value = this.#values[name];
    if (typeof value === "string" && value !== "") return value;
    throw this.#wrong(name, "a text");
  }

  /** As {@linkcode text}, without white space at its ends. */
  stripped(name: string): string {
    return strip(this.text(name), null);
  }

  /** One or more texts. */
  texts(name: string): string[] {
    const value = this.#values[name];
    const isList = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string");
    if (isList) return value as string[];
    throw this.#wrong(name, "one or more texts");
  }

  /** Whether `count` compares with the number under `name` as the word under `relation` says. */
  compares(count: number, { name, relation }: { name: string; relation: string }): boolean {
    const word = this.#values[relation];
    if (!RELATIONS.includes(word as string)) throw this.#wrong(relation, RELATIONS.join(" or "));
    const wanted = this.count(name);
    return word === "less than" ? count < wanted : count >= wanted;
  }

  #wrong(name: string, expected: string): UserError {
    return new UserError(
      `"${name}" of its kwargs is ${quote(this.#values[name] as JsonValue ?? null)}, expected ${expected}`,
    );
  }
}

/** Whether an answer follows one instruction. Throws a UserError for kwargs that say too little. */
export type InstructionCheck = (answer: string, kwargs: InstructionKwargs) => boolean;

const PATTERNS = new Map<string, PythonRegExp>();

/** A pattern of Python's `re`. Throws a UserError if it is broken, or not supported. */
export function patternOf(source: string): PythonRegExp {
  const known = PATTERNS.get(source);
  if (known !== undefined) return known;
  try {
    const pattern = new PythonRegExp(source);
    PATTERNS.set(source, pattern);
    return pattern;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`${quote(source)} is no pattern that is read here: ${error.message}`);
  }
}

/** How often a pattern is found in a text, one match after the other. */
export function countOf(source: string, text: string): number {
  return patternOf(source).findAll(text).length;
}
