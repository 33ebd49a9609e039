/** Writes values as Python's json.dumps() does. @module */
import { sortBy } from "./comparison.ts";
import { floatText } from "./python_numbers.ts";
import { asText, Dict, isList, Tuple, typeName, type Value } from "./python_values.ts";
import { type Limits, TemplateError, TextBuilder } from "./template_limits.ts";

export interface JsonOptions {
  isAscii: boolean;
  /** What each level begins with; null for one line. */
  indent: string | null;
  separators: readonly [item: string, key: string];
  sortKeys: boolean;
}

/** A value as JSON. Throws a TemplateError for what has none. */
export function jsonOf(value: Value, options: JsonOptions, limits: Limits): string {
  const out = new TextBuilder(limits);
  const { indent, separators: [comma, colon], isAscii, sortKeys } = options;
  const text = (source: string): string => {
    limits.make(source.length);
    const escaped = JSON.stringify(source).replace(/\\ud[89a-f][\da-f]{2}/g, (pair) => JSON.parse(`"${pair}"`));
    // deno-lint-ignore no-control-regex
    return isAscii ? escaped.replace(/[^\x00-\x7e]/g, (unit) => `\\u${hex(unit)}`) : escaped;
  };
  const write = (item: Value, depth: number): void => {
    limits.spend(1);
    const string = asText(item);
    if (string !== null) out.add(text(string));
    else if (item === null) out.add("null");
    else if (typeof item === "boolean" || typeof item === "bigint") out.add(String(item));
    else if (typeof item === "number") out.add(floatJson(item));
    else if (isList(item) || item instanceof Tuple) {
      const items = item instanceof Tuple ? item.items : item;
      limits.nest(() => group("[]", items, depth, (element) => write(element, depth + 1)));
    } else if (item instanceof Dict) {
      limits.makeList(item.size);
      const entries = [...item.entries()];
      const order = { keyOf: ([key]: readonly [Value, Value]) => key, reverse: false, limits };
      limits.nest(() =>
        group("{}", sortKeys ? sortBy(entries, order) : entries, depth, ([key, element]) => {
          out.add(text(keyText(key)) + colon);
          write(element, depth + 1);
        })
      );
    } else throw new TemplateError(`Object of type ${typeName(item)} is not JSON serializable`);
  };
  const group = <T>(brackets: string, items: readonly T[], depth: number, each: (item: T) => void): void => {
    out.add(brackets[0]!);
    const line = (level: number): void => {
      if (indent === null) return;
      limits.fit(indent.length * level);
      out.add(`\n${indent.repeat(level)}`);
    };
    items.forEach((item, i) => {
      if (i > 0) out.add(comma);
      line(depth + 1);
      each(item);
    });
    if (items.length > 0) line(depth);
    out.add(brackets[1]!);
  };
  write(value, 0);
  return out.toString();
}

function hex(unit: string): string {
  return unit.charCodeAt(0).toString(16).padStart(4, "0");
}

function floatJson(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

function keyText(key: Value): string {
  const text = asText(key);
  if (text !== null) return text;
  if (key === null) return "null";
  if (typeof key === "boolean" || typeof key === "bigint") return String(key);
  if (typeof key === "number") return floatJson(key);
  throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}
