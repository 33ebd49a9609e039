/** The program `dnpo`. @module */
import denoConfig from "../deno.json" with { type: "json" };
import { commands } from "./command_table.ts";
import { parseCommandLine } from "./program.ts";
import { run } from "./run_program.ts";

/** Runs a command line, and returns its exit code. */
export function main(args: readonly string[]): Promise<number> {
  return run(async () => {
    const parsed = parseCommandLine(args, commands, { version: denoConfig.version });
    return typeof parsed === "number" ? parsed : await parsed();
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
