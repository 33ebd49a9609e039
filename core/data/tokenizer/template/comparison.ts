/** Python's truth, equality, order and membership. @module */
import { elementsOf } from "./iteration.ts";
import { compareTexts } from "./python_strings.ts";
import { asText, Dict, isList, Range, Tuple, typeName, Undefined, type Value, View } from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";

/** Whether a value is true. */
export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return value !== 0n;
  if (typeof value === "number") return value !== 0;
  const text = asText(value);
  if (text !== null) return text !== "";
  if (isList(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof View) return value.dict.size > 0;
  return value instanceof Range ? value.length > 0 : true;
}

/** An int, a float or a bool as a number to compute with; null for any other type. */
export function asNumber(value: Value): bigint | number | null {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return typeof value === "boolean" ? (value ? 1n : 0n) : null;
}

/** Python's `==`. */
export function isEqual(a: Value, b: Value, limits: Limits): boolean {
  limits.spend(1);
  const [x, y] = [asNumber(a), asNumber(b)];
  // JavaScript compares an int with a float exactly, as Python does.
  if (x !== null && y !== null) return x == y;
  const [s, t] = [asText(a), asText(b)];
  if (s !== null && t !== null) {
    if (s.length === t.length) limits.read(s.length);
    return s === t;
  }
  if (a instanceof Undefined && b instanceof Undefined) return true;
  if (a === b) return true;
  const equalItems = (left: readonly Value[], right: readonly Value[]): boolean =>
    left.length === right.length && limits.nest(() => left.every((item, i) => isSame(item, right[i]!, limits)));
  if (isList(a)) return isList(b) && equalItems(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && equalItems(a.items, b.items);
  if (a instanceof Dict && b instanceof Dict) {
    return a.size === b.size && limits.nest(() =>
      [...a.entries()].every(([key, item]) => {
        const other = b.get(key, limits);
        return other !== undefined && isSame(item, other, limits);
      })
    );
  }
  if (a instanceof Range && b instanceof Range) {
    return a.length === b.length && (a.length === 0 || a.start === b.start) && (a.length < 2 || a.step === b.step);
  }
  if (a instanceof View && b instanceof View) {
    throw new TemplateError(`a comparison of ${a.typeName} with ${b.typeName} is not supported, expected lists`);
  }
  return false;
}

/** Equality within containers, where a value always equals itself. */
function isSame(a: Value, b: Value, limits: Limits): boolean {
  return (a === b && typeof a === "object") || isEqual(a, b, limits);
}

/** Whether `a` is less than (negative), greater than, or equal to `b`; NaN if neither. `sign` is for the error. */
export function compare(a: Value, b: Value, { sign, limits }: { sign: string; limits: Limits }): number {
  limits.spend(1);
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : x == y ? 0 : NaN;
  const [s, t] = [asText(a), asText(b)];
  if (s !== null && t !== null) {
    limits.read(Math.min(s.length, t.length));
    return compareTexts(s, t);
  }
  if (a instanceof Undefined) a.fail();
  if (b instanceof Undefined) b.fail();
  const [left, right] = [itemsOf(a), itemsOf(b)];
  if (left && right && typeName(a) === typeName(b)) {
    return limits.nest(() => {
      for (const [i, item] of left.entries()) {
        if (i >= right.length) break;
        if (!isSame(item, right[i]!, limits)) return compare(item, right[i]!, { sign, limits });
      }
      return left.length - right.length;
    });
  }
  throw new TemplateError(`'${sign}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

function itemsOf(value: Value): readonly Value[] | null {
  return isList(value) ? value : value instanceof Tuple ? value.items : null;
}

/** Python's `item in container`. */
export function contains(container: Value, item: Value, limits: Limits): boolean {
  const text = asText(container);
  if (text !== null) {
    const part = asText(item);
    if (part === null) {
      if (item instanceof Undefined) item.fail();
      throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    }
    limits.read(text.length);
    return text.includes(part);
  }
  if (container instanceof Dict) return container.get(item, limits) !== undefined;
  if (container instanceof View && container.kind === "keys") return container.dict.get(item, limits) !== undefined;
  for (const element of elementsOf(container, limits)) if (isSame(element, item, limits)) return true;
  return false;
}

/** The values sorted by their keys, equal ones in their order. */
export function sortBy<T>(
  items: readonly T[],
  { keyOf, reverse, limits }: { keyOf: (item: T) => Value; reverse: boolean; limits: Limits },
): T[] {
  limits.makeList(2 * items.length);
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  const order = (a: Value, b: Value): number => compare(a, b, { sign: "<", limits }) || 0;
  keyed.sort((a, b) => reverse ? order(b.key, a.key) : order(a.key, b.key));
  return keyed.map(({ item }) => item);
}
