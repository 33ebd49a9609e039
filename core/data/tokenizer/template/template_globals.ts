/** The functions that every template has. @module */
import { bindArguments, intArgument, textArgument } from "./call_arguments.ts";
import { isEqual } from "./comparison.ts";
import { copyDict } from "./container_methods.ts";
import { elementsOf, listOf } from "./iteration.ts";
import { textOf } from "./python_text.ts";
import { type Args, Callable, Dict, Namespace, Range, Thing, Undefined, type Value } from "./python_values.ts";
import { strftime } from "./strftime.ts";
import { type Limits, TemplateError } from "./template_limits.ts";

/** The longest range, as in Jinja's sandbox. */
const MAX_RANGE = 100_000;

/** Jinja's functions that are not supported here. */
const UNSUPPORTED = ["lipsum", "self", "super"];

/** The functions by name; with a clock also transformers' own. */
export function templateGlobals(limits: Limits, now: (() => Date) | null): ReadonlyMap<string, Value> {
  const functions: Record<string, (args: Args) => Value> = {
    range: makeRange,
    dict: (args) => makeDict(args, limits),
    namespace(args) {
      const made = new Namespace();
      for (const [key, value] of makeDict(args, limits).entries()) made.values.set(textOf(key, limits), value);
      return made;
    },
    joiner(args) {
      const [separator = ", "] = bindArguments("joiner", args, { names: ["sep"] });
      let isFirst = true;
      return new Callable("joiner", () => {
        const text = isFirst ? "" : separator;
        isFirst = false;
        return text;
      });
    },
    cycler({ positional }) {
      if (positional.length === 0) throw new TemplateError("at least one item has to be provided");
      return new Cycler(positional);
    },
  };
  const own: Record<string, (args: Args) => Value> = now === null ? {} : {
    raise_exception(args) {
      const [message] = bindArguments("raise_exception", args, { names: ["message"], required: 1 });
      throw new TemplateError(textOf(message!, limits), { isOwn: true });
    },
    strftime_now(args) {
      const [format] = bindArguments("strftime_now", args, { names: ["format"], required: 1 });
      const text = textArgument("strftime_now", format);
      // No form makes more than this of two characters.
      limits.make(16 * text.length);
      return strftime(now(), text);
    },
  };
  return new Map([
    ...Object.entries({ ...functions, ...own }).map((
      [name, call],
    ): [string, Value] => [name, new Callable(name, call)]),
    ...UNSUPPORTED.map((name): [string, Value] => [name, new Unsupported(name)]),
  ]);
}

function makeRange(args: Args): Range {
  const names = ["start", "stop", "step"];
  const bounds = bindArguments("range", args, { names, required: 1, keywords: false }).filter((each) =>
    each !== undefined
  ).map((bound) => {
    if (bound instanceof Undefined) bound.fail();
    intArgument("range", bound);
    return typeof bound === "boolean" ? BigInt(bound) : bound as bigint;
  });
  const [start, stop, step = 1n] = bounds.length === 1 ? [0n, bounds[0]!] : bounds as [bigint, bigint, bigint?];
  if (step === 0n) throw new TemplateError("range() arg 3 must not be zero");
  const range = new Range(start, stop, step);
  if (range.length > MAX_RANGE) {
    throw new TemplateError(`range() has ${range.length} elements, expected at most ${MAX_RANGE}`);
  }
  return range;
}

function makeDict({ positional, named }: Args, limits: Limits): Dict {
  if (positional.length > 1) throw new TemplateError(`dict expected at most 1 argument, got ${positional.length}`);
  const [source] = positional;
  const made = source instanceof Dict ? copyDict(source, limits) : new Dict();
  if (source !== undefined && !(source instanceof Dict)) {
    for (const pair of elementsOf(source, limits)) {
      const parts = listOf(pair, limits);
      if (parts.length !== 2) throw new TemplateError(`dict(): an element has length ${parts.length}; 2 is required`);
      made.set(parts[0]!, parts[1]!, limits);
    }
  }
  limits.makeList(4 * named.size);
  for (const [key, value] of named) made.set(key, value, limits);
  return made;
}

class Cycler extends Thing {
  readonly typeName = "Cycler";
  readonly #items: readonly Value[];
  #at = 0;

  constructor(items: readonly Value[]) {
    super();
    this.#items = items;
  }

  override attribute(name: string): Value | undefined {
    if (name === "current") return this.#items[this.#at];
    if (name === "items") return this.#items;
    if (name === "reset") {
      return new Callable(name, () => {
        this.#at = 0;
        return null;
      });
    }
    if (name !== "next") return undefined;
    return new Callable(name, () => {
      const item = this.#items[this.#at]!;
      this.#at = (this.#at + 1) % this.#items.length;
      return item;
    });
  }
}

/** A name that Jinja knows and that cannot be used here. */
class Unsupported extends Thing {
  readonly typeName = "function";
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  override attribute(): never {
    throw new TemplateError(`'${this.#name}' is not supported`);
  }

  override print(): never {
    return this.attribute();
  }
}

/** What `loop` is in a loop over `items`. */
export class Loop extends Thing {
  readonly typeName = "LoopContext";
  index = 0;
  #changed: readonly Value[] | null = null;

  constructor(
    readonly items: readonly Value[],
    private readonly depth: number,
    private readonly limits: Limits,
    /** Renders a level of a recursive loop; null for other loops. */
    readonly recurse: ((items: Value) => string) | null,
  ) {
    super();
  }

  override print(): string {
    return `<LoopContext ${this.index + 1}/${this.items.length}>`;
  }

  override attribute(name: string): Value | undefined {
    const { index, items: { length } } = this;
    switch (name) {
      case "index":
        return BigInt(index + 1);
      case "index0":
        return BigInt(index);
      case "first":
        return index === 0;
      case "last":
        return index === length - 1;
      case "length":
        return BigInt(length);
      case "revindex":
        return BigInt(length - index);
      case "revindex0":
        return BigInt(length - index - 1);
      case "depth":
        return BigInt(this.depth);
      case "depth0":
        return BigInt(this.depth - 1);
      case "previtem":
        return this.items[index - 1] ?? neighbour(index - 1, length, "there is no previous item");
      case "nextitem":
        return this.items[index + 1] ?? neighbour(index + 1, length, "there is no next item");
      case "cycle":
        return new Callable(name, ({ positional }) => {
          if (positional.length === 0) throw new TemplateError("no items for cycling given");
          return positional[index % positional.length]!;
        });
      case "changed":
        return new Callable(name, ({ positional }) => {
          const before = this.#changed;
          this.#changed = positional;
          return before === null || !isEqual(before, positional, this.limits);
        });
    }
    return undefined;
  }
}

function neighbour(at: number, length: number, reason: string): Value {
  return at >= 0 && at < length ? null : new Undefined(reason);
}
