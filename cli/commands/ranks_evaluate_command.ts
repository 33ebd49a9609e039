/** `dnpo --mpi evaluate`: the ranks of a job evaluate a model together. @module */
import type { Values } from "../command_entry.ts";
import { configOfFlags, QUANTIZATION_FLAG } from "../config_flags.ts";
import { ranksTogether } from "../ranks_together.ts";
import { evaluate } from "./evaluate_command.ts";

/** Evaluates as {@linkcode evaluate} does on the first rank, whose crew the others are. Returns the exit code. */
export function evaluateOnRanks(named: string | undefined, values: Values): Promise<number> {
  const read = async () => ({
    config: await configOfFlags(values, { flags: [QUANTIZATION_FLAG] }),
    same: [named ?? null, values],
  });
  const asked = { what: "command line", verboseRanks: values.verboseRanks === true, read };
  return ranksTogether(asked, (crew) => evaluate(named, values, { crew }));
}
