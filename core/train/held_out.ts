/** Held-out rows under a model: their loss and, of pairs, TRL's measures against a reference (docs/method.md). @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { TrainingConfig } from "../config/config_types.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { pairLogps, responseLogps } from "../model/row_logps.ts";
import type { Scorer } from "../model/scorer.ts";
import { sameIds } from "../values.ts";
import type { PairFormula } from "./losses/loss.ts";
import { LOSSES } from "./losses/losses.ts";
import type { ReferenceLogps } from "./reference_logps.ts";

/** Held-out rows, as they are scored. */
export interface HeldOutIds {
  /** Prompts with the human or chosen answer; `example` is the row. */
  readonly examples: readonly ExampleIds[];
  /** The same rows with both answers; null if they have one answer, or the loss has no reference to compare with. */
  readonly pairs: readonly PairIds[] | null;
}

/** What held-out rows come to under a model. */
export interface HeldOutScores {
  /** Token-mean cross-entropy of the human or chosen answers, in nats. */
  loss: number;
  /** Summed log-probabilities of the pairs' answers; null without pairs. */
  logps: ReferenceLogps | null;
}

/** The measures of held-out pairs, by TRL's names without `eval_`; means over the pairs. */
export interface PairMeasures {
  /** The config's loss, without noise; TRL's eval_loss. */
  preference_loss: number;
  /** β (log p of the policy − log p of the reference) of the chosen answers. */
  "rewards/chosen": number;
  /** The same of the rejected ones. */
  "rewards/rejected": number;
  /** Share of the pairs whose chosen answer has the larger reward. */
  "rewards/accuracies": number;
  /** Chosen less rejected. */
  "rewards/margins": number;
  /** Summed log-probability of the chosen answers under the model. */
  "logps/chosen": number;
  /** The same of the rejected ones. */
  "logps/rejected": number;
}

/** The names of {@linkcode PairMeasures}. */
export const PAIR_MEASURES = [
  "preference_loss",
  "rewards/chosen",
  "rewards/rejected",
  "rewards/accuracies",
  "rewards/margins",
  "logps/chosen",
  "logps/rejected",
] as const satisfies readonly (keyof PairMeasures)[];

/** How many rows {@linkcode scoreHeldOut} scores, where the pairs are not `known`. */
export function scoredRows(rows: HeldOutIds): number {
  return (rows.pairs?.length ?? 0) + examplesAlone(rows).length;
}

/**
 * Scores held-out rows; a chosen answer is scored once, with its pair. With `known`, the pairs' log-probabilities under
 * this very model, only the other rows are. Throws DeviceError.
 */
export async function scoreHeldOut(
  commands: Commands,
  scorer: Scorer,
  { rows, known = null, batchTokens, onDone = () => {} }: {
    rows: HeldOutIds;
    known?: ReferenceLogps | null;
    /** Most tokens of a batch (default: as `responseLogps`); it changes no number. */
    batchTokens?: number;
    /** Progress callback: gets the number of rows done of {@linkcode scoredRows}; throw to stop. */
    onDone?: (done: number) => void;
  },
): Promise<HeldOutScores> {
  const { examples, pairs } = rows;
  const size = batchTokens === undefined ? {} : { batchTokens };
  let logps = known;
  if (pairs !== null && known === null) {
    const sums = await pairLogps(commands, scorer, { pairs, ...size, onDone });
    logps = {
      chosen: Float32Array.from(pairs, (_, i) => sums[2 * i]!),
      rejected: Float32Array.from(pairs, (_, i) => sums[2 * i + 1]!),
    };
  }
  const alone = examplesAlone(rows);
  const before = pairs?.length ?? 0;
  const sums = await responseLogps(commands, scorer, {
    rows: alone,
    ...size,
    onDone: (done) => onDone(before + done),
  });
  const sumOf = new Map([
    ...(pairs ?? []).map(({ example }, i) => [example, logps!.chosen[i]!] as const),
    ...alone.map(({ example }, i) => [example, sums[i]!] as const),
  ]);
  const tokens = examples.reduce((sum, { responseIds }) => sum + responseIds.length, 0);
  const total = examples.reduce((sum, { example }) => sum + sumOf.get(example)!, 0);
  return { loss: -total / tokens, logps };
}

/** The examples that are not the chosen side of a pair: all without pairs, and those whose pair was dropped or cut. */
function examplesAlone({ examples, pairs }: HeldOutIds): ExampleIds[] {
  const chosen = new Map((pairs ?? []).map((pair) => [pair.example, pair]));
  return examples.filter(({ example, promptIds, responseIds }) => {
    const pair = chosen.get(example);
    return !pair || !sameIds(pair.promptIds, promptIds) || !sameIds(pair.chosenIds, responseIds);
  });
}

/** The measures of pairs, in float64. Throws RangeError for a loss that compares with no reference. */
export function pairMeasures(
  { pairs, policy, reference, training }: {
    pairs: readonly PairIds[];
    policy: ReferenceLogps;
    reference: ReferenceLogps;
    training: TrainingConfig;
  },
): PairMeasures {
  const formula = LOSSES[training.loss_type].formula?.(training);
  if (!formula) throw new RangeError(`Cannot measure pairs by ${training.loss_type}, which has no reference`);
  const { beta } = training;
  const sums = Object.fromEntries(PAIR_MEASURES.map((key) => [key, 0])) as unknown as PairMeasures;
  for (const [i, { chosenIds, rejectedIds }] of pairs.entries()) {
    const [chosen, rejected] = [policy.chosen[i]!, policy.rejected[i]!];
    const [better, worse] = [chosen - reference.chosen[i]!, rejected - reference.rejected[i]!];
    const lengths = formula.perToken ? [chosenIds.length, rejectedIds.length] as const : [1, 1] as const;
    const lead = better / lengths[0] - worse / lengths[1] - (formula.offset ?? 0);
    sums.preference_loss += linked(formula, formula.factor * lead);
    sums["rewards/chosen"] += beta * better;
    sums["rewards/rejected"] += beta * worse;
    // As in TRL, equal rewards are no success.
    sums["rewards/accuracies"] += better > worse ? 1 : 0;
    sums["rewards/margins"] += beta * better - beta * worse;
    sums["logps/chosen"] += chosen;
    sums["logps/rejected"] += rejected;
  }
  for (const key of PAIR_MEASURES) sums[key] /= pairs.length;
  return sums;
}

/** The loss of a margin. */
function linked({ link, smoothing: e = 0 }: PairFormula, margin: number): number {
  switch (link) {
    case "logistic":
      return ((1 - e) * softplus(-margin) - e * softplus(margin)) / (1 - 2 * e);
    case "hinge":
      return Math.max(0, 1 - margin);
    case "square":
      return margin ** 2;
  }
}

/** log(1 + eˣ). */
function softplus(x: number): number {
  return Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
}
