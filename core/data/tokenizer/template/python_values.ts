/** Python's values as a template sees them. @module */
import { type Limits, TemplateError } from "./template_limits.ts";

/**
 * A value: None is null, an int is a bigint, a float is a number, a list is an array; every other type is a class here.
 * No value but a namespace can be changed.
 */
export type Value = null | boolean | bigint | number | string | readonly Value[] | Tuple | Dict | Thing;

/** The arguments of a call. */
export interface Args {
  positional: readonly Value[];
  named: ReadonlyMap<string, Value>;
}

/** A value of a type that is Jinja's, or that Python has for functions and iteration. */
export abstract class Thing {
  abstract readonly typeName: string;

  /** An attribute; undefined if there is none of that name. */
  attribute(_name: string): Value | undefined {
    return undefined;
  }

  /** Its text; an error where Python's has an address, which no two runs share. */
  print(): string {
    throw new TemplateError(`cannot print a ${this.typeName}`);
  }
}

/** A name, key or attribute that is not there. */
export class Undefined extends Thing {
  readonly typeName = "Undefined";

  /**
   * `reason` is the text of the error that any use of it is, but to test, print or walk it. A strict environment refuses
   * to do these too, unless the value `isLenient`.
   */
  constructor(readonly reason: string, readonly isLenient: boolean = false) {
    super();
  }

  /** Its text within a list; alone it has none. */
  override print(): string {
    return "Undefined";
  }

  fail(): never {
    throw new TemplateError(this.reason);
  }
}

/** Text that `safe` or `escape` have marked: what is added to it is escaped. */
export class Markup extends Thing {
  readonly typeName = "Markup";

  constructor(readonly text: string) {
    super();
  }

  override print(): string {
    return this.text;
  }
}

/** A tuple; `names` are the attributes of a named one. */
export class Tuple {
  constructor(readonly items: readonly Value[], readonly names: readonly string[] = []) {}
}

/** A dict, in the order in which its keys were set. */
export class Dict {
  readonly #entries = new Map<string, [key: Value, value: Value]>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value, limits: Limits): Value | undefined {
    return this.#entries.get(hashOf(key, limits))?.[1];
  }

  /** Sets a key; one that is there keeps its place, and its spelling. */
  set(key: Value, value: Value, limits: Limits | null): void {
    const hash = hashOf(key, limits);
    const entry = this.#entries.get(hash);
    if (entry) entry[1] = value;
    else this.#entries.set(hash, [key, value]);
  }

  entries(): Iterable<readonly [key: Value, value: Value]> {
    return this.#entries.values();
  }
}

/** What a dict's `items()`, `keys()` or `values()` returns. */
export class View extends Thing {
  readonly typeName: string;

  constructor(readonly kind: "items" | "keys" | "values", readonly dict: Dict) {
    super();
    this.typeName = `dict_${kind}`;
  }
}

/** A range, whose numbers are not made. */
export class Range extends Thing {
  readonly typeName = "range";
  readonly length: number;

  constructor(readonly start: bigint, readonly stop: bigint, readonly step: bigint) {
    super();
    const span = step > 0n ? stop - start : start - stop;
    const size = step > 0n ? step : -step;
    this.length = span <= 0n ? 0 : Number((span + size - 1n) / size);
  }

  at(index: number): bigint {
    return this.start + BigInt(index) * this.step;
  }

  override print(): string {
    return `range(${this.start}, ${this.stop}${this.step === 1n ? "" : `, ${this.step}`})`;
  }

  override attribute(name: string): Value | undefined {
    return name === "start" || name === "stop" || name === "step" ? this[name] : undefined;
  }
}

/** What filters such as `map` and `select` return: it can be walked once. */
export class Generator extends Thing {
  readonly typeName = "generator";

  constructor(readonly iterator: Iterator<Value>) {
    super();
  }
}

/** The value whose attributes `set` can change. */
export class Namespace extends Thing {
  readonly typeName = "Namespace";
  readonly values = new Map<string, Value>();

  override attribute(name: string): Value | undefined {
    return this.values.get(name);
  }
}

/** A function: a macro, a method of a value, or one that every template has. */
export class Callable extends Thing {
  readonly typeName: string;
  readonly #attributes: Readonly<Record<string, Value>>;

  constructor(
    readonly name: string,
    readonly call: (args: Args) => Value,
    { typeName = "builtin_function_or_method", attributes = {} }: {
      typeName?: string;
      attributes?: Readonly<Record<string, Value>>;
    } = {},
  ) {
    super();
    this.typeName = typeName;
    this.#attributes = attributes;
  }

  override attribute(name: string): Value | undefined {
    return Object.hasOwn(this.#attributes, name) ? this.#attributes[name] : undefined;
  }

  override print(): string {
    // The macro that a call block makes has no name.
    if (this.typeName === "Macro") {
      return this.#attributes.name === null ? "<Macro anonymous>" : `<Macro '${this.name}'>`;
    }
    throw new TemplateError(`cannot print the function ${this.name}, expected a call: ${this.name}()`);
  }
}

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (typeof value === "string") return "str";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Dict) return "dict";
  return value instanceof Thing ? value.typeName : "list";
}

/** Whether a value is a list. */
export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** The text of a string; null for any other type. */
export function asText(value: Value | undefined): string | null {
  return typeof value === "string" ? value : value instanceof Markup ? value.text : null;
}

/** A key's place in a dict or a set: equal for equal values. It is not counted without limits. */
export function hashOf(key: Value, limits: Limits | null): string {
  limits?.spend(1);
  const text = asText(key);
  if (text !== null) {
    limits?.read(text.length);
    return `s${text}`;
  }
  if (key === null) return "None";
  if (typeof key === "boolean") return `n${key ? 1 : 0}`;
  if (typeof key === "bigint") return `n${key}`;
  if (typeof key === "number") return Number.isInteger(key) ? `n${BigInt(key)}` : `n${key}`;
  if (key instanceof Tuple) {
    const hashes = key.items.map((item) => hashOf(item, limits));
    const hash = hashes.map((each) => `${each.length}:${each}`).join("");
    limits?.make(hash.length);
    return `(${hash})`;
  }
  if (key instanceof Undefined) return "Undefined";
  throw new TemplateError(`unhashable type: '${typeName(key)}'`);
}

/** A value of JavaScript or JSON as a template sees it. A key whose value is undefined is left out. */
export function toPython(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "bigint") return value;
  // JavaScript has one type of number: a whole one is an int, but in an object of its own.
  if (value instanceof Number) return value.valueOf();
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toPython);
  if (value instanceof Thing || value instanceof Dict || value instanceof Tuple) return value;
  if (typeof value !== "object") throw new TemplateError(`a variable is a ${typeof value}`);
  const dict = new Dict();
  for (const [key, item] of Object.entries(value)) if (item !== undefined) dict.set(key, toPython(item), null);
  return dict;
}
