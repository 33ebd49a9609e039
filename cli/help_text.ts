/** The text of the help: of the program and of each command. @module */
import type { CommandEntry } from "./command_entry.ts";
import { helpOption, programEntry } from "./program_entry.ts";
import { wrapText } from "./wrap_text.ts";

/** An argument of a command. */
export type Argument = NonNullable<CommandEntry["argument"]>;

/** What is typed, and what it means. */
type Row = readonly [term: string, meaning: string];

/** The fewest columns in which meanings are broken beside their terms; with fewer they stand below. */
const LEAST_COLUMNS = 30;

/** The help of a command, or of the program with the list of `commands`, in lines of at most so many columns. */
export function helpText(
  entry: CommandEntry | undefined,
  { commands, columns }: { commands: readonly CommandEntry[]; columns: number },
): string {
  const { description, options, examples } = entry ?? programEntry;
  const sections: Record<string, Row[]> = {
    Arguments: entry ? argumentsOf(entry).map((argument) => [argument.name, withChoices(argument)]) : [],
    Options: [...options, ...entry ? [helpOption] : []].map((option) => [option.flags, withChoices(option)]),
    Commands: entry ? [] : commands.map((command) => [termOf(command), command.summary]),
  };
  const rows = Object.values(sections).flat();
  const width = widest(rows);
  const isBeside = columns - width - 4 >= LEAST_COLUMNS || fits(rows, width, columns);
  return [
    ["Usage: dnpo", ...entry ? [entry.name, "[options]", ...argumentsOf(entry).map(placeOf)] : ["[options] [command]"]]
      .join(" "),
    "",
    ...wrapText(description, columns),
    "",
    ...Object.entries(sections).filter(([, rows]) => rows.length > 0).flatMap(([title, rows]) => [
      `${title}:`,
      ...isBeside ? beside(rows, width, columns) : below(rows, columns),
      "",
    ]),
    "Examples:",
    ...fits(examples, widest(examples), columns)
      ? beside(examples, widest(examples), columns)
      : below(examples, columns),
    "",
  ].join("\n");
}

function widest(rows: readonly Row[]): number {
  return Math.max(...rows.map(([term]) => term.length));
}

/** Whether each row fits a line, its meaning beside its term. */
function fits(rows: readonly Row[], width: number, columns: number): boolean {
  return rows.every(([, meaning]) => 2 + width + 2 + meaning.length <= columns);
}

function beside(rows: readonly Row[], width: number, columns: number): string[] {
  return rows.flatMap(([term, meaning]) =>
    wrapText(`  ${term.padEnd(width)}  ${meaning}`, columns, { indent: width + 4 })
  );
}

function below(rows: readonly Row[], columns: number): string[] {
  return rows.flatMap(([term, meaning]) => [`  ${term}`, ...wrapText(`      ${meaning}`, columns, { indent: 6 })]);
}

/** The arguments of a command, in order. */
export function argumentsOf({ argument, secondArgument }: CommandEntry): Argument[] {
  return [...argument ? [argument] : [], ...secondArgument ? [{ ...secondArgument, required: true }] : []];
}

/** An argument as usage shows it: `<NEEDED>`, `[OPTIONAL]` or `[SEVERAL...]`. */
export function placeOf({ name, required, repeat }: Argument): string {
  const text = repeat ? `${name}...` : name;
  return required ? `<${text}>` : `[${text}]`;
}

function termOf(entry: CommandEntry): string {
  const options = entry.options.length > 0 ? ["[options]"] : [];
  return [entry.name, ...options, ...argumentsOf(entry).map(placeOf)].join(" ");
}

function withChoices({ summary, choices }: { summary: string; choices?: readonly string[] }): string {
  return choices ? `${summary} (choices: ${choices.map((choice) => JSON.stringify(choice)).join(", ")})` : summary;
}
