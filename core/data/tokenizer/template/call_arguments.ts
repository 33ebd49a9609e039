/** Reads the arguments of calls as Python's functions do. @module */
import { type Args, asText, typeName, type Value } from "./python_values.ts";
import { TemplateError } from "./template_limits.ts";

/**
 * The arguments of a function by the order of its parameters' names, undefined where one is left out. The first
 * `required` may not be; `keywords` says whether they may be given by name.
 */
export function bindArguments(
  what: string,
  { positional, named }: Args,
  { names, required = 0, keywords = true }: { names: readonly string[]; required?: number; keywords?: boolean },
): (Value | undefined)[] {
  if (positional.length > names.length) {
    throw new TemplateError(`${what}() takes at most ${names.length} arguments (${positional.length} given)`);
  }
  const found: (Value | undefined)[] = names.map((_, i) => positional[i]);
  for (const [name, value] of named) {
    const at = keywords ? names.indexOf(name) : -1;
    if (at < 0) throw new TemplateError(`${what}() got an unexpected keyword argument '${name}'`);
    if (at < positional.length) throw new TemplateError(`${what}() got multiple values for argument '${name}'`);
    found[at] = value;
  }
  const missing = found.findIndex((value, i) => i < required && value === undefined);
  if (missing >= 0) throw new TemplateError(`${what}() is missing the argument '${names[missing]}'`);
  return found;
}

/** A call's arguments, all by position. */
export function positional(...values: readonly Value[]): Args {
  return { positional: values, named: new Map() };
}

/** An argument that must be text. */
export function textArgument(what: string, value: Value | undefined): string {
  const text = asText(value);
  if (text === null) throw new TemplateError(`${what}: a str is expected, not ${typeName(value ?? null)}`);
  return text;
}

/** An argument that must be an int, as a number; one too large for any text or list stays as large. */
export function intArgument(what: string, value: Value): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return Number(value);
  throw new TemplateError(`${what}: an int is expected, not ${typeName(value)}`);
}
