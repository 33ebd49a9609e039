/** What filters and tests need of a rendering. @module */
import { getItem } from "./member_access.ts";
import { type Args, asText, Undefined, type Value } from "./python_values.ts";
import type { Limits } from "./template_limits.ts";

/** A rendering, as filters see it. */
export interface Runtime {
  limits: Limits;
  /** Applies a filter by its name. */
  filter(name: string, value: Value, args: Args): Value;
  /** Throws a TemplateError if a value is undefined and the environment is strict. Returns the value. */
  defined(value: Value): Value;
  /** Applies a test by its name. */
  test(name: string, value: Value, args: Args): boolean;
}

export type Filter = (value: Value, args: Args, runtime: Runtime) => Value;

/** Small letters for comparisons that ignore case. */
export function ignoreCase(value: Value, limits: Limits): Value {
  const text = asText(value);
  if (text === null) return value;
  limits.make(text.length);
  return text.toLowerCase();
}

/** Reads `a.b.0` of a value; with no attribute, the value itself. */
export function attributeReader(
  attribute: Value | undefined,
  { otherwise, isCaseless = false }: { otherwise?: Value | undefined; isCaseless?: boolean },
  limits: Limits,
): (item: Value) => Value {
  const name = attribute === undefined || attribute === null ? null : asText(attribute);
  const parts: Value[] = name !== null
    ? name.split(".").map((part) => /^\d+$/.test(part) ? BigInt(part) : part)
    : attribute === undefined || attribute === null
    ? []
    : [attribute];
  return (item) => {
    let value = item;
    for (const part of parts) {
      limits.spend(1);
      value = getItem(value, part, limits);
      if (otherwise !== undefined && otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return isCaseless ? ignoreCase(value, limits) : value;
  };
}
