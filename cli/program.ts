/** Turns command lines into calls. No other module knows the parser. @module */
import { Argument, Command, CommanderError, Option } from "@commander-js/extra-typings";
import { UserError } from "../core/error.ts";
import { safeLine } from "../core/safe_text.ts";
import type { CommandEntry, OptionEntry, Values } from "./command_entry.ts";
import { argumentsOf, helpText, placeOf } from "./help_text.ts";
import { print, writeToStderr } from "./print.ts";
import { helpOption, type ProgramInfo, rankOptions, versionOption } from "./program_entry.ts";
import { terminalColumns } from "./terminal_columns.ts";

/** The call that a command line asks for; it returns the exit code. */
export type Invocation = () => Promise<number>;

function toOption({ flags, repeat, required, choices }: OptionEntry): Option {
  const option = new Option(flags);
  if (required) option.makeOptionMandatory();
  if (choices) option.choices(choices);
  if (repeat) option.argParser((value: string, before: string[] | undefined) => [...before ?? [], value]);
  return option;
}

/** Runs a command as one rank of a job. Throws a UserError where it knows no ranks. */
async function runAsRank(
  { name, runOnRanks }: CommandEntry,
  commands: readonly CommandEntry[],
  argument: string | undefined,
  values: Values,
): Promise<number> {
  if (runOnRanks === undefined) {
    const able = commands.filter((entry) => entry.runOnRanks !== undefined).map((entry) => entry.name);
    throw new UserError(
      `Cannot run ${name} with --mpi: it does not work on several ranks, expected one of ${able.join(", ")}`,
    );
  }
  return await runOnRanks(argument, values);
}

function withoutRanks({ name }: CommandEntry): UserError {
  return new UserError(`Cannot run ${name} with --verbose-ranks: it is one process, expected --mpi beside it`);
}

/**
 * Parses a command line. Returns the call that it asks for, or the exit code if it is already answered: 0 for help and
 * version, 1 for a mistake.
 */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly CommandEntry[],
  { version, writeOut = print(Deno.stdout), writeErr = writeToStderr }: ProgramInfo,
): Invocation | number {
  let invocation: Invocation | undefined;
  const program = new Command("dnpo")
    .version(version, versionOption.flags)
    .helpOption(helpOption.flags)
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureHelp({
      formatHelp: (command, { helpWidth = 80 }) => {
        const entry = command.parent ? commands.find(({ name }) => name === command.name()) : undefined;
        return helpText(entry, { commands, columns: helpWidth });
      },
    })
    .configureOutput({
      writeOut,
      writeErr,
      getOutHelpWidth: () => terminalColumns(Deno.stdout, 80),
      getErrHelpWidth: () => terminalColumns(Deno.stderr, 80),
      // A mistake is one line, and perhaps one with a suggestion, whatever was typed.
      outputError: (text, write) => {
        const flag = /unknown option '(-[^'=]+)/.exec(text)?.[1];
        const known = commands.find(({ name }) => name === args[0])?.foreignOptions;
        if (flag !== undefined && known !== undefined && Object.hasOwn(known, flag)) {
          return write(`error: unknown option '${flag}': ${known[flag]}\n`);
        }
        const [, mistake, suggestion = ""] = /^([^]*?)(\n\(Did you mean [^\n]*)?\n$/.exec(text)!;
        write(
          [mistake!, suggestion.slice(1)].filter((line) => line !== "").map((line) => `${safeLine(line)}\n`).join(""),
        );
      },
    })
    .exitOverride();
  for (const option of rankOptions) program.addOption(toOption(option));
  for (const entry of commands) {
    // Subcommands inherit the settings above, such as exitOverride.
    const command = program.command(entry.name);
    for (const argument of argumentsOf(entry)) {
      const parsed = new Argument(placeOf(argument));
      command.addArgument(argument.choices ? parsed.choices(argument.choices) : parsed);
    }
    for (const option of entry.options) command.addOption(toOption(option));
    command.action(() => {
      const values: Values = command.opts();
      const [first, ...more] = command.args;
      const { mpi, verboseRanks }: Values = program.opts();
      if (mpi) invocation = () => runAsRank(entry, commands, first, { ...values, verboseRanks });
      else if (verboseRanks) invocation = () => Promise.reject(withoutRanks(entry));
      else invocation = () => entry.run(first, values, ...more);
    });
  }
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return invocation ?? 1;
}
