import assert from "node:assert/strict";
import { parseModelConfig } from "../../../core/model/families/model_config.ts";
import { backwardFlop, countRow, forwardFlop, modelCost, noiseFlop, recomputeFlop } from "../../../core/plan/flops.ts";
import { TINY_CONFIG } from "../../_shared/tiny_model.ts";

const cost = modelCost(parseModelConfig({ ...TINY_CONFIG }, "config.json"));

Deno.test("modelCost() counts each product of a layer, written out", () => {
  // hidden 16, 4 heads and 2 key-value heads of 4, intermediate 24, vocabulary 37, 2 layers, biases none.
  const products = 16 * 16 + 2 * 16 * 8 + 16 * 16 + 3 * 16 * 24;
  assert.equal(cost.layers, 2 * 2 * products);
  assert.equal(cost.head, 2 * 37 * 16);
  // q·k and the weighted sum of v, 16 products each and layer.
  assert.equal(cost.attention, 2 * 2 * 2 * 16);
  assert.equal(cost.parameters, 2 * (products + 2 * 16) + 16 + 2 * 37 * 16);
});

Deno.test("countRow() counts queries and keys as a loop over them does", () => {
  const [prompt, responses] = [5, [3, 7]];
  let [tokens, pairs] = [0, 0];
  for (let q = 0; q < prompt; q++, tokens++) pairs += q + 1;
  for (const length of responses) {
    for (let q = 0; q < length - 1; q++, tokens++) pairs += prompt + q + 1;
  }
  assert.deepEqual(countRow(prompt, responses), { tokens, pairs, entries: 10 });
});

Deno.test("a backward pass costs twice its products", () => {
  const count = { tokens: 10, pairs: 0, entries: 0 };
  assert.equal(backwardFlop(cost, count), 2 * forwardFlop(cost, count));
});

Deno.test("recomputeFlop() counts all segments but the last, each without its last product", () => {
  const count = { tokens: 10, pairs: 30, entries: 5 };
  const layer = (forwardFlop(cost, { ...count, entries: 0 }) + 8) / 2;
  const down = 10 * 2 * 16 * 24;
  assert.equal(recomputeFlop(cost, count, { segment: 1, adapters: 8 }), layer - down);
  assert.equal(recomputeFlop(cost, count, { segment: 2, adapters: 8 }), 0);
  const five = modelCost(parseModelConfig({ ...TINY_CONFIG, num_hidden_layers: 5 }, "config.json"));
  assert.equal(recomputeFlop(five, count, { segment: 2, adapters: 20 }), 3 * layer - 2 * down);
  assert.equal(recomputeFlop(five, count, { segment: 4, adapters: 20 }), layer - down);
});

Deno.test("noiseFlop() counts the products of the generator and its gradients, written out", () => {
  const [head, up, down] = [2 * 37 * 16, 2 * 37 * 3, 2 * 3 * 16];
  // Backward, the logits of the reference and of the generator are computed again; each matrix has one gradient, and
  // what lies between the two of a rank another.
  const of = (backward: boolean, rank?: number) => noiseFlop(cost, 5, { backward, rank });
  assert.equal(of(false), 5 * head);
  assert.equal(of(true), 5 * 3 * head);
  assert.equal(of(false, 3), 5 * (up + down));
  assert.equal(of(true, 3), 5 * (head + 3 * up + down));
});
