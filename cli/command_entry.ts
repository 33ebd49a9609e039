/** The description of a command, for the parser, the help and the completions. @module */

/** Values of options by name, as the parser found them. */
export type Values = Readonly<Record<string, unknown>>;

/** An option of a command. */
export interface OptionEntry {
  /** As in `--set <key=value>`. */
  flags: string;
  /** One line of help. */
  summary: string;
  /** Whether it may be given several times, which makes its value a list. */
  repeat?: true;
  /** Whether the command needs it. */
  required?: true;
  /** The only values it takes. */
  choices?: readonly string[];
  /** Whether its value is a path, for completions. */
  path?: "file" | "folder";
}

/** A command as the parser and the help need it. */
export interface CommandEntry {
  /** The word that is typed. */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What it reads, does and writes. */
  description: string;
  /** Its one argument, if it takes any. */
  argument?: {
    name: string;
    summary: string;
    required: boolean;
    choices?: readonly string[];
    path?: "file" | "folder";
    /** Whether it is the name of a command, for completions. */
    isCommand?: true;
    /** Whether more of them may follow. */
    repeat?: true;
  };
  /** Its second argument, if it takes one; it is always required. */
  secondArgument?: { name: string; summary: string };
  /** Its options. */
  options: readonly OptionEntry[];
  /** Options of a program that many know, and what to say to those who type them: what it is called here. */
  foreignOptions?: Readonly<Record<string, string>>;
  /** Command lines that work, each with what it does. */
  examples: readonly (readonly [line: string, meaning: string])[];
  /** Loads the command's module and runs it with its arguments and options; resolves to the exit code. */
  run(argument: string | undefined, values: Values, ...more: string[]): Promise<number>;
  /** The same as one rank of a job, under `--mpi`; without it the command does not work on several ranks. */
  runOnRanks?(argument: string | undefined, values: Values): Promise<number>;
}
