/** The program itself, without its commands, for the parser and the help. @module */
import type { CommandEntry, OptionEntry } from "./command_entry.ts";

/** What is known of a program besides its commands. */
export interface ProgramInfo {
  /** What `--version` prints. */
  version: string;
  /** Writes help that was asked for (default: to standard output). */
  writeOut?: (text: string) => void;
  /** Writes mistakes in the command line (default: to standard error). */
  writeErr?: (text: string) => void;
}

/** The option that shows help, of the program and of each command. */
export const helpOption: OptionEntry = { flags: "-h, --help", summary: "show this help" };

/** The option that prints the version. */
export const versionOption: OptionEntry = { flags: "-V, --version", summary: "print the version" };

/** Options that go before the command. */
export const rankOptions: readonly OptionEntry[] = [
  {
    flags: "--mpi",
    summary: "be one rank of a job that mpirun has started; goes before the command (docs/cluster.md)",
  },
  { flags: "--verbose-ranks", summary: "with --mpi: what all ranks note is told, and not the first's alone" },
];

/** What the help says of the program. */
export const programEntry: Pick<CommandEntry, "description" | "options" | "examples"> = {
  description: "DNPO: a language model improves itself on its own responses, on WebGPU.",
  options: [
    versionOption,
    ...rankOptions,
    { ...helpOption, summary: "show help; `dnpo COMMAND --help` shows a command's" },
  ],
  examples: [
    ["dnpo train", "a small model improves itself, in minutes, without a download of a model or of data"],
    ["dnpo train config.yaml", "your own model and data"],
    ["dnpo doctor", "whether this machine can run it"],
  ],
};
