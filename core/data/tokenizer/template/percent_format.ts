/** Python's `text % values`. @module */
import { asNumber } from "./comparison.ts";
import { floatForm, intDigits } from "./number_format.ts";
import { toFloat, truncate } from "./python_numbers.ts";
import { lengthOf, unitsAt } from "./python_strings.ts";
import { escapeChar, reprOf, textOf } from "./python_text.ts";
import { asText, Dict, isList, Range, Tuple, typeName, Undefined, type Value } from "./python_values.ts";
import { type Limits, TemplateError, TextBuilder } from "./template_limits.ts";

const FIELD = /%(?:\(([^()]*)\))?([#0\- +]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?(.)?/gsu;

/** Writes values into the places that begin with `%`. */
export function formatPercent(format: string, values: Value, limits: Limits): string {
  const out = new TextBuilder(limits);
  const items = values instanceof Tuple ? values.items : [values];
  let used = 0;
  const next = (): Value => {
    if (used >= items.length) throw new TemplateError("not enough arguments for format string");
    return items[used++]!;
  };
  const size = (text: string | undefined): number | null => {
    if (text !== "*") return text === undefined ? null : Number(text);
    const value = next();
    if (typeof value !== "bigint") throw new TemplateError("* wants int");
    return Number(value);
  };
  let end = 0;
  for (const match of format.matchAll(FIELD)) {
    out.add(format.slice(end, match.index));
    end = match.index + match[0].length;
    const [whole, key, flags = "", widthText, precisionText, type] = match;
    if (type === undefined) throw new TemplateError("incomplete format");
    if (type === "%") {
      out.add("%");
      continue;
    }
    let width = size(widthText) ?? 0;
    const hasPrecision = whole.slice(0, -type.length).includes(".", key === undefined ? 0 : key.length + 2);
    const precision = hasPrecision ? Math.max(0, size(precisionText) ?? 0) : null;
    const isLeft = flags.includes("-") || width < 0;
    width = Math.abs(width);
    const value = key === undefined ? next() : named(values, key, limits);
    limits.fit(width);
    out.add(pad(field(value, { type, flags, precision, limits }), { width, isLeft, isZero: flags.includes("0") }));
  }
  out.add(format.slice(end));
  // Whatever has items may hold what no field asks for.
  const hasItems = values instanceof Dict || isList(values) || values instanceof Range || values instanceof Undefined;
  if (used < items.length && !hasItems) {
    throw new TemplateError("not all arguments converted during string formatting");
  }
  return out.toString();
}

function named(values: Value, key: string, limits: Limits): Value {
  if (!(values instanceof Dict)) throw new TemplateError("format requires a mapping");
  const value = values.get(key, limits);
  if (value === undefined) throw new TemplateError(`the key '${key}' of a format is missing`);
  return value;
}

interface Field {
  sign: string;
  body: string;
  /** Whether zeros may fill it. */
  isNumber: boolean;
}

function field(
  value: Value,
  { type, flags, precision, limits }: { type: string; flags: string; precision: number | null; limits: Limits },
): Field {
  const plain = (text: string): Field => {
    const end = precision === null ? text.length : unitsAt(text, precision);
    return { sign: "", body: text.slice(0, end), isNumber: false };
  };
  const signed = (isNegative: boolean, body: string): Field => {
    const sign = isNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
    return { sign, body, isNumber: /^[\dA-Fa-fxXo.e+-]*$/.test(body) };
  };
  if (type === "s") return plain(textOf(value, limits));
  if (type === "r") return plain(reprOf(value, limits));
  // deno-lint-ignore no-control-regex
  if (type === "a") return plain(reprOf(value, limits).replace(/[^\x00-\x7f]/gu, escapeChar));
  if (type === "c") return { ...plain(char(value)), isNumber: false };
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value);
  const isAlternate = flags.includes("#");
  if ("diuxXo".includes(type)) {
    if (number === null || (typeof number === "number" && !"diu".includes(type))) {
      throw new TemplateError(`%${type} format: a number is required, not ${typeName(value)}`);
    }
    const int = typeof number === "number" ? truncate(number) : number;
    const digits = intDigits(int, type, isAlternate);
    const [prefix, rest] = isAlternate && "xXo".includes(type) ? [digits.slice(0, 2), digits.slice(2)] : ["", digits];
    limits.fit(precision ?? 0);
    const { sign, body, isNumber } = signed(int < 0n, rest.padStart(precision ?? 0, "0"));
    return { sign: sign + prefix, body, isNumber };
  }
  if (!"eEfFgG".includes(type)) throw new TemplateError(`unsupported format character '${type}'`);
  if (number === null) throw new TemplateError(`must be real number, not ${typeName(value)}`);
  const float = toFloat(number);
  const body = floatForm(float, { type, precision: precision ?? 6, isAlternate }, limits);
  return signed(float < 0 || Object.is(float, -0), body);
}

function char(value: Value): string {
  const text = asText(value);
  if (text !== null && lengthOf(text) === 1) return text;
  const code = asNumber(value);
  if (typeof code !== "bigint") throw new TemplateError("%c requires int or char");
  if (code < 0n || code > 0x10ffffn) throw new TemplateError("%c arg not in range(0x110000)");
  return String.fromCodePoint(Number(code));
}

function pad(
  { sign, body, isNumber }: Field,
  { width, isLeft, isZero }: { width: number; isLeft: boolean; isZero: boolean },
): string {
  const missing = Math.max(0, width - lengthOf(sign + body));
  if (isLeft) return sign + body + " ".repeat(missing);
  return isZero && isNumber ? sign + "0".repeat(missing) + body : " ".repeat(missing) + sign + body;
}
