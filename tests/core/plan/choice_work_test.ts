import { deepEqual } from "node:assert/strict";
import { choiceBatches } from "../../../core/evaluate/choice_batches.ts";
import { choiceWork } from "../../../core/plan/choice_work.ts";
import { addCounts, countRow, forwardFlop, type ModelCost, type TokenCount } from "../../../core/plan/flops.ts";

const COST: ModelCost = {
  parameters: 1,
  numLayers: 1,
  layers: 1_000_000,
  down: 1,
  attention: 1000,
  head: 1e10,
  vocab: 1,
  hidden: 1,
};

function work(counts: TokenCount) {
  return { tokens: counts.tokens, forward: forwardFlop(COST, counts), backward: 0, decode: 0 };
}

Deno.test("choiceWork() counts what choices and documents share once", () => {
  const context = [1, 2, 3, 4, 5, 6, 7];
  const answers = [[10], [20, 21, 22], [30, 31]].map((continuation) => ({ context, continuation }));
  const letters = [10, 20].map((id) => ({ context: [9, ...context], continuation: [id] }));
  const documents = [answers, letters];
  const each = addCounts(countRow(7, [1, 3, 2]), countRow(8, [1, 1]));
  deepEqual(choiceWork(COST, choiceBatches(documents, { batchTokens: 100 })), work(each));
  deepEqual(choiceWork(COST, choiceBatches([], { batchTokens: 100 })), work({ tokens: 0, pairs: 0, entries: 0 }));
  // Both questions are one token after seven that they share, and have two letters each.
  const questions = [50, 60].map((question) =>
    [10, 20].map((id) => ({ context: [...context, question], continuation: [id] }))
  );
  const shared = choiceBatches(questions, { batchTokens: 100, sharedPrefixes: [context] });
  deepEqual(choiceWork(COST, shared), work({ tokens: 9, pairs: 28 + 2 * 8, entries: 4 }));
});
