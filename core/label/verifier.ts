/** The judge that a TypeScript module makes. @module */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { JsonValue } from "../data/json_rows.ts";
import { oneLine } from "../data/problems.ts";
import { UserError } from "../error.ts";
import type { Judge } from "./judge.ts";

/** What a verifier scores: `reference` is the row's own optional column, not the human answer. */
export interface VerifierInput {
  prompt: string;
  response: string;
  reference?: JsonValue;
}

/** A verifier module's default export: a finite number, larger is better; 1 counts as right in evaluations. */
export type Verifier = (input: VerifierInput) => number | Promise<number>;

/** Imports a verifier module. Throws a UserError naming it where it does not load or exports no function. */
export async function loadVerifier(path: string): Promise<Verifier> {
  const url = pathToFileURL(resolve(path)).href;
  let module: { default?: unknown };
  try {
    module = await import(url);
  } catch (error) {
    throw new UserError(`Cannot load verifier ${path}: ${reason(error)}`);
  }
  if (typeof module.default !== "function") {
    throw new UserError(
      `Cannot use verifier ${path}: its default export is ${typeof module
        .default}, expected a function of {prompt, response, reference}`,
    );
  }
  return module.default as Verifier;
}

/** Calls a verifier. Throws a UserError naming module and row where it throws or returns no finite number. */
export async function verify(
  verifier: Verifier,
  input: VerifierInput,
  { path, where }: { path: string; where: string },
): Promise<number> {
  let score: unknown;
  try {
    score = await verifier(input);
  } catch (error) {
    throw new UserError(`Cannot score ${where} with ${path}: ${reason(error)}`);
  }
  if (typeof score !== "number" || !Number.isFinite(score)) {
    throw new UserError(`Cannot score ${where} with ${path}: it returned ${show(score)}, expected a finite number`);
  }
  return score;
}

/** The first line of what a module threw, which may be anything. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : error;
  return typeof message === "string" ? oneLine(message.trimStart().split("\n")[0]) : `it threw ${show(message)}`;
}

/** Not every object has a text. */
function show(value: unknown): string {
  return typeof value === "object" && value !== null ? "an object" : oneLine(String(value));
}

/** A judge that scores both answers with the module at `path`. */
export async function verifierJudge(path: string): Promise<Judge> {
  const verifier = await loadVerifier(path);
  return {
    name: "verifier",
    async score(rows, onDone) {
      const scores = [];
      for (const row of rows) {
        const { prompt, reference } = row;
        const context = { path, where: `row ${row.row}` };
        const input = { prompt, ...(reference !== undefined && { reference }) };
        scores.push({
          human: await verify(verifier, { ...input, response: row.response }, context),
          generated: await verify(verifier, { ...input, response: row.generated }, context),
        });
        onDone(scores.length);
      }
      return scores;
    },
  };
}
