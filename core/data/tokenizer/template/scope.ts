/** The variables of a rendering. @module */
import type { Value } from "./python_values.ts";

const NONE: ReadonlySet<string> = new Set();

/** Variables by name; what is not there is looked for outside, unless it is hidden. */
export class Scope {
  readonly #variables: Map<string, Value>;
  readonly #outer: Scope | null;
  readonly #hidden: ReadonlySet<string>;
  readonly #isBlock: boolean;

  /** `hidden` are names that are undefined until they are set here; a `{% block %}` finds them nevertheless. */
  constructor(
    outer: Scope | null,
    { variables, hidden = NONE, isBlock = false }: {
      variables?: ReadonlyMap<string, Value>;
      hidden?: ReadonlySet<string> | undefined;
      isBlock?: boolean;
    } = {},
  ) {
    this.#outer = outer;
    this.#variables = new Map(variables);
    this.#hidden = hidden;
    this.#isBlock = isBlock;
  }

  get(name: string, seesHidden = false): Value | undefined {
    const value = this.#variables.get(name);
    if (value !== undefined || (!seesHidden && this.#hidden.has(name))) return value;
    return this.#outer?.get(name, seesHidden || this.#isBlock);
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value);
  }
}
