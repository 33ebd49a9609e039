/** Renders the statements of a template. @module */
import { isTrue } from "./comparison.ts";
import { Evaluator } from "./expression_evaluator.ts";
import type { HiddenNames } from "./hidden_names.ts";
import { elementsOf, listOf } from "./iteration.ts";
import { bindMacro } from "./macro_arguments.ts";
import { textOf } from "./python_text.ts";
import { asText, Callable, Namespace, Tuple, typeName, type Value } from "./python_values.ts";
import { Scope } from "./scope.ts";
import { Loop } from "./template_globals.ts";
import { type Limits, TemplateError, TextBuilder } from "./template_limits.ts";
import type { FilterNode, LoopNode, MacroNode, Statement, Target } from "./template_nodes.ts";

/** What is written at the beginning and the end of a generation block. */
export type Marks = readonly [begin: string, end: string];

/** How the statements of a body ended: as a loop's `break` or `continue`, or null. */
type Ending = "break" | "continue" | null;

/** Renders one template once. */
export class Renderer {
  readonly #limits: Limits;
  readonly #evaluator: Evaluator;
  readonly #marks: Marks;
  readonly #root: Scope;
  readonly #hidden: HiddenNames;
  /** The line of what is rendered. */
  line = 0;

  constructor(
    { limits, root, marks, hidden, isStrict = false }: {
      limits: Limits;
      root: Scope;
      marks: Marks;
      hidden: HiddenNames;
      isStrict?: boolean;
    },
  ) {
    this.#limits = limits;
    this.#evaluator = new Evaluator(limits, isStrict);
    this.#root = root;
    this.#marks = marks;
    this.#hidden = hidden;
  }

  render(body: readonly Statement[]): string {
    return this.#text(body, this.#root);
  }

  /** What a body writes. */
  #text(body: readonly Statement[], scope: Scope): string {
    const out = new TextBuilder(this.#limits);
    this.#run(body, scope, out);
    return out.toString();
  }

  #run(body: readonly Statement[], scope: Scope, out: TextBuilder): Ending {
    for (const statement of body) {
      const ending = this.#statement(statement, scope, out);
      if (ending !== null) return ending;
    }
    return null;
  }

  #statement(node: Statement, scope: Scope, out: TextBuilder): Ending {
    this.#limits.spend(1);
    this.line = node.line;
    const evaluator = this.#evaluator;
    switch (node.type) {
      case "data":
        out.add(node.text);
        return null;
      case "print":
        out.add(textOf(evaluator.use(node.value, scope), this.#limits));
        return null;
      case "if":
        for (const [test, body] of node.branches) {
          if (isTrue(evaluator.use(test, scope))) return this.#run(body, scope, out);
        }
        return this.#run(node.otherwise, scope, out);
      case "for":
        return this.#loop(node, scope, out);
      case "break":
      case "continue":
        return node.type;
      case "set":
        this.#assign(node.target, evaluator.evaluate(node.value, scope), scope);
        return null;
      case "setBlock": {
        const { text, ending } = this.#part(node.body, scope);
        if (ending === null) this.#assign(node.target, this.#filtered(text, node.filters, scope), scope);
        return ending;
      }
      case "with": {
        const inner = this.#within(node.body, scope);
        const values = node.values.map((each) => evaluator.evaluate(each, scope));
        node.targets.forEach((target, i) => this.#assign(target, values[i]!, inner));
        return this.#run(node.body, inner, out);
      }
      case "macro":
        scope.set(node.name, this.#macro(node, scope));
        return null;
      case "callBlock": {
        const callee = evaluator.evaluate(node.call.callee, scope);
        const args = evaluator.arguments(node.call.args, scope);
        const named = new Map(args.named).set("caller", this.#macro(node.caller, scope, null));
        out.add(textOf(evaluator.call(callee, { positional: args.positional, named }), this.#limits));
        return null;
      }
      case "filterBlock": {
        const { text, ending } = this.#part(node.body, scope);
        if (ending !== null) return ending;
        const value = this.#filtered(text, node.filters, scope);
        const written = asText(value);
        if (written === null) throw new TemplateError(`a filter block makes ${typeName(value)}, expected a str`);
        out.add(written);
        return null;
      }
      case "block":
        // A block sees the template's own variables, and those around it only if it says so.
        return this.#inner(node.body, this.#within(node.body, node.isScoped ? scope : this.#root, true), out);
      case "generation":
        out.add(this.#marks[0]);
        this.#inner(node.body, this.#within(node.body, scope), out);
        out.add(this.#marks[1]);
        return null;
    }
  }

  /** The variables of a body that has its own. */
  #within(body: readonly Statement[], outer: Scope, isBlock = false): Scope {
    return new Scope(outer, { hidden: this.#hidden.get(body), isBlock });
  }

  /** What a body writes with variables of its own; what a loop's end cuts short is written nowhere. */
  #part(body: readonly Statement[], scope: Scope): { text: string; ending: Ending } {
    const out = new TextBuilder(this.#limits);
    const ending = this.#run(body, this.#within(body, scope), out);
    return { text: out.toString(), ending };
  }

  #inner(body: readonly Statement[], scope: Scope, out: TextBuilder): null {
    this.#run(body, scope, out);
    return null;
  }

  #filtered(text: string, filters: readonly FilterNode[], scope: Scope): Value {
    let value: Value = text;
    for (const { name, args } of filters) {
      value = this.#evaluator.filter(name, value, this.#evaluator.arguments(args, scope));
    }
    return value;
  }

  #loop(node: LoopNode, scope: Scope, out: TextBuilder): null {
    this.#loopOver(this.#evaluator.use(node.items, scope), { node, scope, out, depth: 1 });
    return null;
  }

  #loopOver(
    source: Value,
    { node, scope, out, depth }: { node: LoopNode; scope: Scope; out: TextBuilder; depth: number },
  ): void {
    const limits = this.#limits;
    const evaluator = this.#evaluator;
    let items: readonly Value[] = listOf(source, limits);
    if (node.test !== null) {
      const { test } = node;
      const kept: Value[] = [];
      for (const item of elementsOf(items, limits)) {
        const inner = new Scope(scope);
        this.#assign(node.target, item, inner);
        if (!isTrue(evaluator.use(test, inner))) continue;
        limits.makeList(1);
        kept.push(item);
      }
      items = kept;
    }
    const recurse = (inner: Value): string => {
      const text = new TextBuilder(limits);
      this.#loopOver(inner, { node, scope, out: text, depth: depth + 1 });
      return text.toString();
    };
    const loop = new Loop(items, depth, limits, node.isRecursive ? recurse : null);
    // As in jinja2, whose `else` asks whether the body came to its end once.
    let isDone = false;
    for (const [i, item] of items.entries()) {
      limits.spend(4);
      loop.index = i;
      const inner = this.#within(node.body, scope);
      inner.set("loop", loop);
      this.#assign(node.target, item, inner);
      const ending = this.#run(node.body, inner, out);
      if (ending === "break") break;
      isDone ||= ending === null;
    }
    if (!isDone) this.#run(node.otherwise, this.#within(node.otherwise, scope), out);
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    this.#limits.spend(1);
    if (target.type === "name") scope.set(target.name, value);
    else if (target.type === "member") {
      const space = scope.get(target.name);
      if (!(space instanceof Namespace)) throw new TemplateError("cannot assign attribute on non-namespace object");
      this.#limits.makeList(4);
      space.values.set(target.attribute, value);
    } else {
      const wanted = target.targets.length;
      const items = listOf(value, this.#limits);
      if (items.length > wanted) throw new TemplateError(`too many values to unpack (expected ${wanted})`);
      if (items.length < wanted) {
        throw new TemplateError(`not enough values to unpack (expected ${wanted}, got ${items.length})`);
      }
      target.targets.forEach((each, i) => this.#assign(each, items[i]!, scope));
    }
  }

  #macro(node: MacroNode, scope: Scope, shown: string | null = node.name): Callable {
    const { name, parameters } = node;
    const attributes = { name: shown, arguments: new Tuple([...parameters.names]) };
    return new Callable(name, (args) => {
      const inner = this.#within(node.body, scope);
      const { line } = this;
      bindMacro(node, args, { scope: inner, evaluator: this.#evaluator });
      const text = this.#text(node.body, inner);
      this.line = line;
      return text;
    }, { typeName: "Macro", attributes });
  }
}
