/** `dnpo completions`. @module */
import { knownKeys } from "../../core/config/config_keys.ts";
import type { CommandEntry } from "../command_entry.ts";
import { completionScript, type Shell } from "../completion_scripts.ts";
import { print } from "../print.ts";

/** Prints the script of a shell. */
export function completions(shell: Shell, commands: readonly CommandEntry[]): Promise<number> {
  const known = [...knownKeys().values()];
  // A key that holds other keys is not set itself.
  const settable = known.filter(({ path }) => !known.some((other) => other.path.startsWith(`${path}.`)));
  const keys = settable.map(({ path }) => path);
  const words = Object.fromEntries(settable.flatMap(({ path, words }) => words.length > 0 ? [[path, words]] : []));
  print(Deno.stdout)(`${completionScript(shell, { commands, keys, words }).trimEnd()}\n`);
  return Promise.resolve(0);
}
