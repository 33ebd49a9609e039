/** Cuts documents with several choices into batches, in which what choices or documents share is computed once. @module */
import type { ChoiceIds } from "../benchmark/encode_request.ts";
import type { ExampleIds, PrefixRows } from "../model/pack.ts";

/** Rows that are scored together. */
export interface ChoiceBatch {
  groups: readonly PrefixRows[];
  /** The choice that each sequence of the batch is, in the order in which the groups have them. */
  places: readonly ChoicePlace[];
  /** Tokens that the model runs. */
  tokens: number;
  /** Pairs of tokens of which the one attends to the other. */
  pairs: number;
  /** Positions through the LM head. */
  entries: number;
}

/** A choice of a document, both counted from 0. */
export interface ChoicePlace {
  document: number;
  choice: number;
}

/** How {@linkcode choiceBatches} cuts. */
export interface BatchingOptions {
  /** The most tokens of a batch, unless a single choice is longer. */
  batchTokens: number;
  /** Ids that many documents begin with (default none). A batch has those once for all of its documents. */
  sharedPrefix?: readonly number[];
}

/** The ids that all of the rows begin with: of a task's contexts, what its documents share. */
export function commonPrefix(rows: readonly (readonly number[])[]): number[] {
  const first = rows[0] ?? [];
  let length = first.length;
  for (const row of rows) {
    let at = 0;
    while (at < length && row[at] === first[at]) at++;
    length = at;
  }
  return first.slice(0, length);
}

/** A row with its place. */
interface PlacedRow extends ExampleIds {
  choice: number;
}

/** Rows of a document that continue one prefix. */
interface Unit {
  /** Whether the prefix is that of many documents, and not the document's own. */
  ofMany: boolean;
  shared: number;
  rows: PlacedRow[];
  tokens: number;
}

/**
 * Cuts documents into batches, the longest first. The choices of a document share the ids that all of them begin with, or
 * where that takes fewer tokens, the prefix of many documents. What a row is computed from depends on its own document
 * and the shared prefix alone, so that its result does too. Throws RangeError for a choice without tokens.
 */
export function choiceBatches(
  documents: readonly (readonly ChoiceIds[])[],
  { batchTokens, sharedPrefix = [] }: BatchingOptions,
): ChoiceBatch[] {
  const units = documents.flatMap((choices, document) => unitsOf(placed(choices, document), sharedPrefix));
  const longest = units.reduce((most, { ofMany, tokens }) => ofMany ? Math.max(most, tokens) : most, 0);
  const rank = ({ ofMany, tokens }: Unit): number => ofMany ? longest : tokens;
  // Units with the shared prefix stand together.
  const ordered = units.toSorted((a, b) =>
    rank(b) - rank(a) || Number(a.ofMany) - Number(b.ofMany) || b.tokens - a.tokens
  );
  const cutter = new Cutter(batchTokens);
  for (const unit of ordered) cutter.add(unit);
  return cutter.batches;
}

function placed(choices: readonly ChoiceIds[], document: number): PlacedRow[] {
  return choices.map(({ context, continuation }, choice) => {
    const refuse = (what: string): RangeError =>
      new RangeError(
        `Cannot score choice ${choice} of document ${document}: the ${what} has no tokens, expected at least 1`,
      );
    if (context.length === 0) throw refuse("context");
    if (continuation.length === 0) throw refuse("continuation");
    return { example: document, choice, promptIds: context, responseIds: continuation };
  });
}

function unitsOf(rows: PlacedRow[], prefix: readonly number[]): Unit[] {
  if (rows.length === 0) return [];
  const common = rows.slice(1).reduce((most, row) => Math.min(most, commonLength(rows[0]!, row)), inputs(rows[0]!));
  const unit = (ofMany: boolean, shared: number, of = rows): Unit => {
    const tails = of.reduce((sum, row, i) => sum + rowCost(row, { shared, before: of[i - 1] }), 0);
    return { ofMany, shared, rows: of, tokens: shared + tails };
  };
  const own = rows.length > 1 && common > 0
    ? [unit(false, common)]
    : rows.map((row) => unit(false, row.promptIds.length, [row]));
  const begins = prefix.length > 0 && prefix.length <= common && prefix.every((id, at) => id === idAt(rows[0]!, at));
  if (!begins) return own;
  const joined = unit(true, prefix.length);
  const alone = own.reduce((sum, { tokens }) => sum + tokens, 0);
  return joined.tokens - joined.shared < alone ? [joined] : own;
}

/** Tokens of a row that are inputs: nothing is predicted from the last one. */
function inputs({ promptIds, responseIds }: ExampleIds): number {
  return promptIds.length + responseIds.length - 1;
}

function idAt({ promptIds, responseIds }: ExampleIds, at: number): number {
  return at < promptIds.length ? promptIds[at]! : responseIds[at - promptIds.length]!;
}

/** How many input ids two rows begin with in common. */
function commonLength(a: ExampleIds, b: ExampleIds): number {
  const most = Math.min(inputs(a), inputs(b));
  let at = 0;
  while (at < most && idAt(a, at) === idAt(b, at)) at++;
  return at;
}

/**
 * What a row takes of a batch after its prefix: tokens, or positions to score if these are more. `before` is the row
 * before it, whose tokens it shares if they are the same but for the last.
 */
function rowCost(row: ExampleIds, { shared, before }: { shared: number; before: ExampleIds | undefined }): number {
  return Math.max(tailTokens(row, { shared, before }), row.responseIds.length);
}

function tailTokens(row: ExampleIds, { shared, before }: { shared: number; before: ExampleIds | undefined }): number {
  const same = before !== undefined && inputs(before) === inputs(row) && commonLength(before, row) === inputs(row);
  return same ? 0 : inputs(row) - shared;
}

/** A batch that is being filled. */
interface GrowingBatch extends ChoiceBatch {
  groups: { shared: number; rows: PlacedRow[] }[];
  places: ChoicePlace[];
}

/** Fills batches with units, in their order. */
class Cutter {
  readonly batches: GrowingBatch[] = [];
  readonly #batchTokens: number;
  /** What the last batch has of the budget. */
  #used = Infinity;
  /** What the last group continues. */
  #of: Unit | "many" | null = null;

  constructor(batchTokens: number) {
    this.#batchTokens = batchTokens;
  }

  add(unit: Unit): void {
    const { shared, tokens, rows, ofMany } = unit;
    const of = ofMany ? "many" : unit;
    // A unit begins a batch if it does not fit into the rest of this one.
    if (this.#used + tokens - (this.#of === of ? shared : 0) > this.#batchTokens) this.#begin();
    rows.forEach((row, i) => {
      const inGroup = (): boolean => this.#of === of;
      const cost = (): number =>
        rowCost(row, { shared, before: inGroup() ? rows[i - 1] : undefined }) + (inGroup() ? 0 : shared);
      if (this.#used > 0 && this.#used + cost() > this.#batchTokens) this.#begin();
      this.#used += cost();
      const batch = this.batches.at(-1)!;
      const tail = tailTokens(row, { shared, before: inGroup() ? rows[i - 1] : undefined });
      const laid = inGroup() ? 0 : shared;
      batch.tokens += tail + laid;
      batch.pairs += laid * (laid + 1) / 2 + tail * shared + tail * (tail + 1) / 2;
      batch.entries += row.responseIds.length;
      if (!inGroup()) batch.groups.push({ shared, rows: [] });
      this.#of = of;
      batch.groups.at(-1)!.rows.push(row);
      batch.places.push({ document: row.example, choice: row.choice });
    });
  }

  #begin(): void {
    this.batches.push({ groups: [], places: [], tokens: 0, pairs: 0, entries: 0 });
    this.#used = 0;
    this.#of = null;
  }
}
