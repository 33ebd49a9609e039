/** What the ranks of a job tell each other before they work. @module */
import { gatherTexts } from "./gather_texts.ts";
import { JointError } from "./joint_error.ts";
import type { Transport } from "./transport.ts";

/** What a rank tells of itself. */
export interface RankCard {
  /** The adapter's name; null: it has opened no device. */
  adapter: string | null;
  /** The device's whole name, with its driver; absent without a device. */
  device?: string;
  /** Bytes of memory that its work may take; null: not known. */
  memory: number | null;
  /** The version of the program. */
  version: string;
  /** What has to be the same on all ranks, by what it is: the digest of the config, of a model. */
  digests: Readonly<Record<string, string>>;
}

/** A rank as all know it. */
export interface KnownRank extends RankCard {
  /** Name of its machine. */
  host: string;
}

/** What a meeting has shown. */
export interface Meeting {
  /** All ranks, in their order. */
  ranks: KnownRank[];
  /** What a user should know, one line each. */
  warnings: string[];
}

/**
 * Tells all ranks of each; all have to call it. Throws a JointError where a rank has another version of the program than
 * rank 0, or another digest of something.
 */
export async function meet(transport: Transport, own: RankCard): Promise<Meeting> {
  const texts = await gatherTexts(transport, JSON.stringify(own));
  const ranks = texts.map((text, rank): KnownRank => ({
    ...JSON.parse(text) as RankCard,
    host: transport.hosts[rank]!,
  }));
  const problems = differences(ranks);
  if (problems.length > 0) throw new JointError(problems, transport.rank);
  return { ranks, warnings: sharedAdapters(ranks) };
}

/** A line for each thing in which ranks differ from rank 0. */
function differences(ranks: readonly KnownRank[]): string[] {
  const told = ranks.map(({ version, digests }): Record<string, string> => ({
    "version of dnpo": version,
    ...digests,
  }));
  const things = [...new Set(told.flatMap((one) => Object.keys(one)))];
  return things.flatMap((thing) => {
    const others = ranks.map((_, rank) => rank).filter((rank) => told[rank]![thing] !== told[0]![thing]);
    if (others.length === 0) return [];
    const is = (rank: number): string => `${nameOf(ranks, [rank])} has ${told[rank]![thing] ?? "none"}`;
    const more = others.length > 1 ? ` (${others.length} ranks differ)` : "";
    return [`Cannot work together: of the ${thing}, ${is(0)} and ${is(others[0]!)}${more}, expected the same on all`];
  });
}

/** A line for each machine and adapter that several ranks have. */
function sharedAdapters(ranks: readonly KnownRank[]): string[] {
  const numbers = ranks.map((_, rank) => rank).filter((rank) => ranks[rank]!.adapter !== null);
  const groups = Map.groupBy(numbers, (rank) => JSON.stringify([ranks[rank]!.host, ranks[rank]!.adapter]));
  return [...groups.values()].filter((group) => group.length > 1).map((group) =>
    `${nameOf(ranks, group)} have adapters of one name, ${
      ranks[group[0]!]!.adapter
    }: unless each rank sees a card of its own, they share one`
  );
}

/** Ranks of one machine, as in "ranks 0, 1 and 2 on node7". */
function nameOf(ranks: readonly KnownRank[], numbers: readonly number[]): string {
  const shown = numbers.length > 9 ? [...numbers.slice(0, 8), "…", numbers.at(-1)!] : numbers;
  const list = shown.length === 1 ? `rank ${shown[0]}` : `ranks ${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
  return `${list} on ${ranks[numbers[0]!]!.host}`;
}
