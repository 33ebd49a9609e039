/** The settings of another program's config, and which of them were taken. @module */
import { parseDocument } from "yaml";
import { UserError } from "../../error.ts";
import { isMapping, type Mapping, readConfigText, show } from "../yaml_source.ts";

/** Deeper than any real config. */
const MAX_DEPTH = 16;

/** Copies plain data into mappings without prototype; nulls stay, because they mean "none" to these programs. */
function copy(value: unknown, file: string, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new UserError(`Cannot import ${file}: it nests deeper than ${MAX_DEPTH} levels`);
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return value.map((item) => copy(item, file, depth + 1));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map || value instanceof Set || value instanceof Uint8Array) {
    throw new UserError(`Cannot import ${file}: it has values that are no text, number, list or mapping`);
  }
  if (!isMapping(value)) return typeof value === "bigint" ? Number(value) : value;
  const made: Mapping = Object.create(null);
  for (const [key, item] of Object.entries(value)) made[key] = copy(item, file, depth + 1);
  return made;
}

/** Reads another program's YAML or JSON config, as PyYAML does: `yes` is true there. Throws a UserError if it is none. */
export async function readForeign(file: string): Promise<Mapping> {
  const document = parseDocument(await readConfigText(file), { version: "1.1", prettyErrors: false });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken) throw new UserError(`Cannot import ${file}: ${broken.message.split("\n")[0]}`);
  let values: unknown;
  try {
    values = document.toJS();
  } catch (error) {
    throw new UserError(`Cannot import ${file}: ${error instanceof Error ? error.message : error}`);
  }
  const settings = copy(values, file);
  if (!isMapping(settings)) {
    throw new UserError(`Cannot import ${file}: it is ${show(settings)}, expected a mapping of settings`);
  }
  return settings;
}

/** Settings that are taken one by one; what nobody took has no counterpart. */
export class ForeignSource {
  readonly #values: Mapping;
  readonly #taken = new Set<string>();
  /** Put before the keys in messages, such as `datasets.0.`. */
  readonly #place: string;

  constructor(values: Mapping, place = "") {
    this.#values = values;
    this.#place = place;
  }

  /** Whether a key is there and not null. */
  has(key: string): boolean {
    return (this.#values[key] ?? null) !== null;
  }

  /** Whether a key is there and null, which is Python's None. */
  isNone(key: string): boolean {
    return Object.hasOwn(this.#values, key) && this.#values[key] === null;
  }

  /** The value of a key, which counts as taken; undefined if it is not there, or null. */
  take(key: string): unknown {
    this.#taken.add(key);
    return this.#values[key] ?? undefined;
  }

  /** A number, also one that is written as text. Throws a UserError for anything else. */
  number(key: string): number | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isFinite(number)) throw this.wrong(key, "a number");
    return number;
  }

  /** True or false, also as text. Throws a UserError for anything else. */
  flag(key: string): boolean | undefined {
    const value = this.take(key);
    if (value === undefined || typeof value === "boolean") return value;
    const word = String(value).toLowerCase();
    if (["true", "1"].includes(word)) return true;
    if (["false", "0"].includes(word)) return false;
    throw this.wrong(key, "true or false");
  }

  /** A text; a number becomes one. Throws a UserError for anything else, and for an empty text. */
  text(key: string): string | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (!["string", "number", "boolean"].includes(typeof value) || value === "") throw this.wrong(key, "text");
    return String(value);
  }

  /** A list of texts: a list, or a text with commas where `commas` is set, or one text. */
  texts(key: string, { commas = false } = {}): string[] | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    const list = Array.isArray(value) ? value : typeof value !== "string" ? null : commas ? value.split(",") : [value];
    if (list === null || list.some((item) => typeof item !== "string")) {
      throw this.wrong(key, "text or a list of texts");
    }
    return (list as string[]).map((item) => item.trim()).filter((item) => item !== "");
  }

  /** The settings of a key that holds a mapping. Throws a UserError for anything else. */
  section(key: string): ForeignSource | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (!isMapping(value)) throw this.wrong(key, "a mapping");
    return new ForeignSource(value, `${this.#place}${key}.`);
  }

  /** As {@linkcode section}, also of a mapping that is written as JSON in a text, as these programs' commands take it. */
  mapping(key: string): ForeignSource | undefined {
    const value = this.take(key);
    if (typeof value !== "string") return this.section(key);
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      throw this.wrong(key, "a mapping");
    }
    if (!isMapping(parsed)) throw this.wrong(key, "a mapping");
    return new ForeignSource(parsed, `${this.#place}${key}.`);
  }

  /** The mappings that a key has a list of; a text among them is returned as it is. */
  sections(key: string): (ForeignSource | string)[] | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(key, "a list");
    return value.map((item, i) => {
      if (typeof item === "string") return item;
      if (!isMapping(item)) throw this.wrong(key, "a list of mappings");
      return new ForeignSource(item, `${this.#place}${key}.${i}.`);
    });
  }

  /** The keys that nobody took, with the values they have. */
  left(): { key: string; value: unknown }[] {
    return Object.entries(this.#values).filter(([key]) => !this.#taken.has(key))
      .map(([key, value]) => ({ key: `${this.#place}${key}`, value }));
  }

  /** The error of a key that holds something else than what is expected. */
  wrong(key: string, expected: string): UserError {
    return new UserError(`Cannot import ${this.#place}${key}: it is ${show(this.#values[key])}, expected ${expected}`);
  }
}
