/** Log-probabilities of responses, by this process or by all ranks of a job. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { fromBits, ownShare, toBits } from "../cluster/dealt_batches.ts";
import { generatorWork, inStep } from "../cluster/in_step.ts";
import type { ExampleIds, PairIds } from "./pack.ts";
import { type BatchOptions, examplePacking, type PackedRows, pairPacking, scoreRows } from "./row_packing.ts";
import { cut, type Scorer } from "./scorer.ts";

/** How {@linkcode responseLogps} and {@linkcode pairLogps} batch and report. */
export interface ScoreOptions extends BatchOptions {
  /** Progress callback: gets the number of rows done after each batch; throw to stop. */
  onDone?: (done: number) => void;
}

/**
 * Summed log-probability of each response given its prompt, log p(y|x) = Σ_t log softmax(z_{t−1})[y_t], in nats. Rows
 * are packed into batches in their order; a row's result does not depend on its batch. Throws DeviceError.
 */
export async function responseLogps(
  commands: Commands,
  scorer: Scorer,
  { rows, ...options }: ScoreOptions & { rows: readonly ExampleIds[] },
): Promise<Float64Array> {
  return await score(commands, scorer, { ...options, ...examplePacking(rows) });
}

/**
 * As {@linkcode responseLogps}, for pairs, whose prompt is computed once for both responses: element 2i is pair i's
 * chosen response, 2i + 1 its rejected one.
 */
export async function pairLogps(
  commands: Commands,
  scorer: Scorer,
  { pairs: rows, ...options }: ScoreOptions & { pairs: readonly PairIds[] },
): Promise<Float64Array> {
  return await score(commands, scorer, { ...options, ...pairPacking(rows) });
}

/** Rows to score by several ranks, as data. */
export interface RowsToScore extends BatchOptions {
  kind: "examples" | "pairs";
  rows: readonly (ExampleIds | PairIds)[];
}

/** The sums of a row: its place among all, and its log-probabilities. */
export type RowSums = readonly [place: number, ...bits: number[]];

/**
 * Scores every `size`-th row from row `rank` on, and yields the sums of each batch, as the bits of float32: JSON has no
 * infinity.
 */
export async function* scorePart(
  commands: Commands,
  scorer: Scorer,
  { kind, rows, ...options }: RowsToScore,
  { rank, size }: { rank: number; size: number },
): AsyncGenerator<RowSums[]> {
  const own = ownShare(rows, { rank, size });
  const { each, ...packed } = kind === "pairs" ? pairPacking(own as PairIds[]) : examplePacking(own as ExampleIds[]);
  let done = 0;
  for await (const { part, logps } of scoreRows(commands, scorer, { ...options, ...packed as PackedRows<unknown> })) {
    const bits = toBits(logps);
    yield part.map((_, i): RowSums => [(done + i) * size + rank, ...bits.slice(i * each, (i + 1) * each)]);
    done += part.length;
  }
}

async function score<Row extends ExampleIds | PairIds>(
  commands: Commands,
  scorer: Scorer,
  { onDone, ...work }: ScoreOptions & PackedRows<Row>,
): Promise<Float64Array> {
  const { rows, each } = work;
  const out = new Float64Array(each * rows.length);
  let done = 0;
  if (scorer.shared && rows.length > 0) {
    const { kind, batchTokens, precision, tokens } = work;
    const how = { kind, ...(batchTokens && { batchTokens }), ...(precision && { precision }) };
    let before = 0;
    // A task is one text, whose length has a limit.
    for (const piece of cut(rows, { batchTokens: scorer.shared.crew.taskIds, tokens })) {
      for await (const sums of scoreOnRanks(commands, scorer, { ...how, rows: piece })) {
        for (const [place, ...bits] of sums) out.set(fromBits(bits), each * (before + place));
        done += sums.length;
        if (sums.length > 0) onDone?.(done);
      }
      before += piece.length;
    }
    return out;
  }
  for await (const { part, logps } of scoreRows(commands, scorer, work)) {
    out.set(logps, each * done);
    done += part.length;
    onDone?.(done);
  }
  return out;
}

/** Scores rows with all ranks. */
function scoreOnRanks(commands: Commands, scorer: Scorer, asked: RowsToScore): AsyncGenerator<RowSums[]> {
  const { crew, place: model } = scorer.shared!;
  const { transport } = crew;
  return crew.streaming(
    { task: "score", model, ...asked },
    () => inStep(transport, generatorWork(scorePart(commands, scorer, asked, transport))),
  );
}
