/** The methods of Python's containers and numbers, and those that templates may not use. @module */
import { bindArguments } from "./call_arguments.ts";
import { isEqual } from "./comparison.ts";
import { listOf } from "./iteration.ts";
import { type Args, Dict, type Value, View } from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";

type Method = (self: Value, args: Args, limits: Limits) => Value;
type Methods = ReadonlyMap<string, Method>;

const none = (name: string, args: Args): void => void bindArguments(name, args, { names: [] });

const view = (kind: "items" | "keys" | "values"): Method => (self, args) => {
  none(kind, args);
  return new View(kind, self as Dict);
};

const search = { names: ["value"], required: 1, keywords: false };

function index(self: Value, args: Args, limits: Limits): Value {
  const [value] = bindArguments("index", args, search);
  const at = listOf(self, limits).findIndex((item) => isEqual(item, value!, limits));
  if (at < 0) throw new TemplateError("index(): the value is not there");
  return BigInt(at);
}

function count(self: Value, args: Args, limits: Limits): Value {
  const [value] = bindArguments("count", args, search);
  return BigInt(listOf(self, limits).filter((item) => isEqual(item, value!, limits)).length);
}

function copy(self: Value, args: Args, limits: Limits): Value {
  none("copy", args);
  // What cannot be changed is its own copy, but is another object.
  return self instanceof Dict ? copyDict(self, limits) : [...listOf(self, limits)];
}

/** A dict with the same entries. */
export function copyDict(dict: Dict, limits: Limits): Dict {
  limits.makeList(4 * dict.size);
  const made = new Dict();
  for (const [key, value] of dict.entries()) made.set(key, value, limits);
  return made;
}

const methods = (record: Record<string, Method>): Methods => new Map(Object.entries(record));
const sequence = { index, count };

/** Methods by the type that has them, and by name. */
export const CONTAINER_METHODS: ReadonlyMap<string, Methods> = new Map(Object.entries({
  dict: methods({
    items: view("items"),
    keys: view("keys"),
    values: view("values"),
    get(self, args, limits) {
      const [key, otherwise] = bindArguments("get", args, { names: ["key", "default"], required: 1, keywords: false });
      const value = (self as Dict).get(key!, limits);
      return value === undefined ? otherwise ?? null : value;
    },
    copy,
  }),
  list: methods({ ...sequence, copy }),
  tuple: methods(sequence),
  range: methods(sequence),
  float: methods({
    is_integer(self, args) {
      none("is_integer", args);
      return Number.isInteger(self);
    },
  }),
}));

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** What would change a value, which the sandbox does not allow. */
const UNSAFE: ReadonlyMap<string, ReadonlySet<string>> = new Map(Object.entries({
  dict: words("clear pop popitem setdefault update"),
  list: words("append clear pop reverse insert sort extend remove"),
}));

/** Whether the sandbox keeps an attribute of a type from templates. */
export function isUnsafe(type: string, name: string): boolean {
  return UNSAFE.get(type)?.has(name) ?? false;
}

const INT = "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real to_bytes";

/** Attributes that Python has and that are not supported here: they must not read as missing. */
export const PYTHON_ONLY: ReadonlyMap<string, ReadonlySet<string>> = new Map(Object.entries({
  str: words("encode format_map maketrans translate"),
  dict: words("fromkeys"),
  int: words(INT),
  bool: words(INT),
  float: words("as_integer_ratio conjugate fromhex hex imag real"),
  dict_items: words("isdisjoint mapping"),
  dict_keys: words("isdisjoint mapping"),
  dict_values: words("mapping"),
  generator: words("close gi_code gi_frame gi_running gi_suspended gi_yieldfrom send throw"),
  Macro: words("catch_kwargs catch_varargs caller explicit_caller"),
}));
