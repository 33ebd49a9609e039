/** Evaluates the expressions of a template. @module */
import { isTrue } from "./comparison.ts";
import { elementsOf } from "./iteration.ts";
import { getAttribute, getItem, getSlice } from "./member_access.ts";
import { arithmetic, compares, sign } from "./operators.ts";
import { textOf } from "./python_text.ts";
import { type Args, Callable, Dict, Thing, Tuple, typeName, Undefined, type Value } from "./python_values.ts";
import type { Scope } from "./scope.ts";
import { SEQUENCE_FILTERS } from "./sequence_filters.ts";
import { Loop } from "./template_globals.ts";
import { type Limits, TemplateError } from "./template_limits.ts";
import type { CallNode, Expression } from "./template_nodes.ts";
import type { Filter, Runtime } from "./template_runtime.ts";
import { TEXT_FILTERS } from "./text_filters.ts";
import { VALUE_TESTS } from "./value_tests.ts";

/** Jinja's filters by name; those that are not here are not supported. */
export const FILTERS: ReadonlyMap<string, Filter> = new Map(
  Object.entries({ ...TEXT_FILTERS, ...SEQUENCE_FILTERS }),
);

/** The filters of an environment that is not transformers': its `tojson` escapes HTML, which is not supported. */
export const PLAIN_FILTERS: ReadonlyMap<string, Filter> = new Map([...FILTERS].filter(([name]) => name !== "tojson"));

/** Filters and tests that take what is undefined where all else refuses it, as jinja2's StrictUndefined does. */
const LENIENT_FILTERS = ["default", "d", "items"];
const LENIENT_TESTS = ["defined", "undefined", "none", "boolean", "number", "integer", "float", "string", "mapping"];

/** Functions that keep their arguments as they are. */
const KEEPERS = ["Macro", "dict", "namespace"];

const BY_NAME = ["filter", "test"];

/** Whether there is a test of that name. */
export const KNOWN_TESTS: { has(name: string): boolean } = {
  has: (name) => VALUE_TESTS.has(name) || BY_NAME.includes(name),
};

/** Evaluates expressions of one rendering. */
export class Evaluator implements Runtime {
  /** `isStrict`: whether any use of what is undefined is an error. */
  constructor(readonly limits: Limits, readonly isStrict: boolean = false) {}

  filter(name: string, value: Value, args: Args): Value {
    const filter = (this.isStrict ? PLAIN_FILTERS : FILTERS).get(name);
    if (this.isStrict && !LENIENT_FILTERS.includes(name)) {
      this.#check(value, ...args.positional, ...args.named.values());
    }
    if (filter === undefined) throw new TemplateError(`there is no filter '${name.slice(0, 40)}'`);
    this.limits.spend(1);
    return filter(value, args, this);
  }

  test(name: string, value: Value, args: Args): boolean {
    this.limits.spend(1);
    if (BY_NAME.includes(name)) {
      const text = textOf(value, this.limits);
      return name === "filter" ? FILTERS.has(text) : KNOWN_TESTS.has(text);
    }
    const test = VALUE_TESTS.get(name);
    if (this.isStrict && !LENIENT_TESTS.includes(name)) this.#check(value, ...args.positional, ...args.named.values());
    if (test === undefined) throw new TemplateError(`there is no test '${name.slice(0, 40)}'`);
    return test(value, args, this.limits);
  }

  /** Calls a value. */
  call(callee: Value, args: Args): Value {
    this.limits.spend(1);
    if (callee instanceof Undefined) callee.fail();
    if (
      this.isStrict && callee instanceof Callable && !KEEPERS.includes(callee.typeName) &&
      !KEEPERS.includes(callee.name)
    ) {
      this.#check(...args.positional, ...args.named.values());
    }
    if (callee instanceof Callable) return this.limits.nest(() => callee.call(args));
    if (callee instanceof Loop) {
      if (callee.recurse === null) throw new TemplateError("the loop must have the 'recursive' marker to be called");
      return this.limits.nest(() => callee.recurse!(args.positional[0] ?? null));
    }
    // A name that is not supported says so.
    if (callee instanceof Thing && callee.typeName === "function") callee.print();
    throw new TemplateError(`'${typeName(callee)}' object is not callable`);
  }

  arguments(node: CallNode, scope: Scope): Args {
    const positional = node.positional.map((each) => this.evaluate(each, scope));
    const named = new Map(node.named.map(([name, value]) => [name, this.evaluate(value, scope)]));
    if (node.rest !== null) {
      for (const item of elementsOf(this.evaluate(node.rest, scope), this.limits)) positional.push(item);
    }
    if (node.keywords !== null) {
      const more = this.evaluate(node.keywords, scope);
      if (!(more instanceof Dict)) {
        throw new TemplateError(`argument after ** must be a mapping, not ${typeName(more)}`);
      }
      for (const [key, value] of more.entries()) {
        if (typeof key !== "string") throw new TemplateError("keywords must be strings");
        if (named.has(key)) throw new TemplateError(`got multiple values for keyword argument '${key}'`);
        this.limits.spend(1);
        named.set(key, value);
      }
    }
    this.limits.spend(positional.length + named.size);
    return { positional, named };
  }

  /** The value of an expression that is printed, tested, compared or walked, which strictly must not be undefined. */
  use(node: Expression, scope: Scope): Value {
    return this.defined(this.evaluate(node, scope));
  }

  defined(value: Value): Value {
    if (this.isStrict) this.#check(value);
    return value;
  }

  #check(...values: readonly Value[]): void {
    for (const value of values) if (value instanceof Undefined && !value.isLenient) value.fail();
  }

  evaluate(node: Expression, scope: Scope): Value {
    const { limits } = this;
    limits.spend(1);
    const value = (each: Expression): Value => this.evaluate(each, scope);
    const use = (each: Expression): Value => this.use(each, scope);
    switch (node.type) {
      case "constant":
        return node.value;
      case "name":
        return this.#name(node.name, scope);
      case "list":
        limits.makeList(node.items.length);
        return node.items.map(value);
      case "tuple":
        limits.makeList(node.items.length);
        return new Tuple(node.items.map(value));
      case "dict": {
        const dict = new Dict();
        limits.makeList(4 * node.entries.length);
        for (const [key, item] of node.entries) dict.set(value(key), value(item), limits);
        return dict;
      }
      case "concat":
        return this.#concat(node.items.map(use));
      case "attribute":
        return getAttribute(value(node.object), node.name, limits);
      case "item":
        return getItem(value(node.object), value(node.key), limits);
      case "slice": {
        const part = (each: Expression | null): Value => each === null ? null : value(each);
        const object = value(node.object);
        return getSlice(object, { start: part(node.start), stop: part(node.stop), step: part(node.step) }, limits);
      }
      case "call": {
        const callee = value(node.callee);
        return this.call(callee, this.arguments(node.args, scope));
      }
      case "filter": {
        const operand = value(node.operand);
        return this.filter(node.name, operand, this.arguments(node.args, scope));
      }
      case "test": {
        const operand = value(node.operand);
        return this.test(node.name, operand, this.arguments(node.args, scope));
      }
      case "arithmetic": {
        const left = use(node.left);
        return arithmetic(node.sign, left, use(node.right), limits);
      }
      case "compare": {
        let left = use(node.first);
        for (const [sign, next] of node.rest) {
          const right = use(next);
          if (!compares(sign, left, right, limits)) return false;
          left = right;
        }
        return true;
      }
      case "and": {
        const left = use(node.left);
        return isTrue(left) ? value(node.right) : left;
      }
      case "or": {
        const left = use(node.left);
        return isTrue(left) ? left : value(node.right);
      }
      case "not":
        return !isTrue(use(node.operand));
      case "sign":
        return sign(node.sign, value(node.operand));
      case "choice":
        if (isTrue(use(node.test))) return value(node.then);
        if (node.otherwise !== null) return value(node.otherwise);
        // Of an inline condition jinja2 makes one of its ordinary kind.
        return new Undefined("the inline if-expression evaluated to false and no else section was defined.", true);
    }
  }

  #name(name: string, scope: Scope): Value {
    const value = scope.get(name);
    return value === undefined ? new Undefined(`'${name.slice(0, 40)}' is undefined`) : value;
  }

  #concat(values: readonly Value[]): string {
    const texts = values.map((each) => textOf(each, this.limits));
    this.limits.make(texts.reduce((length, text) => length + text.length, 0));
    return texts.join("");
  }
}
