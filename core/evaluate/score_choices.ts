/** Runs batches of choices through a model, by this process or by all ranks of a job. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { dealBatches, type DealtResult, fromBits, ownShare, toBits } from "../cluster/dealt_batches.ts";
import { packShared, type PrefixRows } from "../model/pack.ts";
import { cut, scoreBatches, type Scorer } from "../model/scorer.ts";
import { largest } from "../values.ts";
import type { ChoiceBatch } from "./choice_batches.ts";

/** What the sequences of a batch have been given, in their order. */
export interface BatchFound {
  /** Summed log-probabilities, in nats. */
  logps: Float32Array;
  /** Whether each token is the most probable one at its place, the first of equal ones. */
  isGreedy: readonly boolean[];
}

/** A group of rows, as data: the ids that they begin with, and of each row the length of its prompt and its other ids. */
type GroupData = readonly [prefix: readonly number[], ...rows: (readonly number[])[]];

/** Batches that several ranks score, as data. */
export interface ChoicesToScore {
  batches: readonly (readonly GroupData[])[];
}

/** The bits of a batch's log-probabilities, and 1 for each sequence that is greedy. */
type FoundData = readonly [bits: readonly number[], isGreedy: readonly (0 | 1)[]];

/** Scores batches, and yields what each has given, in their order. Throws DeviceError. */
export async function* scoreChoices(
  commands: Commands,
  scorer: Scorer,
  batches: readonly ChoiceBatch[],
): AsyncGenerator<BatchFound> {
  if (!scorer.shared) return yield* scoreGroups(commands, scorer, batches.map(({ groups }) => groups));
  const { crew, place: model } = scorer.shared;
  for (const piece of cut(batches, { batchTokens: crew.taskIds, tokens: idsOf })) {
    const asked: ChoicesToScore = { batches: piece.map(({ groups }) => groups.map(groupData)) };
    const all = dealBatches(
      crew,
      { task: "choices", model, ...asked },
      () => choicesPart(commands, scorer, asked, crew.transport),
    );
    for await (const [, [bits, isGreedy]] of all) yield { logps: fromBits(bits), isGreedy: isGreedy.map(Boolean) };
  }
}

/** Scores every `size`-th batch from batch `rank` on. */
export async function* choicesPart(
  commands: Commands,
  scorer: Scorer,
  { batches }: ChoicesToScore,
  { rank, size }: { rank: number; size: number },
): AsyncGenerator<DealtResult<FoundData>> {
  const own = ownShare(batches, { rank, size }).map((groups) => groups.map(rowsOf));
  let place = rank;
  for await (const { logps, isGreedy } of scoreGroups(commands, scorer, own)) {
    yield [place, [toBits(logps), isGreedy.map((is) => is ? 1 : 0)]];
    place += size;
  }
}

async function* scoreGroups(
  commands: Commands,
  scorer: Scorer,
  parts: readonly (readonly PrefixRows[])[],
): AsyncGenerator<BatchFound> {
  const rows = parts.flat().flatMap(({ rows }) => rows);
  const maxPositions = Math.max(1, largest(rows, (row) => row.promptIds.length + row.responseIds.length));
  const work = { parts, pack: packShared, maxPositions, findsTop: true };
  for await (const { packed: { entries }, logps, top } of scoreBatches(commands, scorer, work)) {
    const isGreedy = Array.from(logps, (_, sequence) => {
      const [first, end] = [entries.starts[sequence]!, entries.starts[sequence + 1]!];
      for (let e = first; e < end; e++) if (top![e] !== entries.target[e]) return false;
      return true;
    });
    yield { logps, isGreedy };
  }
}

function groupData({ shared, rows }: PrefixRows): GroupData {
  const ids = rows.map(({ promptIds, responseIds }) => [...promptIds, ...responseIds]);
  return [ids[0]!.slice(0, shared), ...rows.map(({ promptIds }, i) => [promptIds.length, ...ids[i]!.slice(shared)])];
}

/** What scoring needs of {@linkcode groupData}; the rows' numbers change nothing. */
function rowsOf([prefix, ...rows]: GroupData): PrefixRows {
  return {
    shared: prefix.length,
    rows: rows.map(([length, ...tail], example) => {
      const ids = [...prefix, ...tail];
      return { example, promptIds: ids.slice(0, length), responseIds: ids.slice(length) };
    }),
  };
}

/** The ids of a batch's data. */
function idsOf({ groups }: ChoiceBatch): number {
  const lengths = groups.flatMap(({ shared, rows }) => [
    shared,
    ...rows.map(({ promptIds, responseIds }) => promptIds.length + responseIds.length - shared),
  ]);
  return lengths.reduce((sum, length) => sum + length, 0);
}
