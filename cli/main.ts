/** The program `dnpo`. @module */
import denoConfig from "../deno.json" with { type: "json" };
import { explainIoError } from "../core/files/io.ts";
import { commands } from "./command_table.ts";
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

/** Under `deno task`, which changes to its own folder, relative paths are still those of the caller's. */
function enterCallersFolder(): void {
  // Help needs no permission.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "DNPO_CWD" });
  const folder = state === "granted" ? Deno.env.get("DNPO_CWD") : undefined;
  if (!folder) return;
  try {
    Deno.chdir(folder);
  } catch (error) {
    throw explainIoError(error, `Cannot enter the folder that DNPO_CWD names, ${folder}`);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
