/** The program `dnpo`. @module */
import denoConfig from "../deno.json" with { type: "json" };
import { answerHelp } from "./answer_help.ts";
import { commands } from "./command_table.ts";
import { run } from "./run_program.ts";

/** Runs a command line, and returns its exit code. */
export function main(args: readonly string[]): Promise<number> {
  return run(async () => {
    const { version } = denoConfig;
    const answered = answerHelp(args, commands, { version });
    if (answered !== undefined) return answered;
    // The parser loads Deno's parts of Node, which takes longer than the help.
    const { runCommandLine } = await import("./run_command_line.ts");
    return await runCommandLine(args, commands, { version });
  });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
