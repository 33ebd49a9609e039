/**
 * The reference's log-probabilities that do not change over an iteration: those of the chosen responses and, without
 * noise, of the rejected ones. They are computed once, before the first step. @module
 */
import type { Commands } from "../../kernels/device/commands.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import type { PairIds } from "../model/pack.ts";
import { pairLogps, responseLogps } from "../model/row_logps.ts";
import type { Scorer } from "../model/scorer.ts";

/**
 * Summed log-probabilities under the reference without noise, in nats, by a row's place in the data. Numbers that were
 * not asked for are NaN: those of rows that no step uses, and, with noise, those of all rejected responses, which each
 * step computes anyway. The file gets these after the last step.
 */
export interface ReferenceLogps {
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
}

/** What is scored, and how exactly. */
export interface ScoredPairs {
  rows: readonly PairIds[];
  /** Places of the rows that the steps use. */
  used: readonly number[];
  /** Whether the rejected responses are scored too. */
  rejected: boolean;
  /** How exactly products are computed (default float32). */
  precision?: MatmulPrecision;
}

/** What {@linkcode referenceLogps} computes, and how it reports. */
export interface ReferenceOptions extends ScoredPairs {
  /** The reference. */
  scorer: Scorer;
  /** Most tokens of a batch. */
  batchTokens: number;
  /** Progress callback: gets the number of rows of `used` that are done; throw to stop. */
  onDone?: (done: number) => void;
}

/** Computes the numbers. Throws DeviceError. */
export async function referenceLogps(
  commands: Commands,
  { scorer, rows, used, rejected, batchTokens, precision = "float32", onDone = () => {} }: ReferenceOptions,
): Promise<ReferenceLogps> {
  const logps = {
    chosen: new Float32Array(rows.length).fill(NaN),
    rejected: new Float32Array(rows.length).fill(NaN),
  };
  const pairs = used.map((i) => rows[i]!);
  const options = { batchTokens, precision, onDone };
  if (rejected) {
    const sums = await pairLogps(commands, scorer, { pairs, ...options });
    used.forEach((i, j) => [logps.chosen[i], logps.rejected[i]] = [sums[2 * j]!, sums[2 * j + 1]!]);
  } else {
    const chosen = pairs.map(({ example, promptIds, chosenIds }) => ({ example, promptIds, responseIds: chosenIds }));
    const sums = await responseLogps(commands, scorer, { rows: chosen, ...options });
    used.forEach((i, j) => logps.chosen[i] = sums[j]!);
  }
  return logps;
}
