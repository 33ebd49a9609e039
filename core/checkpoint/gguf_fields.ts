/** The metadata of a GGUF file, checked as it is read. @module */
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import type { GgufField } from "./gguf_cursor.ts";
import type { GgufHeader } from "./gguf_header.ts";

/** Reads values by their keys. Each throws a UserError that names file and key. */
export class GgufFields {
  constructor(readonly path: string, readonly header: GgufHeader) {}

  /** An error about a key. */
  refuse(key: string, expected: string): UserError {
    const value = this.value(key) ?? null;
    const text = typeof value === "number" ? String(value) : quote(value);
    return new UserError(`Cannot use ${this.path}: ${quote(key)} is ${text}, expected ${expected}`);
  }

  /** Any value; undefined if there is none. */
  value(key: string): GgufField | undefined {
    return this.header.metadata.get(key);
  }

  number(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined || Number.isFinite(value)) return value as number | undefined;
    throw this.refuse(key, "a number");
  }

  needed(key: string): number {
    const value = this.number(key);
    if (value === undefined) throw this.refuse(key, "a number");
    return value;
  }

  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.refuse(key, "a text");
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.refuse(key, "true or false");
  }

  texts(key: string): readonly string[] {
    const value = this.value(key);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.refuse(key, "a list of texts");
  }

  numbers(key: string, length: number): readonly number[] {
    const value = this.value(key);
    if (Array.isArray(value) && value.length === length && value.every(Number.isFinite)) {
      return value;
    }
    throw this.refuse(key, `a list of ${length} numbers`);
  }
}
