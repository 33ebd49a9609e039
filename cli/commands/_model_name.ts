/** The model that a command line names. @module */
import { UserError } from "../../core/error.ts";
import type { Values } from "../command_entry.ts";
import { flagValue } from "../config_flags.ts";

/** The model that was named, as an argument or by `--model`. Throws a UserError that begins with `action` if none was, or two. */
export function modelName(
  command: string,
  named: string | undefined,
  values: Values,
  action: string = `Cannot ${command}`,
): string {
  const given = [named, flagValue(values, { name: "model" })].filter((name) => name !== undefined);
  const [name] = given;
  if (name !== undefined && given.length === 1) return name;
  const what = name === undefined ? "no model is named" : `two models are named, ${given.join(" and ")}`;
  throw new UserError(`${action}: ${what}, expected dnpo ${command} MODEL`);
}
