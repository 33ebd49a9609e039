/** What is said between a run and the thread of its verifier. @module */
import type { ResponseRow } from "../data/stage_files.ts";
import type { JudgedAnswer } from "../run/run_context.ts";

/** What a verifier scores. */
export type VerifierInput = JudgedAnswer;

/** A verifier module's default export: a finite number, larger is better; 1 counts as right in evaluations. */
export type Verifier = (input: VerifierInput) => number | Promise<number>;

/** What is scored of a row: the human answer, and the generated one. */
export function verifierInputs(
  { prompt, reference, response, generated }: ResponseRow,
): [VerifierInput, VerifierInput] {
  const input = { prompt, ...(reference !== undefined && { reference }) };
  return [{ ...input, response }, { ...input, response: generated }];
}

/** What the thread is asked: first to load a module, then to score inputs in order. */
export type VerifierQuestion = { load: string } | { inputs: readonly VerifierInput[] };

/** What it answers: once for the module, and for each input. */
export type VerifierAnswer = { ready: true } | { score: number } | { failed: "load" | "use" | "score"; why: string };
