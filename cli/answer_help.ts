/** Answers the command lines that ask for nothing but help or the version, without the parser, which loads slowly. @module */
import type { CommandEntry, OptionEntry } from "./command_entry.ts";
import { helpText } from "./help_text.ts";
import { print, writeToStderr } from "./print.ts";
import { helpOption, type ProgramInfo, versionOption } from "./program_entry.ts";
import { terminalColumns } from "./terminal_columns.ts";

/**
 * The exit code of a command line that is one of `--help`, `help`, `help COMMAND`, `COMMAND --help`, `--version` and
 * nothing at all, which is answered with them; undefined for every other one.
 */
export function answerHelp(
  args: readonly string[],
  commands: readonly CommandEntry[],
  { version, writeOut = print(Deno.stdout), writeErr = writeToStderr }: ProgramInfo,
): number | undefined {
  if (args.length === 0) {
    writeErr(helpText(undefined, { commands, columns: terminalColumns(Deno.stderr, 80) }));
    return 1;
  }
  if (args.length === 1 && isFlag(args[0]!, versionOption)) {
    writeOut(`${version}\n`);
    return 0;
  }
  const asked = askedFor(args, commands);
  if (asked === null) return undefined;
  writeOut(helpText(asked, { commands, columns: terminalColumns(Deno.stdout, 80) }));
  return 0;
}

/** The command whose help is asked for, undefined for the program's; null where it is another command line. */
function askedFor(args: readonly string[], commands: readonly CommandEntry[]): CommandEntry | undefined | null {
  const [first = "", second] = args;
  if (args.length === 1) return first === "help" || isFlag(first, helpOption) ? undefined : null;
  if (args.length !== 2) return null;
  const name = isFlag(second!, helpOption) ? first : first === "help" ? second : null;
  return commands.find((command) => command.name === name) ?? null;
}

function isFlag(word: string, { flags }: OptionEntry): boolean {
  return flags.split(", ").includes(word);
}
