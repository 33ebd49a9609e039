/** Which names a body hides from its start, as jinja2's compiler decides it before anything is rendered. @module */
import type { MacroNode, Statement, Target } from "./template_nodes.ts";

/** For a body, the names that are undefined in it until it sets them, whatever they are outside. */
export type HiddenNames = ReadonlyMap<readonly Statement[], ReadonlySet<string>>;

/**
 * Finds the hidden names of a template's bodies. A body hides a name that it sets, not only within an `if`, before it
 * reads it, unless a body around it names it too. What is inside, such as a loop before the `set`, sees no value then.
 */
export function findHiddenNames(template: readonly Statement[]): HiddenNames {
  const found = new Map<readonly Statement[], ReadonlySet<string>>();
  new Level(null, found).read(template);
  return found;
}

/** A body with variables of its own, and the names that it has mentioned so far. */
class Level {
  readonly #outer: Level | null;
  readonly #found: Map<readonly Statement[], ReadonlySet<string>>;
  readonly #named: Set<string>;
  readonly #hidden = new Set<string>();
  /** The bodies inside, which are read when all names of this one are known. */
  readonly #inner: (() => void)[] = [];
  #isConditional = false;

  constructor(
    outer: Level | null,
    found: Map<readonly Statement[], ReadonlySet<string>>,
    parameters: readonly string[] = [],
  ) {
    this.#outer = outer;
    this.#found = found;
    this.#named = new Set(parameters);
  }

  /** Reads a body; `before` are expressions that are evaluated in it first. */
  read(body: readonly Statement[], before: unknown = null): void {
    this.#load(before);
    this.#statements(body);
    if (this.#hidden.size > 0) this.#found.set(body, this.#hidden);
    for (const read of this.#inner) read();
  }

  #knows(name: string): boolean {
    return this.#named.has(name) || (this.#outer !== null && this.#outer.#knows(name));
  }

  /** The names in an expression, or in what holds some. */
  #load(part: unknown): void {
    if (Array.isArray(part)) { for (const each of part) this.#load(each); }
    else if (typeof part === "object" && part !== null && !("type" in part && part.type === "constant")) {
      if (!("type" in part && part.type === "name" && "name" in part)) return this.#load(Object.values(part));
      if (!this.#knows(String(part.name))) this.#named.add(String(part.name));
    }
  }

  #store(target: Target): void {
    if (target.type === "member") return this.#load({ type: "name", name: target.name });
    if (target.type === "several") return target.targets.forEach((each) => this.#store(each));
    if (!this.#isConditional && !this.#knows(target.name)) this.#hidden.add(target.name);
    this.#named.add(target.name);
  }

  #inside(body: readonly Statement[], parameters: readonly string[] = [], before: unknown = null): void {
    this.#inner.push(() => new Level(this, this.#found, parameters).read(body, before));
  }

  #macro({ parameters: { names, defaults }, mentions, body }: MacroNode): void {
    this.#inside(body, [...names, ...mentions], defaults);
  }

  #statements(body: readonly Statement[]): void {
    for (const node of body) this.#statement(node);
  }

  #statement(node: Statement): void {
    switch (node.type) {
      case "print":
        return this.#load(node.value);
      case "if": {
        const before = this.#isConditional;
        this.#isConditional = true;
        for (const [test, body] of node.branches) {
          this.#load(test);
          this.#statements(body);
        }
        this.#statements(node.otherwise);
        this.#isConditional = before;
        return;
      }
      case "for":
        this.#load(node.items);
        this.#inside(node.body, ["loop", ...namesOf(node.target)]);
        return this.#inside(node.otherwise);
      case "set":
        this.#load(node.value);
        return this.#store(node.target);
      case "setBlock":
        this.#store(node.target);
        return this.#inside(node.body);
      case "with":
        this.#load(node.values);
        return this.#inside(node.body, node.targets.flatMap(namesOf));
      case "macro":
        this.#store({ type: "name", name: node.name });
        return this.#macro(node);
      case "callBlock":
        this.#load(node.call);
        return this.#macro(node.caller);
      case "filterBlock":
        this.#load(node.filters);
        return this.#inside(node.body);
      case "generation":
        return this.#inside(node.body);
      case "block":
        // A block is rendered with what is set when it is reached, whatever the bodies around it name.
        this.#inner.push(() => new Level(null, this.#found).read(node.body));
    }
  }
}

function namesOf(target: Target): string[] {
  return target.type === "several" ? target.targets.flatMap(namesOf) : [target.name];
}
