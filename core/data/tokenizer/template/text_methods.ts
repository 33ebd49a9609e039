/** The methods of Python's str. @module */
import { bindArguments, intArgument, textArgument } from "./call_arguments.ts";
import { elementsOf } from "./iteration.ts";
import { lengthOf, LINE_END, placeAt, sliceBounds, SPACE, strip, unitsAt } from "./python_strings.ts";
import { type Args, asText, Tuple, typeName, type Value } from "./python_values.ts";
import { type Limits, TemplateError, TextBuilder } from "./template_limits.ts";
import { capitalize, caseFold, swapCase, TEXT_CLASSES, titleCase } from "./text_case.ts";

type Method = (self: string, args: Args, limits: Limits) => Value;

/** The most that a change of case makes of a character: "ΐ" has three capitals. */
const CASE_GROWTH = 3;

/** The characters that are looked at one by one in a step. */
const CHARS_PER_STEP = 4;

const noArguments = (name: string, args: Args): void => void bindArguments(name, args, { names: [] });

/** A method without arguments that makes a text no longer than that. */
const simple = (name: string, run: (text: string) => string): Method => (self, args, limits) => {
  noArguments(name, args);
  limits.make(CASE_GROWTH * self.length);
  limits.spend(self.length / CHARS_PER_STEP);
  return run(self);
};

const stripping = (name: string, sides: { left?: boolean; right?: boolean }): Method => (self, args, limits) => {
  const [chars = null] = bindArguments(name, args, { names: ["chars"], keywords: false });
  limits.make(self.length);
  return strip(self, chars === null ? null : textArgument(name, chars), { ...sides, limits });
};

/** Splits at a text, or at runs of white space, at most `most` times; from the end if `isRight`. */
const splitting = (name: string, isRight: boolean): Method => (self, args, limits) => {
  const [sep = null, max = -1n] = bindArguments(name, args, { names: ["sep", "maxsplit"] });
  limits.make(self.length);
  const most = intArgument(name, max);
  const parts = sep === null ? splitSpace(self, isRight, most) : splitAt(self, textArgument(name, sep), {
    most,
    isRight,
  });
  limits.makeList(parts.length);
  return parts;
};

function splitAt(text: string, separator: string, { most, isRight }: { most: number; isRight: boolean }): string[] {
  if (separator === "") throw new TemplateError("empty separator");
  const parts = text.split(separator);
  if (most < 0 || parts.length <= most + 1) return parts;
  const joined = (some: string[]): string => some.join(separator);
  return isRight
    ? [joined(parts.slice(0, parts.length - most)), ...parts.slice(parts.length - most)]
    : [...parts.slice(0, most), joined(parts.slice(most))];
}

function splitSpace(text: string, isRight: boolean, most: number): string[] {
  const words = [...text.matchAll(new RegExp(`[^${SPACE}]+`, "g"))];
  if (most < 0 || words.length <= most) return words.map(([word]) => word);
  // What is not split keeps the white space at its outer end.
  if (isRight) {
    const last = words[words.length - most - 1]!;
    const rest = words.slice(words.length - most).map(([word]) => word);
    return [text.slice(0, last.index + last[0].length), ...rest];
  }
  return [...words.slice(0, most).map(([word]) => word), text.slice(words[most]!.index)];
}

const partitioning = (name: string, isRight: boolean): Method => (self, args, limits) => {
  const [sep] = bindArguments(name, args, { names: ["sep"], required: 1, keywords: false });
  const separator = textArgument(name, sep);
  if (separator === "") throw new TemplateError("empty separator");
  limits.make(self.length);
  const at = isRight ? self.lastIndexOf(separator) : self.indexOf(separator);
  if (at < 0) return new Tuple(isRight ? ["", "", self] : [self, "", ""]);
  return new Tuple([self.slice(0, at), separator, self.slice(at + separator.length)]);
};

/** A part of the text between two places in code points, and where it begins; null if they are out of order. */
function part(self: string, start: Value, stop: Value, limits: Limits): { text: string; place: number } | null {
  limits.read(self.length);
  const length = lengthOf(self);
  const bound = (value: Value): number | null => value === null ? null : intArgument("slice indices", value);
  const { first, count } = sliceBounds(length, { start: bound(start), stop: bound(stop), step: 1 });
  const from = bound(start) ?? 0;
  if (from > length || (count === 0 && (bound(stop) ?? length) < from && (bound(stop) ?? 0) >= 0 && from >= 0)) {
    return null;
  }
  const begin = unitsAt(self, first);
  return { text: self.slice(begin, begin + unitsAt(self.slice(begin), count)), place: first };
}

const RANGE = { names: ["sub", "start", "end"], required: 1, keywords: false };

const finding = (name: string, { isRight = false, mustBe = false } = {}): Method => (self, args, limits) => {
  const [sub, start = null, end = null] = bindArguments(name, args, RANGE);
  const wanted = textArgument(name, sub);
  const within = part(self, start, end, limits);
  const at = within === null ? -1 : isRight ? within.text.lastIndexOf(wanted) : within.text.indexOf(wanted);
  if (at >= 0) return BigInt(within!.place + placeAt(within!.text, at));
  if (mustBe) throw new TemplateError(`${name}(): substring not found`);
  return -1n;
};

const edging = (name: string, holds: (text: string, edge: string) => boolean): Method => (self, args, limits) => {
  const [edges, start = null, end = null] = bindArguments(name, args, RANGE);
  const within = part(self, start, end, limits);
  const all = edges instanceof Tuple ? edges.items : [edges!];
  limits.spend(all.length);
  return all.map((edge) => textArgument(name, edge)).some((edge) => within !== null && holds(within.text, edge));
};

/** The number of times a text occurs, without overlaps. */
export function occurrences(text: string, wanted: string): number {
  if (wanted === "") return lengthOf(text) + 1;
  let count = 0;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) count++;
  return count;
}

/** Replaces a text, at most `most` times if that is not negative. */
export function replaceText(
  text: string,
  { old, by, most }: { old: string; by: string; most: number },
  limits: Limits,
): string {
  limits.read(text.length);
  const found = occurrences(text, old);
  const times = most < 0 ? found : Math.min(found, most);
  limits.makeList(times);
  limits.make(text.length + times * (by.length - old.length));
  if (times === 0) return text;
  if (old !== "") {
    const parts = text.split(old);
    return [...parts.slice(0, times), parts.slice(times).join(old)].join(by);
  }
  const chars = [...text];
  return chars.map((char, i) => i < times ? by + char : char).join("") + (times > chars.length ? by : "");
}

const padding = (name: string, leftOf: (missing: number, width: number) => number): Method => (self, args, limits) => {
  const [size, filler = " "] = bindArguments(name, args, {
    names: ["width", "fillchar"],
    required: 1,
    keywords: false,
  });
  const fill = textArgument(name, filler);
  if (lengthOf(fill) !== 1) throw new TemplateError("The fill character must be exactly one character long");
  const width = intArgument(name, size!);
  const missing = Math.max(0, width - lengthOf(self));
  limits.make(self.length + missing * fill.length);
  const left = leftOf(missing, width);
  return fill.repeat(left) + self + fill.repeat(missing - left);
};

/** How many of the characters that are missing go to the left, where Python's center() puts them. */
export function centerLeft(missing: number, width: number): number {
  return Math.floor(missing / 2) + (missing & width & 1);
}

/** The lines of a text, without their ends. */
export function linesOf(text: string, limits: Limits, { keepEnds = false } = {}): string[] {
  limits.make(text.length);
  const lines: string[] = [];
  let start = 0;
  for (const { index, 0: end } of text.matchAll(LINE_END)) {
    lines.push(text.slice(start, keepEnds ? index + end.length : index));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  limits.makeList(lines.length);
  return lines;
}

/** The texts in a value, with a separator between them. */
export function joinTexts(separator: string, values: Iterable<string>, limits: Limits): string {
  const out = new TextBuilder(limits);
  let isFirst = true;
  for (const text of values) {
    if (!isFirst) out.add(separator);
    isFirst = false;
    out.add(text);
  }
  return out.toString();
}

function* onlyTexts(values: Iterable<Value>): Iterable<string> {
  let at = 0;
  for (const value of values) {
    const text = asText(value);
    if (text === null) throw new TemplateError(`sequence item ${at}: expected str instance, ${typeName(value)} found`);
    yield text;
    at++;
  }
}

const removing = (name: string, cut: (text: string, edge: string) => string): Method => (self, args, limits) => {
  const [edge] = bindArguments(name, args, { names: ["affix"], required: 1, keywords: false });
  limits.make(self.length);
  return cut(self, textArgument(name, edge));
};

const METHODS: Record<string, Method> = {
  strip: stripping("strip", {}),
  lstrip: stripping("lstrip", { right: false }),
  rstrip: stripping("rstrip", { left: false }),
  split: splitting("split", false),
  rsplit: splitting("rsplit", true),
  partition: partitioning("partition", false),
  rpartition: partitioning("rpartition", true),
  find: finding("find"),
  rfind: finding("rfind", { isRight: true }),
  index: finding("index", { mustBe: true }),
  rindex: finding("rindex", { isRight: true, mustBe: true }),
  startswith: edging("startswith", (text, edge) => text.startsWith(edge)),
  endswith: edging("endswith", (text, edge) => text.endsWith(edge)),
  upper: simple("upper", (text) => text.toUpperCase()),
  lower: simple("lower", (text) => text.toLowerCase()),
  title: simple("title", titleCase),
  capitalize: simple("capitalize", capitalize),
  swapcase: simple("swapcase", swapCase),
  casefold: simple("casefold", caseFold),
  center: padding("center", centerLeft),
  ljust: padding("ljust", () => 0),
  rjust: padding("rjust", (missing) => missing),
  removeprefix: removing("removeprefix", (text, edge) => text.startsWith(edge) ? text.slice(edge.length) : text),
  removesuffix: removing(
    "removesuffix",
    (text, edge) => edge !== "" && text.endsWith(edge) ? text.slice(0, -edge.length) : text,
  ),
  count(self, args, limits) {
    const [sub, start = null, end = null] = bindArguments("count", args, RANGE);
    const within = part(self, start, end, limits);
    return BigInt(within === null ? 0 : occurrences(within.text, textArgument("count", sub)));
  },
  replace(self, args, limits) {
    const names = ["old", "new", "count"];
    const [old, by, most = -1n] = bindArguments("replace", args, { names, required: 2, keywords: false });
    const texts = { old: textArgument("replace", old), by: textArgument("replace", by) };
    return replaceText(self, { ...texts, most: intArgument("replace", most) }, limits);
  },
  join(self, args, limits) {
    const [values] = bindArguments("join", args, { names: ["iterable"], required: 1, keywords: false });
    return joinTexts(self, onlyTexts(elementsOf(values!, limits)), limits);
  },
  splitlines(self, args, limits) {
    const [keepEnds = false] = bindArguments("splitlines", args, { names: ["keepends"] });
    return linesOf(self, limits, { keepEnds: intArgument("splitlines", keepEnds) !== 0 });
  },
  zfill(self, args, limits) {
    const [size] = bindArguments("zfill", args, { names: ["width"], required: 1, keywords: false });
    const missing = Math.max(0, intArgument("zfill", size!) - lengthOf(self));
    limits.make(self.length + missing);
    const sign = /^[-+]/.exec(self)?.[0] ?? "";
    return sign + "0".repeat(missing) + self.slice(sign.length);
  },
  expandtabs(self, args, limits) {
    const [tab = 8n] = bindArguments("expandtabs", args, { names: ["tabsize"] });
    const size = Math.max(0, intArgument("expandtabs", tab));
    limits.make(self.length + occurrences(self, "\t") * size);
    let column = 0;
    return [...self].map((char) => {
      const text = char !== "\t" ? char : size === 0 ? "" : " ".repeat(size - column % size);
      column = char === "\n" || char === "\r" ? 0 : column + lengthOf(text);
      return text;
    }).join("");
  },
};

/** The methods by their names. */
export const TEXT_METHODS: ReadonlyMap<string, Method> = new Map([
  ...Object.entries(METHODS),
  ...[...TEXT_CLASSES].map(([name, test]): [string, Method] => [name, (self, args, limits) => {
    noArguments(name, args);
    limits.spend(self.length / CHARS_PER_STEP);
    return test(self);
  }]),
]);
