/** Turns command lines into calls. No other module knows the parser. @module */
import { Argument, Command, CommanderError, Option } from "@commander-js/extra-typings";
import { UserError } from "../core/error.ts";
import { safeLine } from "../core/safe_text.ts";
import type { CommandEntry, OptionEntry, Values } from "./command_entry.ts";
import { print, writeToStderr } from "./print.ts";
import { terminalColumns } from "./terminal_columns.ts";
import { wrapText } from "./wrap_text.ts";

/** What is known of a program besides its commands. */
export interface ProgramInfo {
  /** What `--version` prints. */
  version: string;
  /** Writes help that was asked for (default: to standard output). */
  writeOut?: (text: string) => void;
  /** Writes mistakes in the command line (default: to standard error). */
  writeErr?: (text: string) => void;
}

/** The call that a command line asks for; it returns the exit code. */
export type Invocation = () => Promise<number>;

function toOption({ flags, summary, repeat, required, choices }: OptionEntry): Option {
  const option = new Option(flags, summary);
  if (required) option.makeOptionMandatory();
  if (choices) option.choices(choices);
  if (repeat) option.argParser((value: string, before: string[] | undefined) => [...before ?? [], value]);
  return option;
}

function toArgument({ name, summary, required, choices, repeat }: NonNullable<CommandEntry["argument"]>): Argument {
  const text = repeat ? `${name}...` : name;
  const argument = new Argument(required ? `<${text}>` : `[${text}]`, summary);
  return choices ? argument.choices(choices) : argument;
}

/** Examples, each with its meaning beside it, or below where that is wider than the terminal. */
function examplesText(examples: CommandEntry["examples"]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  // As many as the parser takes for the rest of the help.
  const columns = terminalColumns(Deno.stdout, 80);
  const beside = examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`);
  const fits = beside.every((line) => line.length <= columns);
  const below = examples.flatMap(([line, meaning]) => [
    `  ${line}`,
    ...wrapText(`      ${meaning}`, columns, { indent: 6 }),
  ]);
  return ["", "Examples:", ...fits ? beside : below].join("\n");
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
    .description("DNPO: a language model improves itself on its own responses, on WebGPU.")
    .version(version, "-V, --version", "print the version")
    .option("--mpi", "be one rank of a job that mpirun has started; goes before the command (docs/cluster.md)")
    .option("--verbose-ranks", "with --mpi: what all ranks note is told, and not the first's alone")
    .helpOption("-h, --help", "show help; `dnpo COMMAND --help` shows a command's")
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureOutput({
      writeOut,
      writeErr,
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
    .addHelpText(
      "after",
      examplesText([
        ["dnpo train", "a small model improves itself, in minutes, without a download of a model or of data"],
        ["dnpo train config.yaml", "your own model and data"],
        ["dnpo doctor", "whether this machine can run it"],
      ]),
    )
    .exitOverride();
  for (const entry of commands) {
    // Subcommands inherit the settings above, such as exitOverride.
    const command = program.command(entry.name).summary(entry.summary).description(entry.description);
    const { argument, secondArgument } = entry;
    if (argument) command.addArgument(toArgument(argument));
    if (secondArgument) command.argument(`<${secondArgument.name}>`, secondArgument.summary);
    for (const option of entry.options) command.addOption(toOption(option));
    command.helpOption("-h, --help", "show this help").addHelpText("after", examplesText(entry.examples));
    command.action(() => {
      const values: Values = command.opts();
      const [first, ...more] = command.args;
      const { mpi, verboseRanks } = program.opts();
      invocation = mpi
        ? () => runAsRank(entry, commands, first, { ...values, verboseRanks })
        : () => entry.run(first, values, ...more);
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
