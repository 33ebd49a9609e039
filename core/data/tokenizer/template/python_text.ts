/** Writes values as Python's str() and repr() do. @module */
import { floatText } from "./python_numbers.ts";
import { Dict, isList, Markup, Namespace, Thing, Tuple, Undefined, type Value, View } from "./python_values.ts";
import { type Limits, TextBuilder } from "./template_limits.ts";
import { UNPRINTABLE } from "./text_case.ts";

/** A value as str() writes it. */
export function textOf(value: Value, limits: Limits): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  if (value instanceof Undefined) return "";
  return reprOf(value, limits);
}

/** A value as repr() writes it. */
export function reprOf(value: Value, limits: Limits): string {
  const out = new TextBuilder(limits);
  writeRepr(value, out, limits);
  return out.toString();
}

function writeRepr(value: Value, out: TextBuilder, limits: Limits): void {
  limits.spend(1);
  if (value === null) out.add("None");
  else if (typeof value === "boolean") out.add(value ? "True" : "False");
  else if (typeof value === "bigint") out.add(value.toString());
  else if (typeof value === "number") out.add(floatText(value));
  else if (typeof value === "string") out.add(quoted(value, limits));
  else if (value instanceof Markup) out.add(`Markup(${quoted(value.text, limits)})`);
  else limits.nest(() => writeContainer(value, out, limits));
}

function writeContainer(value: Value, out: TextBuilder, limits: Limits): void {
  const list = (open: string, items: Iterable<Value>, close: string): void => {
    out.add(open);
    let isFirst = true;
    for (const item of items) {
      if (!isFirst) out.add(", ");
      isFirst = false;
      writeRepr(item, out, limits);
    }
    out.add(close);
  };
  const dict = (entries: Iterable<readonly [Value, Value]>): void => {
    out.add("{");
    let isFirst = true;
    for (const [key, item] of entries) {
      if (!isFirst) out.add(", ");
      isFirst = false;
      writeRepr(key, out, limits);
      out.add(": ");
      writeRepr(item, out, limits);
    }
    out.add("}");
  };
  if (isList(value)) list("[", value, "]");
  else if (value instanceof Tuple) list("(", value.items, value.items.length === 1 ? ",)" : ")");
  else if (value instanceof Dict) dict(value.entries());
  else if (value instanceof View) {
    out.add(`${value.typeName}(`);
    const parts = [...value.dict.entries()].map(([key, item]) =>
      value.kind === "keys" ? key : value.kind === "values" ? item : new Tuple([key, item])
    );
    list("[", parts, "]");
    out.add(")");
  } else if (value instanceof Namespace) {
    out.add("<Namespace ");
    dict(value.values);
    out.add(">");
  } else if (value instanceof Thing) {
    out.add(value.print());
  }
}

/** A string in quotes, with Python's escapes. */
function quoted(text: string, limits: Limits): string {
  limits.make(text.length);
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(new RegExp(`[\\\\${mark}]|${UNPRINTABLE.source}`, "gu"), (char) => {
    if (char === "\\" || char === mark) return `\\${char}`;
    return SHORT[char] ?? escapeChar(char);
  });
  limits.fit(escaped.length);
  return `${mark}${escaped}${mark}`;
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A character as `\x7f`, `\u2028` or `\U000e0001`. */
export function escapeChar(char: string): string {
  const code = char.codePointAt(0)!.toString(16);
  return code.length <= 2
    ? `\\x${code.padStart(2, "0")}`
    : code.length <= 4
    ? `\\u${code.padStart(4, "0")}`
    : `\\U${code.padStart(8, "0")}`;
}
