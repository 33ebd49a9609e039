/** What an iteration's files tell of its generated answers: how they were scored, and how probable they were. @module */
import { openSafetensorsAt } from "../../checkpoint/stored_weights.ts";
import { readJsonRows } from "../../data/formats/json_rows.ts";
import { UserError } from "../../error.ts";
import { exists } from "../../files/io.ts";
import { iterationPaths } from "../../run/run_paths.ts";
import { isRecord } from "../../values.ts";

/** The generated answers of an iteration's pairs. */
export interface GeneratedAnswers {
  /** Lines of the file of pairs. */
  lines: number;
  /** Pairs with both scores, and how many of them have a generated answer that is scored at least as high. */
  scored: { pairs: number; atLeast: number };
  /**
   * Summed log-probabilities, in nats, under the model that the iteration began from; or why they are not known.
   */
  logps: readonly number[] | string;
}

/**
 * Reads the pairs of an iteration; null if there are none. `before` is the number of lines of the iteration before, which
 * may have been trained on too. Throws a UserError if they are malformed.
 */
export async function generatedAnswers(
  run: string,
  iteration: number,
  { before = 0 }: { before?: number } = {},
): Promise<GeneratedAnswers | null> {
  const { pairs: path, reference } = iterationPaths(run, iteration);
  if (!await exists(path)) return null;
  const scored = { pairs: 0, atLeast: 0 };
  const isGenerated: (boolean | null)[] = [];
  for await (const { where, ...line } of readJsonRows(path)) {
    if ("problem" in line) throw new UserError(`Cannot read ${where}: ${line.problem}`);
    const { chosen_from: from, score_human: human, score_generated: generated } = isRecord(line.value)
      ? line.value
      : {};
    isGenerated.push(from === "generated" ? true : from === "human" ? false : null);
    if (typeof human !== "number" || typeof generated !== "number") continue;
    scored.pairs++;
    if (generated >= human) scored.atLeast++;
  }
  return { lines: isGenerated.length, scored, logps: await logpsOf(reference, { isGenerated, before }) };
}

/** The log-probabilities of the generated sides; those of pairs that no step used are left out. */
async function logpsOf(
  path: string,
  { isGenerated, before }: { isGenerated: readonly (boolean | null)[]; before: number },
): Promise<readonly number[] | string> {
  if (!await exists(path)) return "no log-probabilities were kept";
  const file = await openSafetensorsAt(path);
  const [chosen, rejected] = [await file.readFloat32("chosen"), await file.readFloat32("rejected")];
  // Pairs of the iteration before may follow; where some were dropped, nothing tells which.
  const isWhole = [isGenerated.length, isGenerated.length + before].includes(chosen.length);
  if (chosen.length !== rejected.length || !isWhole) {
    return "pairs were dropped as too long, so that log-probabilities cannot be told apart";
  }
  if (isGenerated.includes(null)) return "the pairs do not tell which answer was generated";
  const used = isGenerated.flatMap((is, i) => Number.isNaN(chosen[i]!) ? [] : [is ? chosen[i]! : rejected[i]!]);
  if (used.some(Number.isNaN)) {
    return "with noise, those of rejected answers are kept when training ends, and not by older versions";
  }
  return used.length === 0 ? "no log-probabilities were kept" : used;
}
