/** Jinja's tests, such as `is defined`. @module */
import { bindArguments } from "./call_arguments.ts";
import { asNumber, contains, isEqual } from "./comparison.ts";
import { arithmetic, compares, type CompareSign } from "./operators.ts";
import { textOf } from "./python_text.ts";
import {
  type Args,
  asText,
  Callable,
  Dict,
  Generator,
  isList,
  Markup,
  Range,
  Thing,
  Tuple,
  Undefined,
  type Value,
  View,
} from "./python_values.ts";
import { type Limits, TemplateError } from "./template_limits.ts";
import { TEXT_CLASSES } from "./text_case.ts";

type Test = (value: Value, args: Args, limits: Limits) => boolean;

const plain = (name: string, holds: (value: Value) => boolean): Test => (value, args) => {
  bindArguments(name, args, { names: [] });
  return holds(value);
};

const comparing = (sign: CompareSign): Test => (value, args, limits) => {
  const [other] = bindArguments(sign, args, { names: ["other"], required: 1, keywords: false });
  return compares(sign, value, other!, limits);
};

const remainder = (name: string, divisor: bigint, wanted: bigint): Test => (value, args, limits) => {
  bindArguments(name, args, { names: [] });
  return isEqual(rest(value, divisor, limits), wanted, limits);
};

function rest(value: Value, divisor: Value, limits: Limits): Value {
  if (asText(value) !== null) throw new TemplateError("not all arguments converted during string formatting");
  return arithmetic("%", value, divisor, limits);
}

const isSequence = (value: Value): boolean =>
  asText(value) !== null || isList(value) || value instanceof Tuple || value instanceof Dict ||
  value instanceof Range || value instanceof Undefined;

const isCallable = (value: Value): boolean =>
  value instanceof Callable || value instanceof Undefined ||
  (value instanceof Thing && ["LoopContext", "function"].includes(value.typeName));

const textClass = (name: "islower" | "isupper"): Test => (value, args, limits) => {
  bindArguments(name, args, { names: [] });
  return TEXT_CLASSES.get(name)!(textOf(value, limits));
};

/** `is`: one object, which for numbers and text Python does not promise. */
const sameas: Test = (value, args, limits) => {
  const [other] = bindArguments("sameas", args, { names: ["other"], required: 1 });
  if (value === null || other === null || typeof value === "boolean" || typeof other === "boolean") {
    return value === other;
  }
  if (typeof value !== "object" || typeof other !== "object") {
    if (typeof value === typeof other && isEqual(value, other!, limits)) {
      const isSmall = typeof value === "bigint" && value >= -5n && value <= 256n;
      if (!isSmall) throw new TemplateError("'sameas' is not supported for numbers and text, expected '=='");
      return true;
    }
    return false;
  }
  return value === other;
};

const equal = comparing("==");
const greater = comparing(">");
const less = comparing("<");

const TESTS: Record<string, Test> = {
  ...{ "==": equal, eq: equal, equalto: equal, "!=": comparing("!="), ne: comparing("!=") },
  ...{ ">": greater, gt: greater, greaterthan: greater, ">=": comparing(">="), ge: comparing(">=") },
  ...{ "<": less, lt: less, lessthan: less, "<=": comparing("<="), le: comparing("<=") },
  in: (value, args, limits) => {
    const [container] = bindArguments("in", args, { names: ["seq"], required: 1 });
    return contains(container!, value, limits);
  },
  odd: remainder("odd", 2n, 1n),
  even: remainder("even", 2n, 0n),
  divisibleby: (value, args, limits) => {
    const [divisor] = bindArguments("divisibleby", args, { names: ["num"], required: 1 });
    return isEqual(rest(value, divisor!, limits), 0n, limits);
  },
  defined: plain("defined", (value) => !(value instanceof Undefined)),
  undefined: plain("undefined", (value) => value instanceof Undefined),
  none: plain("none", (value) => value === null),
  boolean: plain("boolean", (value) => typeof value === "boolean"),
  true: plain("true", (value) => value === true),
  false: plain("false", (value) => value === false),
  integer: plain("integer", (value) => typeof value === "bigint"),
  float: plain("float", (value) => typeof value === "number"),
  number: plain("number", (value) => asNumber(value) !== null),
  string: plain("string", (value) => asText(value) !== null),
  mapping: plain("mapping", (value) => value instanceof Dict),
  sequence: plain("sequence", isSequence),
  iterable: plain(
    "iterable",
    (value) =>
      isSequence(value) || value instanceof View || value instanceof Generator ||
      (value instanceof Thing && value.typeName === "LoopContext"),
  ),
  callable: plain("callable", isCallable),
  escaped: plain("escaped", (value) => value instanceof Markup),
  lower: textClass("islower"),
  upper: textClass("isupper"),
  sameas,
};

/** The tests by name, but those that ask for names of filters and tests. */
export const VALUE_TESTS: ReadonlyMap<string, Test> = new Map(Object.entries(TESTS));
