/** The variables of a rendering. @module */
import type { Value } from "./python_values.ts";

/** Variables by name; what is not there is looked for outside. */
export class Scope {
  readonly #variables: Map<string, Value>;
  readonly #outer: Scope | null;

  constructor(outer: Scope | null, variables: ReadonlyMap<string, Value> = new Map()) {
    this.#outer = outer;
    this.#variables = new Map(variables);
  }

  get(name: string): Value | undefined {
    const value = this.#variables.get(name);
    return value === undefined ? this.#outer?.get(name) : value;
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value);
  }
}
