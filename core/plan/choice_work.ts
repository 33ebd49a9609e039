/** The work of scoring the choices of benchmark documents. @module */
import type { ChoiceBatch } from "../evaluate/choice_batches.ts";
import { attentionPairs } from "../model/device_batch.ts";
import { packShared } from "../model/pack.ts";
import { addCounts, forwardFlop, type ModelCost, type TokenCount } from "./flops.ts";
import type { Work } from "./step_work.ts";

/** The work of batches: what their rows share counts once. */
export function choiceWork(cost: ModelCost, batches: readonly ChoiceBatch[]): Work {
  const counts = batches.reduce<TokenCount>((sum, { groups }) => {
    const { ids, segments, entries } = packShared(groups);
    return addCounts(sum, { tokens: ids.length, pairs: attentionPairs(segments), entries: entries.index.length });
  }, { tokens: 0, pairs: 0, entries: 0 });
  return { tokens: counts.tokens, forward: forwardFlop(cost, counts), backward: 0, decode: 0 };
}
