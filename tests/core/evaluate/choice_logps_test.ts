import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { StoppedError } from "../../../core/error.ts";
import type { ChoiceIds } from "../../../core/benchmark/encode_request.ts";
import { choiceLogps, type ChoiceOptions, type ChoiceScore } from "../../../core/evaluate/choice_logps.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../../../core/model/model.ts";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, randomF32 } from "../../_shared/device.ts";
import { logitsOf } from "../../_shared/logits.ts";
import { withTinyModel } from "../_tiny.ts";

const QUICKSTART = new URL("../../../examples/quickstart/model", import.meta.url).pathname;

/** Runs `use` with the quick start's model. */
async function withQuickstart<T>(
  use: (model: AnyModel) => Promise<T>,
  options: Parameters<typeof loadFrozenModel>[2] = {},
): Promise<T> {
  const model = await loadFrozenModel(device, QUICKSTART, options);
  try {
    return await use(model);
  } finally {
    freeModel(model);
  }
}

/** Token ids of a simple rule, below the quick start's vocabulary of 32. */
function ids(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => 3 + (seed * 7 + i * (5 + seed) + (i * i) % 11) % 29);
}

/** From 1 to 5 choices: of one token, of several, of both; with prefixes within the context and beyond it. */
const DOCUMENTS: ChoiceIds[][] = [
  [{ context: ids(6, 1), continuation: ids(3, 2) }],
  [4, 9].map((id) => ({ context: ids(9, 2), continuation: [id] })),
  [3, 4, 5].map((length, i) => ({ context: ids(12, 3), continuation: [10 + i, ...ids(length, i)] })),
  [5, 6, 7, 8].map((id) => ({ context: ids(20, 4), continuation: [id] })),
  [1, 2, 1, 6, 3].map((length, i) => ({ context: ids(4, 5), continuation: [20 + i, ...ids(length - 1, i)] })),
  // As in Winogrande: one continuation of two contexts.
  [6, 21].map((id) => ({ context: [...ids(8, 6), id, 7], continuation: ids(5, 7) })),
  // Choices that begin alike, the last of which is the beginning itself.
  [[8, 9, 10, 11], [8, 9, 12], [8, 9]].map((continuation) => ({ context: ids(7, 8), continuation })),
  // Contexts with nothing in common.
  [ids(5, 9), ids(5, 10)].map((context) => ({ context, continuation: ids(4, 11) })),
  [],
  // Two choices that differ in their last token alone.
  [17, 18].map((id) => ({ context: ids(10, 12), continuation: [3, 5, id] })),
];

/** Documents whose choices differ in their first token: they are laid as prompt and response. */
const SAME_ARITHMETIC = [0, 1, 2, 3, 4];

async function oneByOne(model: AnyModel, documents: readonly (readonly ChoiceIds[])[]): Promise<number[][]> {
  const all: number[][] = [];
  for (const choices of documents) {
    const logps: number[] = [];
    for (const { context: promptIds, continuation: responseIds } of choices) {
      logps.push(...await responseLogps(commands, model, { rows: [{ example: 0, promptIds, responseIds }] }));
    }
    all.push(logps);
  }
  return all;
}

function logpsOf(scores: readonly (readonly ChoiceScore[])[]): number[][] {
  return scores.map((choices) => choices.map(({ logp }) => logp));
}

function score(model: AnyModel, options: Partial<ChoiceOptions> = {}): Promise<ChoiceScore[][]> {
  return choiceLogps(commands, model, { documents: DOCUMENTS, ...options });
}

Deno.test("choiceLogps() gives each choice the log-probability that it has by itself", () =>
  withQuickstart(async (model) => {
    const expected = await oneByOne(model, DOCUMENTS);
    const logps = logpsOf(await score(model));
    deepEqual(logps.map((choices) => choices.length), DOCUMENTS.map((choices) => choices.length));
    assertClose(logps.flat(), expected.flat(), { atol: 1e-5 });
    for (const i of SAME_ARITHMETIC) deepEqual(logps[i], expected[i], `document ${i}`);
  }));

Deno.test("choiceLogps() says whether each token of a choice has the largest logit", () =>
  withQuickstart(async (model) => {
    // What the model itself would write, what differs from it in the last token, and what differs in the first.
    const documents: ChoiceIds[][] = [...DOCUMENTS];
    for (const context of [ids(6, 1), ids(20, 4)]) {
      const row = [...context];
      for (let i = 0; i < 4; i++) row.push(best((await logitsOf(QUICKSTART, row)).at(-1)!));
      const written = row.slice(context.length);
      const other = (id: number): number => (id + 1) % 32;
      documents.push([written, [...written.slice(0, 3), other(written[3]!)], [other(written[0]!), ...written.slice(1)]]
        .map((continuation) => ({ context, continuation })));
      documents.push([{ context, continuation: written.slice(0, 1) }]);
    }
    const expected: boolean[][] = [];
    for (const choices of documents) {
      expected.push([]);
      for (const { context, continuation } of choices) {
        const logits = await logitsOf(QUICKSTART, [...context, ...continuation]);
        expected.at(-1)!.push(continuation.every((id, j) => id === best(logits[context.length - 1 + j]!)));
      }
    }
    deepEqual(expected.slice(-4), [[true, false, false], [true], [true, false, false], [true]]);
    const scores = await score(model, { documents });
    deepEqual(scores.map((choices) => choices.map(({ isGreedy }) => isGreedy)), expected);
  }));

function best(logits: Float32Array): number {
  return logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
}

Deno.test("choiceLogps() gives a document the same bits alone and among others, whatever the batches", () =>
  withQuickstart(async (model) => {
    for (const shared of [{}, { sharedPrefix: ids(3, 4) }, { sharedPrefix: ids(9, 2).slice(0, 5) }]) {
      const expected = await score(model, shared);
      for (const batchTokens of [1, 9, 30, 64]) {
        deepEqual(await score(model, { ...shared, batchTokens }), expected, `${batchTokens} tokens`);
      }
      const turned = await score(model, { ...shared, documents: DOCUMENTS.toReversed() });
      deepEqual(turned.toReversed(), expected);
      for (const [i, choices] of DOCUMENTS.entries()) {
        deepEqual(await score(model, { ...shared, documents: [choices] }), [expected[i]], `document ${i}`);
      }
    }
  }));

Deno.test("choiceLogps() gives the same numbers where documents share their beginning", () =>
  withQuickstart(async (model) => {
    const shots = ids(30, 13);
    const documents = ids(6, 14).map((question, i) =>
      [5, 6, 7, 8].map((letter) => ({ context: [...shots, question, ...ids(i, 2)], continuation: [letter] }))
    );
    const expected = await score(model, { documents });
    const shared = await score(model, { documents, sharedPrefix: shots });
    assertClose(logpsOf(shared).flat(), logpsOf(expected).flat(), { atol: 1e-5 });
    deepEqual(shared.flat().map(({ isGreedy }) => isGreedy), expected.flat().map(({ isGreedy }) => isGreedy));
    let tokens = [0, 0];
    const count = (i: number) => ({ tokens: ran }: { tokens: number }) => tokens = tokens.with(i, ran);
    await score(model, { documents, onProgress: count(0) });
    await score(model, { documents, sharedPrefix: shots, onProgress: count(1) });
    deepEqual(tokens, [6 * 31 + 15, 30 + 6 + 15]);
  }));

Deno.test("choiceLogps() takes quantized models, and sliding windows", async () => {
  await withQuickstart(async (model) => {
    assertClose(logpsOf(await score(model)).flat(), (await oneByOne(model, DOCUMENTS)).flat(), { atol: 1e-5 });
  }, { quantization: "int8" });
  const config = { architectures: ["MistralForCausalLM"], model_type: "mistral", sliding_window: 4 };
  await withTinyModel(async ({ model }) => {
    const documents = DOCUMENTS.slice(0, 7);
    assertClose(logpsOf(await score(model, { documents })).flat(), (await oneByOne(model, documents)).flat(), {
      atol: 1e-5,
    });
  }, { config });
});

Deno.test("choiceLogps() adds the model's adapters", () =>
  withQuickstart(async (base) => {
    const target = { target_modules: "all-linear", rank_pattern: {}, alpha_pattern: {} };
    const settings = { ...target, r: 2, lora_alpha: 4, lora_dropout: 0, use_rslora: false };
    const fresh = { settings, base: null, init: "uniform", seed: 1, iteration: 0 } as const;
    const adapter = createAdapter(device, base.config, fresh);
    try {
      for (const { up: { name, shape } } of adapter.plan.modules) {
        adapter.values.write(name, randomF32(shape[0]! * shape[1]!, 5, 0.2));
      }
      const model = { ...base, adapter };
      const logps = logpsOf(await score(model)).flat();
      assertClose(logps, (await oneByOne(model, DOCUMENTS)).flat(), { atol: 1e-5 });
      ok(logpsOf(await score(base)).flat().every((logp, i) => Math.abs(logp - logps[i]!) > 1e-3));
    } finally {
      adapter.values.free();
    }
  }));

Deno.test("choiceLogps() tells how far it is, gives documents as they end, and stops at its signal", () =>
  withQuickstart(async (model) => {
    const told: { done: number; total: number; tokens: number; totalTokens: number }[] = [];
    const ended = new Map<number, readonly ChoiceScore[]>();
    const scores = await score(model, {
      batchTokens: 20,
      onProgress: (progress) => told.push(progress),
      onDocument: (document, of) => ended.set(document, of),
    });
    ok(told.length > 5);
    deepEqual(told, told.toSorted((a, b) => a.tokens - b.tokens || a.done - b.done));
    // A document without choices is done from the beginning.
    const { totalTokens } = told[0]!;
    deepEqual(told[0], { done: 1, total: 10, tokens: 0, totalTokens });
    deepEqual(told.at(-1), { done: 10, total: 10, tokens: totalTokens, totalTokens });
    deepEqual(DOCUMENTS.map((_, i) => ended.get(i) ?? []), scores);
    equal(ended.size, 9);

    const before = device.bytes;
    const controller = new AbortController();
    let batches = 0;
    const stopped = score(model, {
      batchTokens: 20,
      signal: controller.signal,
      onProgress: () => {
        if (++batches === 3) controller.abort();
      },
    });
    await rejects(stopped, new StoppedError("The evaluation was stopped"));
    equal(batches, 3);
    equal(device.bytes, before, "its memory is freed");
    deepEqual(await score(model, { documents: [] }), []);
    await rejects(score(model, { documents: [[{ context: [], continuation: [4] }]] }), /the context has no tokens/);
  }));
