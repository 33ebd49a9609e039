/** Python's `text.format(...)`. @module */
import { asNumber } from "./comparison.ts";
import { floatForm, intDigits } from "./number_format.ts";
import { floatText, toFloat } from "./python_numbers.ts";
import { lengthOf, unitsAt } from "./python_strings.ts";
import { escapeChar, reprOf, textOf } from "./python_text.ts";
import { type Args, asText, typeName, type Value } from "./python_values.ts";
import { type Limits, TemplateError, TextBuilder } from "./template_limits.ts";

/** How a field's attributes and items are found. */
export interface MemberAccess {
  getAttribute(value: Value, name: string, limits: Limits): Value;
  getItem(value: Value, key: Value, limits: Limits): Value;
}

/** Writes the arguments into the places in braces. */
export function formatBraces(
  format: string,
  args: Args,
  { access, limits }: { access: MemberAccess; limits: Limits },
): string {
  let next: number | null = 0;
  const argument = (name: string): Value => {
    if (!/^\d*$/.test(name)) {
      const value = args.named.get(name);
      if (value === undefined) throw new TemplateError(`format() has no argument '${name}'`);
      return value;
    }
    const isAutomatic = name === "";
    if (next !== 0 && isAutomatic !== (next !== null)) {
      throw new TemplateError("format() cannot mix numbered fields with others");
    }
    if (!isAutomatic) next = null;
    const value: Value | undefined = args.positional[isAutomatic ? next! : Number(name)];
    if (isAutomatic) next = next! + 1;
    if (value === undefined) throw new TemplateError("format() has fewer arguments than fields");
    return value;
  };
  const write = (text: string, depth: number): string => {
    if (depth > 2) throw new TemplateError("Max string recursion exceeded");
    const out = new TextBuilder(limits);
    for (let at = 0; at < text.length;) {
      const brace = text.slice(at).search(/[{}]/);
      if (brace < 0) {
        out.add(text.slice(at));
        break;
      }
      out.add(text.slice(at, at + brace));
      at += brace;
      limits.read(text.length - at);
      if (text[at + 1] === text[at]) {
        out.add(text[at]!);
        at += 2;
        continue;
      }
      if (text[at] === "}") throw new TemplateError("Single '}' encountered in format string");
      const end = closing(text, at);
      out.add(field(text.slice(at + 1, end), depth));
      at = end + 1;
    }
    return out.toString();
  };
  const field = (text: string, depth: number): string => {
    const [, name, conversion, spec = ""] = /^((?:[^!:[]|\[[^\]]*\])*)(?:!(.))?(?::(.*))?$/su.exec(text) ??
      fail(`the field {${text}} of a format is wrong`);
    const value = lookup(name!, { argument, access, limits });
    const converted = conversion === undefined ? value : convert(value, conversion, limits);
    return formatValue(converted, spec === "" ? "" : write(spec, depth + 1), limits);
  };
  return write(format, 1);
}

function fail(message: string): never {
  throw new TemplateError(message);
}

/** The place of the brace that ends a field. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return fail("expected '}' before end of string");
}

function lookup(
  name: string,
  { argument, access, limits }: { argument: (name: string) => Value; access: MemberAccess; limits: Limits },
): Value {
  const [, first, rest] = /^([^.[]*)(.*)$/s.exec(name)!;
  let value = argument(first!);
  for (const [part, attribute, item] of rest!.matchAll(/\.([^.[]+)|\[([^\]]+)\]|./gs)) {
    if (attribute !== undefined) value = access.getAttribute(value, attribute, limits);
    else if (item !== undefined) value = access.getItem(value, /^\d+$/.test(item) ? BigInt(item) : item, limits);
    else fail(`the field {${name}} of a format is wrong at "${part}"`);
  }
  return value;
}

function convert(value: Value, conversion: string, limits: Limits): Value {
  if (conversion === "s") return textOf(value, limits);
  if (conversion === "r") return reprOf(value, limits);
  // deno-lint-ignore no-control-regex
  if (conversion === "a") return reprOf(value, limits).replace(/[^\x00-\x7f]/gu, escapeChar);
  return fail(`Unknown conversion specifier '${conversion}'`);
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** A value as format(value, spec) writes it. */
function formatValue(value: Value, spec: string, limits: Limits): string {
  if (spec === "") return textOf(value, limits);
  const text = asText(value);
  const number = asNumber(value);
  if (text === null && number === null) {
    fail(`unsupported format string passed to ${typeName(value)}.__format__`);
  }
  const [, fillText, align, signMark, alternate, zero, widthText = "0", group, precisionText, type] = SPEC.exec(spec) ??
    fail(`Invalid format specifier '${spec}'`);
  const width = Number(widthText);
  limits.fit(width);
  const precision = precisionText === undefined ? null : Number(precisionText);
  const fill = fillText ?? (zero && align === undefined ? "0" : zero && fillText === undefined ? "0" : " ");
  if (text !== null) {
    if ((type ?? "s") !== "s" || signMark || alternate || group || align === "=") {
      fail(`the format specifier '${spec}' is not for a str`);
    }
    const body = precision === null ? text : text.slice(0, unitsAt(text, precision));
    return aligned(body, { sign: "", width, fill, align: align ?? "<" });
  }
  const { isNegative, body, prefix } = numberBody(number!, { type, precision, group, alternate, limits, spec });
  const sign = (isNegative ? "-" : signMark === "+" ? "+" : signMark === " " ? " " : "") + prefix;
  const place = align ?? (zero ? "=" : ">");
  if (group && place === "=" && fill === "0" && width > (sign + body).length) {
    fail(`the format specifier '${spec}' with zeros in groups is not supported`);
  }
  return aligned(body, { sign, width, fill, align: place });
}

interface NumberSpec {
  type: string | undefined;
  precision: number | null;
  group: string | undefined;
  alternate: string | undefined;
  limits: Limits;
  spec: string;
}

function numberBody(
  number: bigint | number,
  { type, precision, group, alternate, limits, spec }: NumberSpec,
): { isNegative: boolean; body: string; prefix: string } {
  const isAlternate = alternate !== undefined;
  if (typeof number === "bigint" && (type === undefined || "bcdoxX".includes(type))) {
    if (precision !== null) fail("Precision not allowed in integer format specifier");
    if (type === "c") return { isNegative: false, body: String.fromCodePoint(Number(number)), prefix: "" };
    const digits = intDigits(number, type ?? "d", isAlternate);
    const isPrefixed = isAlternate && type !== undefined && type !== "d";
    const body = isPrefixed ? digits.slice(2) : digits;
    if (group === "," && type !== undefined && type !== "d") fail(`Cannot specify ',' with '${type}'.`);
    const size = type === undefined || type === "d" ? 3 : 4;
    return { isNegative: number < 0n, body: grouped(body, group, size), prefix: isPrefixed ? digits.slice(0, 2) : "" };
  }
  const float = toFloat(number);
  const isNegative = float < 0 || Object.is(float, -0);
  let body: string;
  if (type === undefined) {
    body = floatText(Math.abs(float));
    if (precision !== null) {
      body = floatForm(float, { type: "g", precision, isAlternate }, limits);
      const isWhole = /^\d+$/.test(body);
      // Without a letter, one digit after the point is always written.
      if (isWhole && body.length >= precision) {
        body = floatForm(float, { type: "e", precision: precision - 1, isAlternate }, limits);
      } else if (isWhole) body += ".0";
    }
  } else if (type === "%") {
    body = `${floatForm(float * 100, { type: "f", precision: precision ?? 6, isAlternate }, limits)}%`;
  } else if ("eEfFgG".includes(type)) {
    body = floatForm(float, { type, precision: precision ?? 6, isAlternate }, limits);
  } else return fail(`Unknown format code in '${spec}' for object of type '${typeName(number)}'`);
  const [whole, rest] = [/^\d*/.exec(body)![0], body.replace(/^\d*/, "")];
  return { isNegative, body: grouped(whole, group, 3) + rest, prefix: "" };
}

function grouped(digits: string, group: string | undefined, size: number): string {
  if (group === undefined) return digits;
  return digits.replace(new RegExp(`\\B(?=(?:.{${size}})+$)`, "g"), group);
}

function aligned(
  body: string,
  { sign, width, fill, align }: { sign: string; width: number; fill: string; align: string },
): string {
  const missing = Math.max(0, width - lengthOf(sign + body));
  const left = align === "<" ? 0 : align === "^" ? missing >> 1 : missing;
  if (align === "=") return sign + fill.repeat(missing) + body;
  return fill.repeat(left) + sign + body + fill.repeat(missing - left);
}
