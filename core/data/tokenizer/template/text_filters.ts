/** Jinja's filters of text and numbers. @module */
import { bindArguments, intArgument, textArgument } from "./call_arguments.ts";
import { asNumber, isTrue } from "./comparison.ts";
import { escapeHtml } from "./html_escape.ts";
import { elementsOf, listOf } from "./iteration.ts";
import { jsonOf } from "./json_text.ts";
import { formatPercent } from "./percent_format.ts";
import { readFloat, readInt, roundFloat, roundInt, toFloat, truncate } from "./python_numbers.ts";
import { charsOf, lengthOf, SPACE, strip, unitsAt } from "./python_strings.ts";
import { textOf } from "./python_text.ts";
import { asText, Dict, Markup, Tuple, typeName, Undefined, type Value } from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";
import type { Filter } from "./template_runtime.ts";
import { capitalize } from "./text_case.ts";
import { centerLeft, joinTexts, linesOf, replaceText } from "./text_methods.ts";

/** The most that a change of case makes of a character. */
const CASE_GROWTH = 3;

/** A filter of a text without arguments, which leaves it marked as safe if it is. */
const ofText = (name: string, run: (text: string, limits: Limits) => string): Filter => (value, args, { limits }) => {
  bindArguments(name, args, { names: [] });
  const text = textOf(value, limits);
  limits.make(CASE_GROWTH * text.length);
  return marked(value, run(text, limits));
};

function marked(value: Value, text: string): Value {
  return value instanceof Markup ? new Markup(text) : text;
}

/** Every word with a capital; words begin after white space, hyphens and brackets. */
function title(text: string): string {
  return text.split(new RegExp(`([-${SPACE}({\\[<]+)`)).map((part) => {
    if (part === "") return "";
    const first = String.fromCodePoint(part.codePointAt(0)!);
    return first.toUpperCase() + part.slice(first.length).toLowerCase();
  }).join("");
}

const toInt: Filter = (value, args, { limits }) => {
  const [otherwise = 0n, base = 10n] = bindArguments("int", args, { names: ["default", "base"] });
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value);
  if (typeof number === "bigint") return number;
  if (typeof number === "number") return Number.isNaN(number) ? otherwise : truncate(number);
  const text = asText(value);
  if (text === null) return otherwise;
  limits.read(text.length);
  const trimmed = strip(text, null, { limits });
  const int = readInt(trimmed, intArgument("int", base));
  if (int !== null) return int;
  const float = readFloat(trimmed);
  return float !== null && Number.isFinite(float) ? truncate(float) : otherwise;
};

const toFloatValue: Filter = (value, args, { limits }) => {
  const [otherwise = 0] = bindArguments("float", args, { names: ["default"] });
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value);
  if (number !== null) return toFloat(number);
  const text = asText(value);
  if (text === null) return otherwise;
  limits.read(text.length);
  return readFloat(strip(text, null, { limits })) ?? otherwise;
};

const round: Filter = (value, args) => {
  const [precision = 0n, method = "common"] = bindArguments("round", args, { names: ["precision", "method"] });
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value);
  if (number === null) throw new TemplateError(`type ${typeName(value)} doesn't define __round__ method`);
  const digits = intArgument("round", precision);
  if (method === "common") return typeof number === "bigint" ? roundInt(number, digits) : roundFloat(number, digits);
  if (method !== "ceil" && method !== "floor") throw new TemplateError("method must be common, ceil or floor");
  const unit = 10 ** digits;
  const scaled = toFloat(number) * unit;
  const whole = method === "ceil" ? Math.ceil(scaled) : Math.floor(scaled);
  if (!Number.isFinite(whole)) truncate(whole);
  const result = whole / unit;
  // An int times a power of ten is an int, but the division makes a float of it.
  return result;
};

const abs: Filter = (value, args) => {
  bindArguments("abs", args, { names: [] });
  if (value instanceof Undefined) value.fail();
  const number = asNumber(value);
  if (number === null) throw new TemplateError(`bad operand type for abs(): '${typeName(value)}'`);
  return typeof number === "bigint" ? (number < 0n ? -number : number) : Math.abs(number);
};

const indent: Filter = (value, args, { limits }) => {
  const names = ["width", "first", "blank"];
  const [width = 4n, first = false, blank = false] = bindArguments("indent", args, { names });
  if (value instanceof Undefined) value.fail();
  const text = textArgument("indent", value);
  const size = asText(width) === null ? Math.max(0, intArgument("indent", width)) : 0;
  limits.fit(size);
  const prefix = asText(width) ?? " ".repeat(size);
  const lines = linesOf(`${text}\n`, limits);
  limits.make(text.length + prefix.length * lines.length);
  const rest = lines.slice(1).map((line) => isTrue(blank) || line !== "" ? prefix + line : line);
  const result = [lines[0] ?? "", ...rest].join("\n");
  return marked(value, (isTrue(first) ? prefix : "") + result);
};

const toJson: Filter = (value, args, { limits }) => {
  const names = ["ensure_ascii", "indent", "separators", "sort_keys"];
  const [ascii = false, indent = null, separators = null, sortKeys = false] = bindArguments("tojson", args, { names });
  const parts = separators === null ? null : listOf(separators, limits).map((part) => textArgument("tojson", part));
  if (parts !== null && parts.length !== 2) throw new TemplateError("tojson: separators are two texts");
  const indentText = indent === null ? null : asText(indent);
  const size = indent === null || indentText !== null ? 0 : Math.max(0, intArgument("tojson", indent));
  limits.fit(size);
  return jsonOf(value, {
    isAscii: isTrue(ascii),
    indent: indent === null ? null : indentText ?? " ".repeat(size),
    separators: parts === null ? [indent === null ? ", " : ",", ": "] : [parts[0]!, parts[1]!],
    sortKeys: isTrue(sortKeys),
  }, limits);
};

const truncateText: Filter = (value, args, { limits }) => {
  const names = ["length", "killwords", "end", "leeway"];
  const [size = 255n, kill = false, endText = "...", leeway = 5n] = bindArguments("truncate", args, { names });
  const text = textArgument("truncate", value);
  const end = textArgument("truncate", endText);
  const [length, more] = [intArgument("truncate", size), intArgument("truncate", leeway === null ? 5n : leeway)];
  if (length < lengthOf(end)) throw new TemplateError(`expected length >= ${lengthOf(end)}, got ${length}`);
  if (more < 0) throw new TemplateError(`expected leeway >= 0, got ${more}`);
  limits.make(text.length + end.length);
  if (lengthOf(text) <= length + more) return value;
  const cut = text.slice(0, unitsAt(text, length - lengthOf(end)));
  if (isTrue(kill)) return cut + end;
  const space = cut.lastIndexOf(" ");
  return (space < 0 ? cut : cut.slice(0, space)) + end;
};

/** A text as a part of an address. */
function quoteUrl(value: Value, isQuery: boolean, limits: Limits): string {
  const text = textOf(value, limits);
  limits.make(9 * text.length);
  const quoted = Array.from(new TextEncoder().encode(text), (byte) => {
    const char = String.fromCharCode(byte);
    if (/[\w.~-]/.test(char) || (char === "/" && !isQuery)) return char;
    return char === " " && isQuery ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
  return quoted;
}

const urlencode: Filter = (value, args, { limits }) => {
  bindArguments("urlencode", args, { names: [] });
  if (asText(value) !== null || value === null || asNumber(value) !== null) return quoteUrl(value, false, limits);
  const pairs = value instanceof Dict
    ? [...value.entries()]
    : [...elementsOf(value, limits)].map((pair) => listOf(pair, limits));
  const parts = pairs.map((pair) => {
    if (pair.length !== 2) throw new TemplateError("urlencode: pairs are expected");
    return `${quoteUrl(pair[0]!, true, limits)}=${quoteUrl(pair[1]!, true, limits)}`;
  });
  return joinTexts("&", parts, limits);
};

const escape: Filter = (value, args, { limits }) => {
  bindArguments("escape", args, { names: [] });
  return value instanceof Markup ? value : new Markup(escapeHtml(textOf(value, limits), limits));
};

/** The filters by name. */
export const TEXT_FILTERS: Readonly<Record<string, Filter>> = {
  upper: ofText("upper", (text) => text.toUpperCase()),
  lower: ofText("lower", (text) => text.toLowerCase()),
  capitalize: ofText("capitalize", capitalize),
  title: (value, args, { limits }) => {
    bindArguments("title", args, { names: [] });
    const text = textOf(value, limits);
    limits.make(CASE_GROWTH * text.length);
    limits.makeList(text.length);
    return title(text);
  },
  string: (value, args, { limits }) => {
    bindArguments("string", args, { names: [] });
    return value instanceof Markup ? value : textOf(value, limits);
  },
  safe: (value, args, { limits }) => {
    bindArguments("safe", args, { names: [] });
    return new Markup(textOf(value, limits));
  },
  escape,
  e: escape,
  forceescape: (value, _args, { limits }) => new Markup(escapeHtml(textOf(value, limits), limits)),
  trim: (value, args, { limits }) => {
    const [chars = null] = bindArguments("trim", args, { names: ["chars"] });
    const text = textOf(value, limits);
    limits.make(text.length);
    return marked(value, strip(text, chars === null ? null : textArgument("trim", chars), { limits }));
  },
  replace: (value, args, { limits }) => {
    const [old, by, count = null] = bindArguments("replace", args, { names: ["old", "new", "count"], required: 2 });
    const texts = { old: textOf(old!, limits), by: textOf(by!, limits) };
    return replaceText(
      textOf(value, limits),
      { ...texts, most: count === null ? -1 : intArgument("replace", count) },
      limits,
    );
  },
  format: (value, args, { limits }) => {
    if (args.positional.length > 0 && args.named.size > 0) {
      throw new TemplateError("can't handle positional and keyword arguments at the same time");
    }
    const named = new Dict();
    for (const [name, item] of args.named) named.set(name, item, limits);
    const format = textOf(value, limits);
    return marked(value, formatPercent(format, args.named.size > 0 ? named : new Tuple(args.positional), limits));
  },
  center: (value, args, { limits }) => {
    const [size = 80n] = bindArguments("center", args, { names: ["width"] });
    const text = textOf(value, limits);
    const width = intArgument("center", size);
    const missing = Math.max(0, width - lengthOf(text));
    limits.make(text.length + missing);
    const left = centerLeft(missing, width);
    return marked(value, " ".repeat(left) + text + " ".repeat(missing - left));
  },
  wordcount: (value, args, { limits }) => {
    bindArguments("wordcount", args, { names: [] });
    const text = textOf(value, limits);
    limits.makeList(text.length / 2);
    return BigInt(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0);
  },
  indent,
  truncate: truncateText,
  urlencode,
  tojson: toJson,
  int: toInt,
  float: toFloatValue,
  round,
  abs,
  list: (value, args, { limits }) => {
    bindArguments("list", args, { names: [] });
    const text = asText(value);
    return text !== null ? charsOf(text, limits) : [...listOf(value, limits)];
  },
};
