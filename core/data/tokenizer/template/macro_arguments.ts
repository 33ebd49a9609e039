/** Gives a macro its arguments. @module */
import type { Evaluator } from "./expression_evaluator.ts";
import { type Args, Dict, Tuple, Undefined } from "./python_values.ts";
import type { Scope } from "./scope.ts";
import { TemplateError } from "./template_limits.ts";
import type { MacroNode } from "./template_nodes.ts";

/** Sets the parameters of a macro in its scope. Throws a TemplateError for arguments that it does not take. */
export function bindMacro(
  { name, parameters: { names, defaults }, mentions }: MacroNode,
  args: Args,
  { scope, evaluator }: { scope: Scope; evaluator: Evaluator },
): void {
  const { limits } = evaluator;
  limits.makeList(4 * (names.length + args.named.size));
  const named = new Map(args.named);
  for (const [i, parameter] of names.entries()) {
    const given = args.positional[i] ?? named.get(parameter);
    const isTwice = i < args.positional.length && named.has(parameter);
    if (isTwice) throw new TemplateError(`macro '${name}' got multiple values for argument '${parameter}'`);
    const isGiven = i < args.positional.length || named.has(parameter);
    named.delete(parameter);
    const fallback = defaults[i - (names.length - defaults.length)];
    if (isGiven) scope.set(parameter, given ?? null);
    else if (fallback !== undefined) scope.set(parameter, evaluator.evaluate(fallback, scope));
    else scope.set(parameter, new Undefined(`parameter '${parameter}' was not provided`));
  }
  if (mentions.has("caller") && !names.includes("caller")) {
    scope.set("caller", named.get("caller") ?? new Undefined("No caller defined"));
    named.delete("caller");
  }
  if (mentions.has("kwargs")) {
    const rest = new Dict();
    for (const [key, value] of named) rest.set(key, value, limits);
    scope.set("kwargs", rest);
  } else if (named.size > 0) {
    throw new TemplateError(`macro '${name}' takes no keyword argument '${[...named.keys()][0]}'`);
  }
  const more = args.positional.slice(names.length);
  if (mentions.has("varargs")) scope.set("varargs", new Tuple(more));
  else if (more.length > 0) throw new TemplateError(`macro '${name}' takes not more than ${names.length} argument(s)`);
}
