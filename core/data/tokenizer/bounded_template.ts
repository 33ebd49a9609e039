/** Jinja with a limit on its work: a template comes with a model, and may be anyone's. @module */
import { Environment, Interpreter, Template } from "@huggingface/jinja";

type TemplateNode = NonNullable<Parameters<Interpreter["evaluate"]>[0]>;
type Value = ReturnType<Interpreter["evaluate"]>;

/** Longest template, in characters, and longest run of white space in one: the package's lexer is quadratic in it. */
const MAX_SOURCE = 1 << 18;
const MAX_SPACES = 1000;

/** Steps of one rendering, half a second or less, and how many more for each character of the input. A turn takes some fifty. */
const MAX_STEPS = 5e5;
const STEPS_PER_CHAR = 8;

/** What one rendering may take on a clock: no honest one comes near it, on any machine. Looked at every so many nodes. */
const MAX_MS = 5000;
const NODES_PER_LOOK = 256;

/** Longest range; elements of a value and characters of a text, besides as many as the input has. */
const MAX_RANGE = 10_000;
const MAX_ELEMENTS = 20_000;
const MAX_CHARS = 1 << 18;

/** Filters that do not look at the elements. */
const CHEAP_FILTERS = ["length", "first", "last", "list", "safe"];

/** A compiled template. Throws an Error where it cannot be compiled. */
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

/** What every template may use; the package's own range has no limit. */
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

/** Counts what is evaluated, and how large it is, since lists and texts are walked and copied in single steps. */
class BoundedInterpreter extends Interpreter {
  #steps: number;
  readonly #maxChars: number;
  readonly #maxElements: number;
  /** Expressions by what their elements cost; nothing where only one of them is looked at. */
  readonly #cost = new WeakMap<TemplateNode, number>();
  /** Elements of lists and mappings, which no template can change. */
  readonly #sizes = new WeakMap<Value, number>();

  readonly #milliseconds: number;
  readonly #end: number;
  #nodes = 0;

  /** `size`: characters of the input. */
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
      // Making a list takes longer than walking it.
      const made = this.#sizes.has(result) ? 0 : 3;
      this.#spend((cost + made) * this.#sizeOf(result, 0));
    }
    return result;
  }

  #setCosts(node: Parts): void {
    // A loop makes a scope for each element, and a slice a list of all characters.
    if (node.type === "For") {
      const { iterable } = node;
      this.#cost.set(iterable!.type === "SelectExpression" ? iterable!.lhs! : iterable!, 4);
    } else if (node.type === "MemberExpression" && !this.#cost.has(node.object!)) {
      this.#cost.set(node.object!, node.property!.type === "SliceExpression" ? 16 : 0);
    } else if (node.type === "FilterExpression" && CHEAP_FILTERS.includes(node.filter!.value!)) {
      this.#cost.set(node.operand!, 0);
    } else if (node.type === "CallExpression" && node.callee!.type === "MemberExpression") {
      // A method walks what it is called on.
      this.#cost.set((node.callee as Parts).object!, 1);
    }
  }

  #spend(steps: number): void {
    this.#steps -= steps;
    if (this.#steps < 0) throw new Error("it takes too long (are its loops bounded?)");
  }

  /** Elements of a value. One list within another twice counts twice: that is how it would be written out. */
  #sizeOf(item: Value, depth: number): number {
    const { value } = item as { value: unknown };
    if (typeof value !== "object" || value === null) return 1;
    const known = this.#sizes.get(item);
    if (known !== undefined) return known;
    // Only a namespace can be changed, and hold itself.
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

/** The children of a node that the costs look at. */
interface Parts extends TemplateNode {
  iterable?: TemplateNode & { lhs?: TemplateNode };
  object?: TemplateNode;
  property?: TemplateNode;
  operand?: TemplateNode;
  filter?: { value?: string };
  callee?: TemplateNode;
}
