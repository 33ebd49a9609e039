/** Python's arithmetic, on all types that have it. @module */
import { intArgument } from "./call_arguments.ts";
import { asNumber, compare, contains, isEqual } from "./comparison.ts";
import { escapeHtml } from "./html_escape.ts";
import { formatPercent } from "./percent_format.ts";
import { checkInt, floorDivide, floorFloat, power, toFloat } from "./python_numbers.ts";
import { textOf } from "./python_text.ts";
import { asText, isList, Markup, Tuple, typeName, Undefined, type Value } from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";

export type ArithmeticSign = "+" | "-" | "*" | "/" | "//" | "%" | "**";
export type CompareSign = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

/** Computes `a sign b`. Throws a TemplateError for types that Python refuses. */
export function arithmetic(sign: ArithmeticSign, a: Value, b: Value, limits: Limits): Value {
  limits.spend(1);
  if (sign === "%") {
    const text = asText(a);
    if (text !== null) return formatMarkup(a, b, { text, limits });
  }
  if (a instanceof Undefined) a.fail();
  if (b instanceof Undefined) b.fail();
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== null && y !== null) return compute(sign, x, y);
  const made = sign === "+" ? join(a, b, limits) : sign === "*" ? repeat(a, b, limits) : null;
  if (made !== null) return made;
  throw new TemplateError(`unsupported operand type(s) for ${sign}: '${typeName(a)}' and '${typeName(b)}'`);
}

/** `+value` or `-value`. */
export function sign(mark: "+" | "-", value: Value): Value {
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value);
  if (number === null) throw new TemplateError(`bad operand type for unary ${mark}: '${typeName(value)}'`);
  return mark === "+" ? number : -number;
}

/** Whether `a sign b` holds. */
export function compares(sign: CompareSign, a: Value, b: Value, limits: Limits): boolean {
  switch (sign) {
    case "==":
      return isEqual(a, b, limits);
    case "!=":
      return !isEqual(a, b, limits);
    case "in":
      return contains(b, a, limits);
    case "not in":
      return !contains(b, a, limits);
  }
  const order = compare(a, b, { sign, limits });
  return sign === "<" ? order < 0 : sign === "<=" ? order <= 0 : sign === ">" ? order > 0 : order >= 0;
}

function compute(sign: ArithmeticSign, x: bigint | number, y: bigint | number): bigint | number {
  if ((sign === "/" || sign === "//" || sign === "%") && y == 0) throw new TemplateError("division by zero");
  if (sign === "**") return power(x, y);
  if (sign !== "/" && typeof x === "bigint" && typeof y === "bigint") {
    switch (sign) {
      case "+":
        return checkInt(x + y);
      case "-":
        return checkInt(x - y);
      case "*":
        return checkInt(x * y);
      case "//":
        return floorDivide(x, y);
      case "%":
        return x - floorDivide(x, y) * y;
    }
  }
  const [a, b] = [toFloat(x), toFloat(y)];
  switch (sign) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return floorFloat(a, b).quotient;
    case "%":
      return floorFloat(a, b).rest;
  }
}

/** Text with text, a list with a list, or a tuple with a tuple; null for other types. */
function join(a: Value, b: Value, limits: Limits): Value | null {
  const [s, t] = [asText(a), asText(b)];
  if (s !== null && t !== null) {
    if (!(a instanceof Markup || b instanceof Markup)) {
      limits.make(s.length + t.length);
      return s + t;
    }
    const left = a instanceof Markup ? s : escapeHtml(s, limits);
    const right = b instanceof Markup ? t : escapeHtml(t, limits);
    limits.make(left.length + right.length);
    return new Markup(left + right);
  }
  if (isList(a) && isList(b)) {
    limits.makeList(a.length + b.length);
    return [...a, ...b];
  }
  if (!(a instanceof Tuple && b instanceof Tuple)) return null;
  limits.makeList(a.items.length + b.items.length);
  return new Tuple([...a.items, ...b.items]);
}

/** A text, list or tuple again and again; null for other types. */
function repeat(a: Value, b: Value, limits: Limits): Value | null {
  const [what, times] = asNumber(a) === null ? [a, b] : [b, a];
  const text = asText(what);
  const items = isList(what) ? what : what instanceof Tuple ? what.items : null;
  if (text === null && items === null) return null;
  const count = Math.max(0, intArgument("can't multiply sequence", times));
  if (text !== null) {
    limits.make(text.length * count);
    const result = text === "" ? "" : text.repeat(count);
    return what instanceof Markup ? new Markup(result) : result;
  }
  limits.makeList(items!.length * count);
  const result = items!.length === 0 ? [] : Array.from({ length: count }, () => items!).flat();
  return what instanceof Tuple ? new Tuple(result) : result;
}

function formatMarkup(format: Value, values: Value, { text, limits }: { text: string; limits: Limits }): Value {
  if (!(format instanceof Markup)) return formatPercent(text, values, limits);
  const escape = (value: Value): Value =>
    asNumber(value) !== null || value instanceof Markup ? value : escapeHtml(textOf(value, limits), limits);
  if (!(values instanceof Tuple) && asText(values) === null && asNumber(values) === null) {
    throw new TemplateError(`a Markup % a ${typeName(values)} is not supported`);
  }
  const escaped = values instanceof Tuple ? new Tuple(values.items.map(escape)) : escape(values);
  return new Markup(formatPercent(text, escaped, limits));
}
