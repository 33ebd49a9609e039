/** `dnpo completions`. @module */
import { knownKeys } from "../../core/config/config_keys.ts";
import type { CommandEntry } from "../command_entry.ts";
import { completionScript, type Shell } from "../completion_scripts.ts";

/** Prints the script of a shell. */
export function completions(shell: Shell, commands: readonly CommandEntry[]): Promise<number> {
  const known = [...knownKeys().keys()];
  // A key that holds others is not set itself.
  const keys = known.filter((key) => !known.some((other) => other.startsWith(`${key}.`)));
  console.log(completionScript(shell, { commands, keys }).trimEnd());
  return Promise.resolve(0);
}
