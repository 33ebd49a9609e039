/** What is said between a run and the thread of its verifier. @module */
import type { JsonValue } from "../data/formats/json_rows.ts";

/** What a verifier scores: `reference` is the row's own optional column, not the human answer. */
export interface VerifierInput {
  prompt: string;
  response: string;
  reference?: JsonValue;
}

/** What the thread is asked: first to load a module, then to score inputs in order. */
export type VerifierQuestion = { load: string } | { inputs: readonly VerifierInput[] };

/** What it answers: once for the module, and for each input. */
export type VerifierAnswer = { ready: true } | { score: number } | { failed: "load" | "use" | "score"; why: string };
