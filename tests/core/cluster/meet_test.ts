import { deepStrictEqual, equal } from "node:assert/strict";
import { JointError } from "../../../core/cluster/joint_error.ts";
import { openLocal } from "../../../core/cluster/local.ts";
import { meet, type Meeting, type RankCard } from "../../../core/cluster/meet.ts";

const CARD: RankCard = { adapter: "Card X", memory: 8e9, version: "1.2.3", digests: { config: "aa", model: "bb" } };

/** What each rank gets of a meeting of these cards. */
async function meeting(
  cards: readonly Partial<RankCard>[],
  hosts: readonly string[],
): Promise<PromiseSettledResult<Meeting>[]> {
  const transports = await openLocal(cards.length, { hosts });
  return Promise.allSettled(transports.map((one, rank) => meet(one, { ...CARD, ...cards[rank] })));
}

Deno.test("all ranks know all, in order", async () => {
  const cards = [{}, { adapter: "Kärtchen", memory: null }, { adapter: null }].map((card) => ({ ...CARD, ...card }));
  for (const result of await meeting(cards, ["a", "b", "c"])) {
    const { value } = result as PromiseFulfilledResult<Meeting>;
    deepStrictEqual(value.ranks, cards.map((card, rank) => ({ ...card, host: "abc"[rank]! })));
    deepStrictEqual(value.warnings, []);
  }
});

Deno.test("ranks of one host whose adapters have one name are told, each group in a line", async () => {
  const other = { adapter: "Card Y" };
  const cards = [{}, {}, other, {}, other, {}, other, { adapter: null }, { adapter: null }];
  for (const result of await meeting(cards, ["a", "a", "a", "a", "a", "b", "b", "b", "b"])) {
    deepStrictEqual((result as PromiseFulfilledResult<Meeting>).value.warnings, [
      "ranks 0, 1 and 3 on a have adapters of one name, Card X: unless each rank sees a card of its own, they share one",
      "ranks 2 and 4 on a have adapters of one name, Card Y: unless each rank sees a card of its own, they share one",
    ]);
  }
  const [many] = await meeting(Array(32).fill({}), Array(32).fill("a"));
  const [line] = (many as PromiseFulfilledResult<Meeting>).value.warnings;
  equal(line!.startsWith("ranks 0, 1, 2, 3, 4, 5, 6, 7, … and 31 on a have adapters"), true, line);
});

Deno.test("another version or digest is an error on every rank, which the first one tells", async () => {
  const cards = [{}, {}, { version: "1.2.4" }, { digests: { config: "aa", model: "cc" } }, {
    digests: { config: "aa" },
  }];
  for (const [rank, result] of (await meeting(cards, ["a", "a", "b", "c", "c"])).entries()) {
    const error = (result as PromiseRejectedResult).reason;
    equal(error instanceof JointError, true);
    equal(error.tells, rank === 0);
    deepStrictEqual(error.message.split("\n"), [
      "Cannot work together: of the version of dnpo, rank 0 on a has 1.2.3 and rank 2 on b has 1.2.4, expected the same on all",
      "Cannot work together: of the model, rank 0 on a has bb and rank 3 on c has cc (2 ranks differ), expected the same on all",
    ]);
  }
});
