/** The program `dnpo`. @module */
import denoConfig from "../deno.json" with { type: "json" };
import { explainIoError } from "../core/files/io.ts";
import { commands } from "./command_table.ts";
import { tell } from "./print.ts";
import { parseCommandLine } from "./program.ts";
import { run } from "./run_program.ts";

/** Runs a command line, and returns its exit code. */
export function main(args: readonly string[]): Promise<number> {
  return run(async () => {
    const parsed = parseCommandLine(args, commands, { version: denoConfig.version });
    if (typeof parsed === "number") return parsed;
    enterCallersFolder();
    return await parsed();
  });
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

if (import.meta.main) Deno.exit(await main(Deno.args));
