/** Jinja with limits on its work, because a template comes with a model and may be written by anybody. @module */
import { Environment, Interpreter, Template } from "@huggingface/jinja";

type TemplateNode = NonNullable<Parameters<Interpreter["evaluate"]>[0]>;
type Value = ReturnType<Interpreter["evaluate"]>;

/** The most characters of a template, and of a run of white space in it: the package's lexer takes quadratic time. */
const MAX_SOURCE = 1 << 18;
const MAX_SPACES = 1000;

/**
 * The most steps of one rendering, which take half a second or less, and the further steps for each character of the
 * input. A turn of a conversation takes about fifty.
 */
const MAX_STEPS = 5e5;
const STEPS_PER_CHAR = 8;

/**
 * The longest time of one rendering, which no honest one comes near on any machine. The clock is read once for every
 * NODES_PER_LOOK nodes.
 */
const MAX_MS = 5000;
const NODES_PER_LOOK = 256;

/**
 * The longest range; the most elements of a value, plus one for each character of the input; the most characters of a
 * text, plus eight for each character of the input.
 */
const MAX_RANGE = 10_000;
const MAX_ELEMENTS = 20_000;
const MAX_CHARS = 1 << 18;

/** Filters that do not visit the elements of their operand. */
const CHEAP_FILTERS = ["length", "first", "last", "list", "safe"];

/** Compiles a template to a function that renders it. Both throw an Error if they fail or pass a limit. */
export function compileBounded(
  source: string,
  { milliseconds = MAX_MS }: { milliseconds?: number } = {},
): (variables: Readonly<Record<string, unknown>>) => string {
  if (source.length > MAX_SOURCE) throw new Error(`it has ${source.length} characters, expected at most ${MAX_SOURCE}`);
  if (new RegExp(`\\s{${MAX_SPACES + 1}}`).test(source)) {
    throw new Error(`it has a run of white space, expected at most ${MAX_SPACES} characters of it`);
  }
  const { parsed } = new Template(source);
  return (variables) => {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
    const limits = { size: JSON.stringify(variables).length, milliseconds };
    return String(new BoundedInterpreter(environment, limits).run(parsed).value);
  };
}

/** The variables of every template; `range` is not the package's own, which has no limit. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range,
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  strftime_now: (format: unknown) => new Template("{{ strftime_now(format) }}").render({ format }),
};

function range(...bounds: unknown[]): number[] {
  if (bounds.length < 1 || bounds.length > 3 || !bounds.every((bound) => Number.isSafeInteger(bound))) {
    throw new Error("range() takes one to three integers");
  }
  const [first, second, step = 1] = bounds as [number, number?, number?];
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("range() step must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE) throw new Error(`range() has ${length} elements, expected at most ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => start + i * step);
}

/**
 * Counts the nodes that are evaluated and the sizes of their values, since one node may walk or copy a whole list or
 * text. Throws an Error beyond the limits.
 */
class BoundedInterpreter extends Interpreter {
  #steps: number;
  readonly #maxChars: number;
  readonly #maxElements: number;
  /** The steps that each element of an expression's value costs (1 if absent); 0 if only one element is used. */
  readonly #cost = new WeakMap<TemplateNode, number>();
  /** The numbers of elements of lists and mappings, which no template can change. */
  readonly #sizes = new WeakMap<Value, number>();

  readonly #milliseconds: number;
  readonly #end: number;
  #nodes = 0;

  /** `size` is the number of characters of the input. */
  constructor(environment: Environment, { size, milliseconds }: { size: number; milliseconds: number }) {
    super(environment);
    this.#milliseconds = milliseconds;
    this.#end = performance.now() + milliseconds;
    this.#steps = MAX_STEPS + STEPS_PER_CHAR * size;
    this.#maxChars = MAX_CHARS + 8 * size;
    this.#maxElements = MAX_ELEMENTS + size;
  }

  override evaluate(node: TemplateNode | undefined, environment: Environment): Value {
    if (node) this.#setCosts(node as Parts);
    this.#spend(1);
    if (++this.#nodes % NODES_PER_LOOK === 0 && performance.now() > this.#end) {
      throw new Error(`it takes longer than ${this.#milliseconds / 1000} s`);
    }
    const result = super.evaluate(node, environment);
    const value: unknown = result?.value;
    const cost = (node && this.#cost.get(node)) ?? 1;
    if (typeof value === "string") {
      if (value.length > this.#maxChars) throw new Error(`it makes a text of ${value.length} characters`);
      this.#spend(cost * value.length / 64);
    } else if (typeof value === "object" && value !== null) {
      // A value that is new here was made, and making a list takes longer than walking it.
      const made = this.#sizes.has(result) ? 0 : 3;
      this.#spend((cost + made) * this.#sizeOf(result, 0));
    }
    return result;
  }

  #setCosts(node: Parts): void {
    // A loop makes a scope for each element, and a slice of a text makes a list of all its characters.
    if (node.type === "For") {
      const { iterable } = node;
      this.#cost.set(iterable!.type === "SelectExpression" ? iterable!.lhs! : iterable!, 4);
    } else if (node.type === "MemberExpression" && !this.#cost.has(node.object!)) {
      this.#cost.set(node.object!, node.property!.type === "SliceExpression" ? 16 : 0);
    } else if (node.type === "FilterExpression" && CHEAP_FILTERS.includes(node.filter!.value!)) {
      this.#cost.set(node.operand!, 0);
    } else if (node.type === "CallExpression" && node.callee!.type === "MemberExpression") {
      // A method walks the value it is called on.
      this.#cost.set((node.callee as Parts).object!, 1);
    }
  }

  #spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw new Error("it takes too long (are its loops bounded?)");
  }

  /** The number of elements of a value. A list that another contains twice counts twice, as it would be written out. */
  #sizeOf(item: Value, depth: number): number {
    const { value } = item as { value: unknown };
    if (typeof value !== "object" || value === null) return 1;
    const known = this.#sizes.get(item);
    if (known !== undefined) return known;
    // Only a namespace can be changed, so only it could contain itself.
    const isNamespace = item.type === "NamespaceValue";
    if (isNamespace && depth > 0) throw new Error("it puts a namespace into another value");
    let size = 1;
    for (const element of value instanceof Map ? value.values() : Array.isArray(value) ? value : []) {
      size += this.#sizeOf(element, depth + 1);
      if (size > this.#maxElements) throw new Error(`it makes a list of more than ${this.#maxElements} elements`);
    }
    if (!isNamespace) this.#sizes.set(item, size);
    return size;
  }
}

/** The children of a node that decide about costs. */
interface Parts extends TemplateNode {
  iterable?: TemplateNode & { lhs?: TemplateNode };
  object?: TemplateNode;
  property?: TemplateNode;
  operand?: TemplateNode;
  filter?: { value?: string };
  callee?: TemplateNode;
}
