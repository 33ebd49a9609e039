/** Jinja's filters of lists and mappings. @module */
import { bindArguments, intArgument, textArgument } from "./call_arguments.ts";
import { compare, isEqual, isTrue, sortBy } from "./comparison.ts";
import { elementsOf, listOf, reversed, sizeOf } from "./iteration.ts";
import { getAttribute } from "./member_access.ts";
import { arithmetic } from "./operators.ts";
import { textOf } from "./python_text.ts";
import { type Args, asText, Dict, Generator, hashOf, Tuple, typeName, Undefined, type Value } from "./python_values.ts";
import { TemplateError } from "./template_limits.ts";
import { attributeReader, type Filter, ignoreCase, type Runtime } from "./template_runtime.ts";
import { joinTexts } from "./text_methods.ts";

/** The elements of a value, later: a filter that returns a generator does nothing before it is walked. */
function generator(make: () => Iterable<Value>): Generator {
  let inner: Iterator<Value> | undefined;
  return new Generator({ next: () => (inner ??= make()[Symbol.iterator]()).next() });
}

/** The filter that `map` applies, from its arguments. */
function mapper(args: Args, runtime: Runtime): (item: Value) => Value {
  const attribute = args.named.get("attribute");
  if (args.positional.length === 0 && attribute !== undefined) {
    const [, otherwise] = bindArguments("map", args, { names: ["attribute", "default"] });
    return attributeReader(attribute, { otherwise }, runtime.limits);
  }
  const [name, ...rest] = args.positional;
  if (name === undefined) throw new TemplateError("map requires a filter argument");
  const filterName = textOf(name, runtime.limits);
  return (item) => runtime.filter(filterName, item, { positional: rest, named: args.named });
}

const selecting = (isReject: boolean, byAttribute: boolean): Filter => (value, args, runtime) =>
  generator(function* () {
    if (!isTrue(value)) return;
    const { limits } = runtime;
    if (byAttribute && args.positional.length === 0) throw new TemplateError("Missing parameter for attribute name");
    const [attribute, rest] = byAttribute
      ? [args.positional[0], args.positional.slice(1)]
      : [undefined, args.positional];
    const read = attributeReader(attribute, {}, limits);
    const [name, ...others] = rest;
    const holds = name === undefined
      ? (item: Value): boolean => isTrue(runtime.defined(item))
      : (item: Value): boolean => runtime.test(textOf(name, limits), item, { positional: others, named: args.named });
    for (const item of elementsOf(value, limits)) if (holds(read(item)) !== isReject) yield item;
  });

const extreme = (name: string, isBetter: (order: number) => boolean): Filter => (value, args, { limits }) => {
  const [caseful = false, attribute] = bindArguments(name, args, { names: ["case_sensitive", "attribute"] });
  const read = attributeReader(attribute, { isCaseless: !isTrue(caseful) }, limits);
  let best: { item: Value; key: Value } | null = null;
  for (const item of elementsOf(value, limits)) {
    const key = read(item);
    const sign = name === "max" ? ">" : "<";
    if (best === null || isBetter(compare(key, best.key, { sign, limits }))) best = { item, key };
  }
  return best?.item ?? (best === null ? new Undefined("No aggregated item, sequence was empty.") : null);
};

const sort: Filter = (value, args, { limits }) => {
  const names = ["reverse", "case_sensitive", "attribute"];
  const [reverse = false, caseful = false, attribute] = bindArguments("sort", args, { names });
  const attributes = attribute === undefined ? null : asText(attribute);
  const readers = (attributes === null ? [attribute] : attributes.split(",")).map((each) =>
    attributeReader(each, { isCaseless: !isTrue(caseful) }, limits)
  );
  const keyOf = (item: Value): Value => readers.length === 1 ? readers[0]!(item) : readers.map((read) => read(item));
  return sortBy(listOf(value, limits), { keyOf, reverse: intArgument("sort", reverse) !== 0, limits });
};

const dictsort: Filter = (value, args, { limits }) => {
  const names = ["case_sensitive", "by", "reverse"];
  const [caseful = false, by = "key", reverse = false] = bindArguments("dictsort", args, { names });
  if (!(value instanceof Dict)) throw new TemplateError(`'${typeName(value)}' object has no attribute 'items'`);
  if (by !== "key" && by !== "value") throw new TemplateError('You can only sort by either "key" or "value"');
  const keyOf = ([key, item]: readonly [Value, Value]): Value => {
    const part = by === "key" ? key : item;
    return isTrue(caseful) ? part : ignoreCase(part, limits);
  };
  const sorted = sortBy([...value.entries()], { keyOf, reverse: intArgument("dictsort", reverse) !== 0, limits });
  return sorted.map((pair) => new Tuple([...pair]));
};

const groupby: Filter = (value, args, { limits }) => {
  const names = ["attribute", "default", "case_sensitive"];
  const [attribute, otherwise, caseful = false] = bindArguments("groupby", args, { names, required: 1 });
  const read = attributeReader(attribute, { otherwise, isCaseless: !isTrue(caseful) }, limits);
  const exact = attributeReader(attribute, { otherwise }, limits);
  const groups: { key: Value; items: Value[] }[] = [];
  for (const item of sortBy(listOf(value, limits), { keyOf: read, reverse: false, limits })) {
    const key = read(item);
    const last = groups.at(-1);
    if (last && isEqual(last.key, key, limits)) last.items.push(item);
    else groups.push({ key, items: [item] });
  }
  return groups.map(({ items }) => new Tuple([exact(items[0]!), items], ["grouper", "list"]));
};

const unique: Filter = (value, args, { limits }) => {
  const [caseful = false, attribute] = bindArguments("unique", args, { names: ["case_sensitive", "attribute"] });
  const read = attributeReader(attribute, { isCaseless: !isTrue(caseful) }, limits);
  return generator(function* () {
    const seen = new Set<string>();
    for (const item of elementsOf(value, limits)) {
      const hash = hashOf(read(item), limits);
      limits.make(hash.length);
      if (seen.has(hash)) continue;
      seen.add(hash);
      yield item;
    }
  });
};

const batch: Filter = (value, args, { limits }) => {
  const names = ["linecount", "fill_with"];
  const [size, fill = null] = bindArguments("batch", args, { names, required: 1 });
  const count = intArgument("batch", size!);
  return generator(function* () {
    let row: Value[] = [];
    for (const item of elementsOf(value, limits)) {
      if (row.length === count) {
        yield row;
        row = [];
      }
      limits.makeList(1);
      row.push(item);
    }
    if (row.length === 0) return;
    const missing = fill === null ? 0 : Math.max(0, count - row.length);
    limits.makeList(missing);
    yield [...row, ...Array.from({ length: missing }, () => fill)];
  });
};

const slice: Filter = (value, args, { limits }) => {
  const names = ["slices", "fill_with"];
  const [size, fill = null] = bindArguments("slice", args, { names, required: 1 });
  const slices = intArgument("slice", size!);
  return generator(function* () {
    const items = listOf(value, limits);
    if (slices === 0) throw new TemplateError("division by zero");
    const each = Math.floor(items.length / slices);
    const longer = items.length % slices;
    for (let i = 0, start = 0; i < slices; i++) {
      const end = start + each + (i < longer ? 1 : 0);
      limits.makeList(end - start + 1);
      yield fill !== null && i >= longer ? [...items.slice(start, end), fill] : items.slice(start, end);
      start = end;
    }
  });
};

const join: Filter = (value, args, runtime) => {
  const { limits } = runtime;
  const [separator = "", attribute] = bindArguments("join", args, { names: ["d", "attribute"] });
  const read = attributeReader(attribute, {}, limits);
  const texts = function* (): Iterable<string> {
    for (const item of elementsOf(value, limits)) yield textOf(runtime.defined(read(item)), limits);
  };
  return joinTexts(textOf(separator, limits), texts(), limits);
};

const sum: Filter = (value, args, { limits }) => {
  const [attribute, start = 0n] = bindArguments("sum", args, { names: ["attribute", "start"] });
  if (asText(start) !== null) throw new TemplateError("sum() can't sum strings [use ''.join(seq) instead]");
  const read = attributeReader(attribute, {}, limits);
  let total: Value = start;
  for (const item of elementsOf(value, limits)) total = arithmetic("+", total, read(item), limits);
  return total;
};

const length: Filter = (value, args, { limits }) => {
  bindArguments("length", args, { names: [] });
  return BigInt(sizeOf(value, limits));
};

const first: Filter = (value, args, { limits }) => {
  bindArguments("first", args, { names: [] });
  for (const item of elementsOf(value, limits)) return item;
  return new Undefined("No first item, sequence was empty.");
};

const last: Filter = (value, args, { limits }) => {
  bindArguments("last", args, { names: [] });
  if (value instanceof Generator) throw new TemplateError("'generator' object is not reversible");
  return listOf(value, limits).at(-1) ??
    (sizeOf(value, limits) > 0 ? null : new Undefined("No last item, sequence was empty."));
};

const otherwise: Filter = (value, args) => {
  const [fallback = "", boolean = false] = bindArguments("default", args, { names: ["default_value", "boolean"] });
  return value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? fallback : value;
};

const reverse: Filter = (value, args, { limits }) => {
  bindArguments("reverse", args, { names: [] });
  if (asText(value) !== null) return reversed(value, limits).join("");
  if (value instanceof Generator) return reversed(value, limits);
  listOf(value, limits);
  return generator(() => reversed(value, limits));
};

/** The filters by name. */
export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  map: (value, args, runtime) =>
    generator(function* () {
      if (!isTrue(value)) return;
      const apply = mapper(args, runtime);
      for (const item of elementsOf(value, runtime.limits)) yield apply(item);
    }),
  select: selecting(false, false),
  reject: selecting(true, false),
  selectattr: selecting(false, true),
  rejectattr: selecting(true, true),
  items: (value, args, { limits }) => {
    bindArguments("items", args, { names: [] });
    return generator(function* () {
      if (value instanceof Undefined) return;
      if (!(value instanceof Dict)) throw new TemplateError("Can only get item pairs from a mapping.");
      limits.makeList(4 * value.size);
      for (const pair of value.entries()) yield new Tuple([...pair]);
    });
  },
  attr: (value, args, { limits }) => {
    const [name] = bindArguments("attr", args, { names: ["name"], required: 1 });
    const key = textArgument("attr", name);
    // An attribute only, never an item.
    if (
      value instanceof Dict && value.get(key, limits) !== undefined && !["get", "items", "keys", "values"].includes(key)
    ) {
      return new Undefined(`'dict object' has no attribute '${key}'`);
    }
    return getAttribute(value, key, limits);
  },
  sort,
  dictsort,
  groupby,
  unique,
  batch,
  slice,
  join,
  sum,
  length,
  count: length,
  first,
  last,
  min: extreme("min", (order) => order < 0),
  max: extreme("max", (order) => order > 0),
  default: otherwise,
  d: otherwise,
  reverse,
};
