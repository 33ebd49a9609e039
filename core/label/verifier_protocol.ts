/** The messages between a run and the thread of its verifier. @module */
import { plainValue } from "../data/formats/json_numbers.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import type { JudgedAnswer } from "../run/run_context.ts";

/** The input of a verifier. */
export type VerifierInput = JudgedAnswer;

/**
 * A verifier module's default export. The larger the finite number, the better; 1 or more is right in evaluations. `true`
 * is 1 and `false` is 0.
 */
export type Verifier = (input: VerifierInput) => number | boolean | Promise<number | boolean>;

/** The inputs of a row: the human answer, then the generated one. */
export function verifierInputs(
  { prompt, reference, response, generated }: Pick<ResponseRow, "prompt" | "reference" | "response" | "generated">,
): [VerifierInput, VerifierInput] {
  const input = { prompt, ...(reference !== undefined && { reference: plainValue(reference) }) };
  return [{ ...input, response }, { ...input, response: generated }];
}

/** A request to the thread, with its number: first to load a module, then to score inputs in order. */
export type VerifierQuestion = { id: number } & VerifierTask;

/** What the thread is asked to do. */
export type VerifierTask = { load: true } | { inputs: readonly VerifierInput[] };

/** A line that the module printed. */
export interface VerifierPrint {
  said: string;
}

/** An answer of the thread: one for the module, and one for each input. Its message says which request it is `to`. */
export type VerifierAnswer = { ready: true } | { score: number } | { failed: "load" | "use" | "score"; why: string };
