/** Log-probabilities of a program's rows under a model. @module */
import { pairLogps, responseLogps } from "../model/row_logps.ts";
import { exampleIds, pairIds, type Row } from "./engine_rows.ts";
import type { LanguageModel } from "./language_model.ts";

/**
 * The log-probability of each row's answer given its prompt, summed over its tokens, in nats. Throws a UserError naming
 * the row that is wrong, or DeviceError.
 *
 * @example
 * ```ts
 * import { openDevice, openModel, scoreAnswers } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * const [right, wrong] = await scoreAnswers(model, [
 *   { prompt: "sort cab>", response: "abc" },
 *   { prompt: "sort cab>", response: "ccc" },
 * ]);
 * assert.ok(right! < 0 && wrong! < 0);
 * ```
 */
export async function scoreAnswers(model: LanguageModel, rows: readonly Row[]): Promise<number[]> {
  return [
    ...await responseLogps(model.commands, model, { rows: exampleIds(model, rows, { maxLength: null, joint: false }) }),
  ];
}

/** The log-probabilities of a pair's answers, in nats. */
export interface PairLogps {
  /** Log-probability of the chosen answer, summed over its tokens. */
  chosen: number;
  /** Log-probability of the rejected answer, summed over its tokens. */
  rejected: number;
}

/**
 * As {@linkcode scoreAnswers}, for pairs, whose prompt is computed once for both answers.
 *
 * @example
 * ```ts
 * import { openDevice, openModel, scoreAnswerPairs } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * const [{ chosen, rejected }] = await scoreAnswerPairs(model, [
 *   { prompt: "sort cab>", chosen: "abc", rejected: "ccc" },
 * ]) as [{ chosen: number; rejected: number }];
 * assert.ok(chosen < 0 && rejected < 0);
 * ```
 */
export async function scoreAnswerPairs(model: LanguageModel, rows: readonly Row[]): Promise<PairLogps[]> {
  const sums = await pairLogps(model.commands, model, { pairs: pairIds(model, rows, null) });
  return rows.map((_, i) => ({ chosen: sums[2 * i]!, rejected: sums[2 * i + 1]! }));
}
