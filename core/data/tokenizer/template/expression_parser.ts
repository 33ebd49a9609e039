/** Parses the expressions of a template, as jinja2's parser does. @module */
import type { ArithmeticSign, CompareSign } from "./operators.ts";
import { checkInt, readInt } from "./python_numbers.ts";
import type { CallNode, Expression, FilterNode } from "./template_nodes.ts";
import type { TokenStream } from "./token_stream.ts";

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ...[["true", true], ["True", true], ["false", false], ["False", false], ["none", null], ["None", null]] as const,
]);

/** Whether a name is a constant, which nothing can be assigned to. */
export function isConstant(name: string): boolean {
  return CONSTANTS.has(name);
}

/** An expression, or a tuple of several without parentheses. */
export function parseTuple(
  tokens: TokenStream,
  { canChoose = true, isEnclosed = false }: {
    /** Whether `a if b else c` may be there. */
    canChoose?: boolean;
    isEnclosed?: boolean;
  } = {},
): Expression {
  const items: Expression[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0) tokens.expect("operator", ",");
    if (tokens.is("end") || tokens.is("operator", ")")) break;
    items.push(canChoose ? parseExpression(tokens) : tokens.nest(() => parseOr(tokens)));
    if (!tokens.is("operator", ",")) break;
    isTuple = true;
  }
  if (!isTuple && items.length > 0) return items[0]!;
  if (!isTuple && !isEnclosed) tokens.fail(`expected an expression, got ${tokens.describe()}`);
  return { type: "tuple", items };
}

export function parseExpression(tokens: TokenStream): Expression {
  return tokens.nest(() => {
    // Which of its parts are conditional is known only at `if`.
    const before = tokens.isConditional;
    tokens.isConditional = before || isChoice(tokens);
    let result = parseOr(tokens);
    while (tokens.skip("name", "if")) {
      const test = parseOr(tokens);
      const otherwise = tokens.skip("name", "else") ? parseExpression(tokens) : null;
      result = { type: "choice", test, then: result, otherwise };
    }
    tokens.isConditional = before;
    return result;
  });
}

/** Whether the expression that begins here has an `if` of its own. */
function isChoice(tokens: TokenStream): boolean {
  let depth = 0;
  for (const { type, value } of tokens.ahead()) {
    if (type === "end" || type === "eof") return false;
    if (type === "operator" && "([{".includes(value)) depth++;
    if (type === "operator" && ")]}".includes(value) && --depth < 0) return false;
    if (depth > 0) continue;
    if (type === "operator" && (value === "," || value === ":")) return false;
    if (type === "name" && value === "if") return true;
  }
  return false;
}

function parseOr(tokens: TokenStream): Expression {
  let left = parseAnd(tokens);
  while (tokens.skip("name", "or")) left = { type: "or", left, right: parseAnd(tokens) };
  return left;
}

function parseAnd(tokens: TokenStream): Expression {
  let left = parseNot(tokens);
  while (tokens.skip("name", "and")) left = { type: "and", left, right: parseNot(tokens) };
  return left;
}

function parseNot(tokens: TokenStream): Expression {
  if (!tokens.skip("name", "not")) return parseCompare(tokens);
  return { type: "not", operand: parseNot(tokens) };
}

const COMPARE = ["==", "!=", "<", "<=", ">", ">="];

function parseCompare(tokens: TokenStream): Expression {
  const first = parseSum(tokens);
  const rest: [CompareSign, Expression][] = [];
  for (;;) {
    if (tokens.is("operator", ...COMPARE)) {
      const sign = tokens.next().value as CompareSign;
      rest.push([sign, parseSum(tokens)]);
    } else if (tokens.skip("name", "in")) rest.push(["in", parseSum(tokens)]);
    else if (tokens.is("name", "not") && tokens.following.type === "name" && tokens.following.value === "in") {
      tokens.next();
      tokens.next();
      rest.push(["not in", parseSum(tokens)]);
    } else return rest.length === 0 ? first : { type: "compare", first, rest };
  }
}

/** Operators that bind to the left, all at one level. */
const leftward = (signs: readonly string[], parse: (tokens: TokenStream) => Expression) =>
(
  tokens: TokenStream,
): Expression => {
  let left = parse(tokens);
  while (tokens.is("operator", ...signs)) {
    const sign = tokens.next().value as ArithmeticSign;
    left = { type: "arithmetic", sign, left, right: parse(tokens) };
  }
  return left;
};

const parsePower = leftward(["**"], (tokens) => parseUnary(tokens, true));
const parseProduct = leftward(["*", "/", "//", "%"], parsePower);
const parseSum = leftward(["+", "-"], parseConcat);

function parseConcat(tokens: TokenStream): Expression {
  const items = [parseProduct(tokens)];
  while (tokens.skip("operator", "~")) items.push(parseProduct(tokens));
  return items.length === 1 ? items[0]! : { type: "concat", items };
}

function parseUnary(tokens: TokenStream, hasFilters: boolean): Expression {
  const isSign = tokens.is("operator", "-", "+");
  const node: Expression = isSign
    ? { type: "sign", sign: tokens.next().value as "+" | "-", operand: parseUnary(tokens, false) }
    : parsePrimary(tokens);
  const result = parsePostfix(tokens, node);
  return hasFilters ? parseFilters(tokens, result) : result;
}

function parsePrimary(tokens: TokenStream): Expression {
  if (tokens.is("name")) {
    const { value } = tokens.next();
    if (isConstant(value)) return { type: "constant", value: CONSTANTS.get(value)! };
    tokens.names.push(value);
    return { type: "name", name: value };
  }
  if (tokens.is("string")) {
    let text = "";
    while (tokens.is("string")) text += tokens.next().value;
    return { type: "constant", value: text };
  }
  if (tokens.is("integer")) return { type: "constant", value: readInteger(tokens) };
  if (tokens.is("float")) return { type: "constant", value: Number(tokens.next().value) };
  if (tokens.skip("operator", "(")) {
    const inner = parseTuple(tokens, { isEnclosed: true });
    tokens.expect("operator", ")");
    return inner;
  }
  if (tokens.skip("operator", "[")) {
    const items = parseItems(tokens, "]", () => parseExpression(tokens));
    return { type: "list", items };
  }
  if (tokens.skip("operator", "{")) {
    const entries = parseItems(tokens, "}", (): [Expression, Expression] => {
      const key = parseExpression(tokens);
      tokens.expect("operator", ":");
      return [key, parseExpression(tokens)];
    });
    return { type: "dict", entries };
  }
  return tokens.fail(`unexpected ${tokens.describe()}`);
}

function readInteger(tokens: TokenStream): bigint {
  const { value } = tokens.next();
  return checkInt(readInt(value, 0) ?? tokens.fail(`the integer ${value} is wrong`));
}

/** Items with commas between them, up to a closing bracket, which is stepped over. */
function parseItems<T>(tokens: TokenStream, close: string, parse: () => T): T[] {
  const items: T[] = [];
  while (!tokens.skip("operator", close)) {
    if (items.length > 0) tokens.expect("operator", ",");
    if (tokens.skip("operator", close)) break;
    items.push(parse());
  }
  return items;
}

/** Attributes, items and calls after an expression. */
export function parsePostfix(tokens: TokenStream, start: Expression): Expression {
  let node = start;
  for (;;) {
    if (tokens.skip("operator", ".")) {
      if (tokens.is("integer")) {
        node = { type: "item", object: node, key: { type: "constant", value: readInteger(tokens) } };
      } else node = { type: "attribute", object: node, name: tokens.expect("name").value };
    } else if (tokens.skip("operator", "[")) node = parseSubscript(tokens, node);
    else if (tokens.is("operator", "(")) node = { type: "call", callee: node, args: parseCall(tokens) };
    else return node;
  }
}

function parseSubscript(tokens: TokenStream, object: Expression): Expression {
  const part = (): Expression | null => tokens.is("operator", ":", "]", ",") ? null : parseExpression(tokens);
  const start = part();
  if (!tokens.skip("operator", ":")) {
    if (start === null) return tokens.fail(`unexpected ${tokens.describe()}`);
    if (!tokens.is("operator", ",")) {
      tokens.expect("operator", "]");
      return { type: "item", object, key: start };
    }
    tokens.next();
    const items = [start, ...parseItems(tokens, "]", () => parseExpression(tokens))];
    return { type: "item", object, key: { type: "tuple", items } };
  }
  const stop = part();
  const step = tokens.skip("operator", ":") ? part() : null;
  tokens.expect("operator", "]");
  return { type: "slice", object, start, stop, step };
}

const NO_ARGUMENTS: CallNode = { positional: [], named: [], rest: null, keywords: null };

function parseCall(tokens: TokenStream): CallNode {
  const { line } = tokens.expect("operator", "(");
  const positional: Expression[] = [];
  const named: [string, Expression][] = [];
  let rest: Expression | null = null;
  let keywords: Expression | null = null;
  const ensure = (isFine: boolean): void => {
    if (!isFine) tokens.fail("invalid syntax for function call expression", line);
  };
  let isFirst = true;
  while (!tokens.is("operator", ")")) {
    if (!isFirst) tokens.expect("operator", ",");
    if (tokens.is("operator", ")")) break;
    isFirst = false;
    if (tokens.skip("operator", "*")) {
      ensure(rest === null && keywords === null);
      rest = parseExpression(tokens);
    } else if (tokens.skip("operator", "**")) {
      ensure(keywords === null);
      keywords = parseExpression(tokens);
    } else if (tokens.is("name") && tokens.following.type === "operator" && tokens.following.value === "=") {
      ensure(keywords === null);
      const name = tokens.next().value;
      tokens.next();
      ensure(!named.some(([other]) => other === name));
      named.push([name, parseExpression(tokens)]);
    } else {
      ensure(rest === null && keywords === null && named.length === 0);
      positional.push(parseExpression(tokens));
    }
  }
  tokens.expect("operator", ")");
  return { positional, named, rest, keywords };
}

/** Filters, tests and calls after an expression. */
function parseFilters(tokens: TokenStream, start: Expression): Expression {
  let node = start;
  for (;;) {
    if (tokens.skip("operator", "|")) node = { type: "filter", operand: node, ...parseFilter(tokens) };
    else if (tokens.skip("name", "is")) node = parseTest(tokens, node);
    else if (tokens.is("operator", "(")) node = { type: "call", callee: node, args: parseCall(tokens) };
    else return node;
  }
}

/** A filter's name and arguments, after its sign. */
export function parseFilter(tokens: TokenStream): FilterNode {
  const name = parseDotted(tokens);
  if (!tokens.isConditional && !tokens.known.filters.has(name)) tokens.fail(`there is no filter '${name}'`);
  return { name, args: tokens.is("operator", "(") ? parseCall(tokens) : NO_ARGUMENTS };
}

function parseDotted(tokens: TokenStream): string {
  let name = tokens.expect("name").value;
  while (tokens.skip("operator", ".")) name += `.${tokens.expect("name").value}`;
  return name;
}

function parseTest(tokens: TokenStream, operand: Expression): Expression {
  const isNot = tokens.skip("name", "not");
  const name = parseDotted(tokens);
  if (!tokens.isConditional && !tokens.known.tests.has(name)) tokens.fail(`there is no test '${name}'`);
  let args = NO_ARGUMENTS;
  if (tokens.is("operator", "(")) args = parseCall(tokens);
  else if (
    tokens.is("string") || tokens.is("integer") || tokens.is("float") || tokens.is("operator", "[", "{") ||
    (tokens.is("name") && !tokens.is("name", "else", "or", "and"))
  ) {
    if (tokens.is("name", "is")) tokens.fail("You cannot chain multiple tests with is");
    args = { ...NO_ARGUMENTS, positional: [parsePostfix(tokens, parsePrimary(tokens))] };
  }
  const test: Expression = { type: "test", operand, name, args };
  return isNot ? { type: "not", operand: test } : test;
}
