/** Python's attributes and items, as Jinja's sandbox finds them. @module */
import { formatBraces } from "./brace_format.ts";
import { intArgument } from "./call_arguments.ts";
import { CONTAINER_METHODS, isUnsafe, PYTHON_ONLY } from "./container_methods.ts";
import { charsOf, lengthOf, sliceBounds, unitsAt } from "./python_strings.ts";
import {
  type Args,
  asText,
  Callable,
  Dict,
  isList,
  Markup,
  Range,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";
import { TEXT_METHODS } from "./text_methods.ts";

/** `value.name`: an attribute, or else an item; undefined if there is neither. */
export function getAttribute(value: Value, name: string, limits: Limits): Value {
  const attribute = attributeOf(value, name, limits);
  if (attribute !== undefined) return attribute;
  const item = itemOf(value, name, limits);
  return item === undefined ? missing(value, name) : item;
}

/** `value[key]`: an item, or else an attribute; undefined if there is neither. */
export function getItem(value: Value, key: Value, limits: Limits): Value {
  const item = itemOf(value, key, limits);
  if (item !== undefined) return item;
  const name = asText(key);
  const attribute = name === null ? undefined : attributeOf(value, name, limits);
  return attribute === undefined ? missing(value, key) : attribute;
}

/** `value[start:stop:step]`. */
export function getSlice(
  value: Value,
  { start, stop, step }: { start: Value; stop: Value; step: Value },
  limits: Limits,
): Value {
  if (value instanceof Undefined) value.fail();
  const bound = (part: Value): number | null =>
    part === null ? null : intArgument("slice indices must be integers or None", part);
  const text = asText(value);
  const items = isList(value) ? value : value instanceof Tuple ? value.items : null;
  if (text === null && items === null && !(value instanceof Range)) {
    throw new TemplateError(`'${typeName(value)}' object cannot be sliced`);
  }
  const bounds = { start: bound(start), stop: bound(stop), step: bound(step) ?? 1 };
  if (bounds.step === 0) throw new TemplateError("slice step cannot be zero");
  if (text !== null) {
    limits.read(text.length);
    const slice = sliceText(text, bounds, limits);
    return value instanceof Markup ? new Markup(slice) : slice;
  }
  const length = items?.length ?? (value as Range).length;
  const { first, end, count } = sliceBounds(length, bounds);
  if (value instanceof Range) {
    return new Range(value.at(first), value.at(end), value.step * BigInt(bounds.step));
  }
  limits.makeList(count);
  const slice = Array.from({ length: count }, (_, i) => items![first + i * bounds.step]!);
  return value instanceof Tuple ? new Tuple(slice) : slice;
}

function sliceText(
  text: string,
  bounds: { start: number | null; stop: number | null; step: number },
  limits: Limits,
): string {
  const { first, count } = sliceBounds(lengthOf(text), bounds);
  if (bounds.step === 1) {
    limits.make(count);
    const start = unitsAt(text, first);
    return text.slice(start, start + unitsAt(text.slice(start), count));
  }
  const chars = charsOf(text, limits);
  limits.makeList(count);
  return Array.from({ length: count }, (_, i) => chars[first + i * bounds.step]!).join("");
}

function itemOf(value: Value, key: Value, limits: Limits): Value | undefined {
  if (value instanceof Undefined) value.fail();
  if (value instanceof Dict) return isHashable(key) ? value.get(key, limits) : undefined;
  const text = asText(value);
  const items = isList(value) ? value : value instanceof Tuple ? value.items : null;
  if ((typeof key !== "bigint" && typeof key !== "boolean") || (text === null && !items && !(value instanceof Range))) {
    return undefined;
  }
  const index = intArgument("index", key);
  if (text !== null) {
    limits.read(text.length);
    const length = lengthOf(text);
    const at = index < 0 ? index + length : index;
    if (at < 0 || at >= length) return undefined;
    const char = String.fromCodePoint(text.codePointAt(unitsAt(text, at))!);
    return value instanceof Markup ? new Markup(char) : char;
  }
  const length = items?.length ?? (value as Range).length;
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) return undefined;
  return items ? items[at] : (value as Range).at(at);
}

function isHashable(key: Value): boolean {
  return !isList(key) && !(key instanceof Dict) && !(key instanceof Tuple && !key.items.every(isHashable));
}

function attributeOf(value: Value, name: string, limits: Limits): Value | undefined {
  if (value instanceof Undefined) value.fail();
  if (name.startsWith("__") && name.endsWith("__")) return unsafe(value, name);
  if (value instanceof Tuple && value.names.includes(name)) return value.items[value.names.indexOf(name)];
  const own = value instanceof Thing ? value.attribute(name) : undefined;
  if (own !== undefined) return own;
  const type = typeName(value);
  if (isUnsafe(type, name)) return unsafe(value, name);
  const text = asText(value);
  if (text !== null && name === "format") {
    const access = { getAttribute, getItem };
    return new Callable(name, (args) => ofMarkup(value, name, formatBraces(text, args, { access, limits })));
  }
  const method = text !== null ? TEXT_METHODS.get(name) : undefined;
  if (method) return new Callable(name, (args) => ofMarkup(value, name, method(text!, args, limits)));
  const other = CONTAINER_METHODS.get(type)?.get(name);
  if (other) return new Callable(name, (args: Args) => other(value, args, limits));
  if (PYTHON_ONLY.get(type === "Markup" ? "str" : type)?.has(name)) {
    throw new TemplateError(`'${name}' of a ${type} is not supported`);
  }
  return undefined;
}

/** Methods of marked text that return marked text. */
const KEEP_MARKS = ["strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize", "swapcase"];

function ofMarkup(value: Value, name: string, result: Value): Value {
  if (!(value instanceof Markup)) return result;
  if (typeof result === "boolean" || typeof result === "bigint") return result;
  if (typeof result === "string" && KEEP_MARKS.includes(name)) return new Markup(result);
  throw new TemplateError(`'${name}' of text that is marked as safe is not supported`);
}

function unsafe(value: Value, name: string): Undefined {
  return new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe`);
}

function missing(value: Value, key: Value): Undefined {
  const what = value === null ? "None" : `'${typeName(value)} object'`;
  const name = asText(key);
  return new Undefined(
    name !== null
      ? `${what} has no attribute '${name.slice(0, 40)}'`
      : `${what} has no element ${typeof key === "bigint" ? key.toString().slice(0, 20) : typeName(key)}`,
  );
}
