/** Walks values as Python's iter() does. @module */
import { charsOf, lengthOf } from "./python_strings.ts";
import {
  asText,
  Dict,
  Generator,
  isList,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";

/** The elements of a value, each counted when it is taken. Throws a TemplateError if it cannot be walked. */
export function elementsOf(value: Value, limits: Limits): Iterable<Value> {
  // Whoever stops half-way leaves the rest in the generator.
  const rest = (iterator: Iterator<Value>): Iterable<Value> => ({
    [Symbol.iterator]: () => ({ next: () => iterator.next() }),
  });
  if (value instanceof Generator) return counted(rest(value.iterator), limits);
  if (value instanceof Range) return rangeElements(value, limits);
  return counted(listOf(value, limits), limits);
}

/** All elements of a value. */
export function listOf(value: Value, limits: Limits): readonly Value[] {
  const text = asText(value);
  if (text !== null) return charsOf(text, limits);
  if (isList(value)) return value;
  if (value instanceof Tuple) return value.items;
  if (value instanceof Undefined) return [];
  if (value instanceof Dict) return viewItems(new View("keys", value), limits);
  if (value instanceof View) return viewItems(value, limits);
  if (value instanceof Range) limits.makeList(value.length);
  if (value instanceof Generator || value instanceof Range) {
    const items: Value[] = [];
    for (const item of elementsOf(value, limits)) {
      limits.makeList(1);
      items.push(item);
    }
    return items;
  }
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

function viewItems({ kind, dict }: View, limits: Limits): Value[] {
  limits.makeList(dict.size * (kind === "items" ? 4 : 1));
  return Array.from(
    dict.entries(),
    ([key, item]) => kind === "keys" ? key : kind === "values" ? item : new Tuple([key, item]),
  );
}

function* rangeElements(range: Range, limits: Limits): Iterable<Value> {
  for (let i = 0; i < range.length; i++) {
    limits.spend(1);
    yield range.at(i);
  }
}

function* counted(items: Iterable<Value>, limits: Limits): Iterable<Value> {
  for (const item of items) {
    limits.spend(1);
    yield item;
  }
}

/** The number of elements of a value, as len() gives it. */
export function sizeOf(value: Value, limits: Limits): number {
  const text = asText(value);
  if (text !== null) {
    limits.read(text.length);
    return lengthOf(text);
  }
  if (isList(value) || value instanceof Range) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof View) return value.dict.size;
  if (value instanceof Undefined) return 0;
  throw new TemplateError(`object of type '${typeName(value)}' has no len()`);
}

/** A copy of a list or text in the other direction. */
export function reversed(value: Value, limits: Limits): readonly Value[] {
  const items = listOf(value, limits);
  limits.makeList(items.length);
  return items.toReversed();
}
