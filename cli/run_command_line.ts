/** Runs a command line in the caller's folder. @module */
import { explainIoError } from "../core/files/io.ts";
import type { CommandEntry } from "./command_entry.ts";
import { tell } from "./print.ts";
import { parseCommandLine } from "./program.ts";
import type { ProgramInfo } from "./program_entry.ts";

/** Parses a command line, runs what it asks for, and returns its exit code. */
export async function runCommandLine(
  args: readonly string[],
  commands: readonly CommandEntry[],
  info: ProgramInfo,
): Promise<number> {
  const parsed = parseCommandLine(args, commands, info);
  if (typeof parsed === "number") return parsed;
  enterCallersFolder();
  return await parsed();
}

/**
 * Under `deno task`, which changes to its own folder, relative paths are still those of the caller's. Deno takes over an
 * INIT_CWD that another task runner has set, which may name a folder that is gone: that one is told, and not believed.
 */
function enterCallersFolder(): void {
  // Help needs no permission.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "DNPO_CWD" });
  const folder = state === "granted" ? Deno.env.get("DNPO_CWD") : undefined;
  if (!folder) return;
  try {
    Deno.chdir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
      throw explainIoError(error, `Cannot enter the folder that DNPO_CWD names, ${folder}`);
    }
    tell(
      `Warning: INIT_CWD, which another task has set, names no folder (${folder}): relative paths are those of ${Deno.cwd()}`,
    );
  }
}
