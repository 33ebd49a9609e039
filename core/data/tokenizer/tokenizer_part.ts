/** Reads one part of a tokenizer.json: a normalizer, pre-tokenizer, post-processor, decoder or model. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { describe, shortQuote } from "../formats/data_problems.ts";
import type { JsonObject, JsonValue } from "../formats/json_rows.ts";

/** The most parts of one kind, far above those of any published tokenizer. */
const MAX_PARTS = 1000;

/** A part's options, with the key under which it stands; each reader throws a UserError for a value of another type. */
export class TokenizerPart {
  readonly json: JsonObject;
  readonly key: string;

  constructor(json: JsonObject, key: string) {
    this.json = json;
    this.key = key;
  }

  get type(): string {
    return String(this.json.type);
  }

  text(name: string, fallback?: string): string {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== "string") throw this.refusal(name, "text");
    return value;
  }

  /** A text of one character. */
  char(name: string): string {
    const value = this.text(name);
    if ([...value].length !== 1) throw this.refusal(name, "one character");
    return value;
  }

  flag(name: string, fallback?: boolean): boolean {
    const value = this.#value(name) ?? fallback;
    if (typeof value !== "boolean") throw this.refusal(name, "true or false");
    return value;
  }

  count(name: string, fallback?: number): number {
    const value = this.#value(name) ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw this.refusal(name, "an integer from 0");
    return value as number;
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const value = this.#value(name) ?? fallback;
    if (!choices.includes(value as T)) throw this.refusal(name, choices.join(", "));
    return value as T;
  }

  /** A record, or a list, under `name`; null if there is none. */
  value(name: string): JsonValue | null {
    return this.#value(name) ?? null;
  }

  /** The error of an option that is not what is expected. */
  refusal(name: string, expected: string): UserError {
    return new UserError(`"${this.key}.${name}" is ${describe(this.json[name])}, expected ${expected}`);
  }

  #value(name: string): JsonValue | undefined {
    const value = Object.hasOwn(this.json, name) ? this.json[name] : undefined;
    return value === null ? undefined : value;
  }
}

/**
 * The parts under `key` one after another, those of sequences (whose parts stand under `list`) in their places. Throws
 * a UserError for a part whose type is not one of `types`.
 */
export function partsOf(
  value: JsonValue | undefined,
  { key, list, types }: { key: string; list: string; types: readonly string[] },
): TokenizerPart[] {
  const parts: TokenizerPart[] = [];
  const add = (item: JsonValue | undefined, path: string): void => {
    if (!isRecord(item)) throw new UserError(`"${path}" is ${describe(item)}, expected an object`);
    const { type } = item;
    if (type === "Sequence") {
      const inner = item[list];
      if (!Array.isArray(inner)) throw new UserError(`"${path}.${list}" is ${describe(inner)}, expected a list`);
      for (const [i, each] of inner.entries()) add(each, `${path}.${list}[${i}]`);
      return;
    }
    if (typeof type !== "string" || !types.includes(type)) {
      const name = typeof type === "string" ? shortQuote(type) : `of type ${describe(type)}`;
      throw new UserError(`${path} ${name} is not supported, expected one of ${types.join(", ")}, Sequence`);
    }
    parts.push(new TokenizerPart(item as JsonObject, path));
    if (parts.length > MAX_PARTS) throw new UserError(`"${key}" has more than ${MAX_PARTS} parts`);
  };
  if (value !== undefined && value !== null) add(value, key);
  return parts;
}
