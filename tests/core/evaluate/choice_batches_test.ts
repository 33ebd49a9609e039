import type { ChoiceIds } from "../../../core/benchmark/encode_request.ts";
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { type BatchingOptions, choiceBatches, commonPrefix } from "../../../core/evaluate/choice_batches.ts";
import { packShared } from "../../../core/model/pack.ts";

/** A choice of `context` tokens and more, of one document's kind. */
function choice(context: readonly number[], ...continuation: number[]): ChoiceIds {
  return { context, continuation };
}

function ids(count: number, first: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** What a batching is, in short: each batch's groups as prefix length and places. */
function shape(documents: readonly (readonly ChoiceIds[])[], options: BatchingOptions): string[] {
  const batches = choiceBatches(documents, options);
  const seen = new Set<string>();
  const lines = batches.map(({ groups, places, tokens, entries }) => {
    const packed = packShared(groups);
    equal(packed.ids.length, tokens, "tokens as packed");
    equal(packed.entries.index.length, entries, "entries as packed");
    let at = 0;
    return groups.map(({ shared, rows }) =>
      `${shared}: ${
        rows.map((row) => {
          const { document, choice } = places[at++]!;
          const { context, continuation } = documents[document]![choice]!;
          deepEqual([row.promptIds, row.responseIds], [context, continuation]);
          seen.add(`${document}.${choice}`);
          return `${document}.${choice}`;
        }).join(" ")
      }`
    ).join(", ");
  });
  equal(seen.size, documents.flat().length, "every choice is in one batch");
  return lines;
}

Deno.test("choiceBatches() shares the ids that all choices of a document begin with, the longest document first", () => {
  const documents = [
    [choice(ids(5, 10), 90), choice(ids(5, 10), 91, 92)],
    // The choices have an id in common after their context.
    [choice(ids(20, 10), 90, 91), choice(ids(20, 10), 90, 92, 93), choice(ids(20, 10), 90)],
    // Contexts that differ from the third id on.
    [choice([1, 2, 3, 4], 90, 91), choice([1, 2, 8, 4], 90, 91)],
    // Nothing in common, then one choice, and none.
    [choice([1, 2, 3], 90), choice([7, 2, 3], 90)],
    [choice([1, 2, 3], 90, 91)],
    [],
  ];
  const together = shape(documents, { batchTokens: 1000 });
  deepEqual(together, ["20: 1.0 1.1 1.2, 5: 0.0 0.1, 2: 2.0 2.1, 3: 4.0, 3: 3.0, 3: 3.1"]);
  deepEqual(choiceBatches([[], []], { batchTokens: 10 }), []);
});

Deno.test("choiceBatches() keeps to the tokens of a batch, and lays a prefix again where choices must part", () => {
  const documents = [
    [0, 1, 2, 3].map((last) => choice(ids(10, 10), last, 5, 6)),
    [0, 1].map((last) => choice(ids(2, 10), last, 5)),
  ];
  // The first document has 10 + 4 · 3 tokens at most, the second 2 + 2 · 2.
  deepEqual(shape(documents, { batchTokens: 28 }), ["10: 0.0 0.1 0.2 0.3, 2: 1.0 1.1"]);
  deepEqual(shape(documents, { batchTokens: 27 }), ["10: 0.0 0.1 0.2 0.3", "2: 1.0 1.1"]);
  deepEqual(shape(documents, { batchTokens: 16 }), ["10: 0.0 0.1", "10: 0.2 0.3", "2: 1.0 1.1"]);
  // A single choice may be longer.
  deepEqual(shape(documents, { batchTokens: 1 }), ["10: 0.0", "10: 0.1", "10: 0.2", "10: 0.3", "2: 1.0", "2: 1.1"]);
});

Deno.test("choiceBatches() computes letters after one context with no token of their own", () => {
  const documents = [[65, 66, 67, 68].map((letter) => choice(ids(12, 10), letter))];
  const [batch] = choiceBatches(documents, { batchTokens: 100 });
  equal(batch!.tokens, 12);
  deepEqual([...packShared(batch!.groups).entries.index], [11, 11, 11, 11]);
  equal(batch!.pairs, 12 * 13 / 2);
});

Deno.test("choiceBatches() counts the pairs of tokens of which one attends to the other", () => {
  // Three tokens that are shared; one after them, and two.
  const documents = [[choice([1, 2, 3], 90, 5), choice([1, 2, 3], 91, 5, 5)], [choice([1, 2], 9)]];
  const pairs = (batchTokens: number) => choiceBatches(documents, { batchTokens }).map((batch) => batch.pairs);
  deepEqual(pairs(100), [1 + 2 + 3 + 4 + 4 + 5 + 1 + 2]);
  deepEqual(pairs(6), [1 + 2 + 3 + 4, 1 + 2 + 3 + 4 + 5, 1 + 2]);
});

Deno.test("choiceBatches() shares what documents begin with where that takes fewer tokens", () => {
  const shots = ids(40, 100);
  const questions = [1, 2, 3].map((q) => [65, 66].map((letter) => choice([...shots, q, q, q], letter)));
  // Six answers of three tokens would each repeat the ten tokens of their question.
  const long = ids(6, 0).map((last) => choice([...shots, ...ids(10, 1)], last, 5, 6));
  const short = [choice([1, 2], 65), choice([1, 2], 66)];
  const documents = [...questions, long, short];
  const options = { batchTokens: 200, sharedPrefix: shots };
  deepEqual(shape(documents, options), ["50: 3.0 3.1 3.2 3.3 3.4 3.5, 40: 0.0 0.1 1.0 1.1 2.0 2.1, 2: 4.0 4.1"]);
  deepEqual(shape(documents, { batchTokens: 48, sharedPrefix: shots }).slice(-2), [
    "40: 0.0 0.1 1.0 1.1",
    "40: 2.0 2.1, 2: 4.0 4.1",
  ]);
  // How a document is computed does not depend on the others.
  deepEqual(shape([questions[1]!], options), ["40: 0.0 0.1"]);
  const tokens = (batches: readonly { tokens: number }[]) => batches.reduce((sum, batch) => sum + batch.tokens, 0);
  ok(tokens(choiceBatches(questions, options)) < tokens(choiceBatches(questions, { batchTokens: 200 })) / 2);
});

Deno.test("choiceBatches() names a choice without tokens", () => {
  const good = choice([1], 2);
  throws(
    () => choiceBatches([[good], [good, choice([], 2)]], { batchTokens: 9 }),
    /^RangeError: Cannot score choice 1 of document 1: the context has no tokens, expected at least 1$/,
  );
  throws(() => choiceBatches([[choice([1])]], { batchTokens: 9 }), /choice 0 of document 0: the continuation has no/);
});

Deno.test("commonPrefix() is what all rows begin with", () => {
  deepEqual(commonPrefix([[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 9, 4]]), [1, 2]);
  deepEqual(commonPrefix([[1, 2], [1, 2, 3], [1, 2]]), [1, 2]);
  deepEqual([commonPrefix([[1], [2]]), commonPrefix([[1, 2], []]), commonPrefix([[7, 8]]), commonPrefix([])], [
    [],
    [],
    [7, 8],
    [],
  ]);
});
