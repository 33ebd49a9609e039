/** The judge that lets several judges vote. @module */
import { fixed, percent } from "../values.ts";
import type { Judge, Scores } from "./judge.ts";
import { agreement, type Vote } from "./judge_agreement.ts";
import { sumCounts } from "./server_questions.ts";

/** A member of an ensemble. */
export interface Member {
  /** Its name, different from the others'. */
  name: string;
  judge: Judge;
  /** Weight of its vote, above 0. */
  weight: number;
  /** The lead in score above which it votes for an answer. */
  margin: number;
}

/** A member's vote on a row. */
export function voteOf({ human, generated }: Scores, margin: number): Vote {
  if (human === null || generated === null) return null;
  return generated > human + margin ? 1 : human > generated + margin ? -1 : 0;
}

/**
 * A judge that lets each member vote for the answer that it scores higher by more than its margin, or for none. An
 * answer's score is the sum of the weights of its votes as a share of the weights of all members that gave a verdict;
 * if none did, there is no score. Members work one after the other; `onScored` is called after each.
 */
export function ensembleJudge(members: readonly Member[], onScored: () => void = () => {}): Judge {
  const votes: Vote[][] = [];
  return {
    name: "ensemble",
    async score(rows, onDone) {
      votes.length = 0;
      const given: Scores[][] = [];
      for (const [m, { judge, margin }] of members.entries()) {
        const scores = await judge.score(rows, (done) => onDone(Math.floor((m * rows.length + done) / members.length)));
        onScored();
        given.push(scores);
        votes.push(scores.map((score) => voteOf(score, margin)));
      }
      return rows.map((_, i) => {
        const judged = weigh(i, (vote) => vote !== null);
        const share = (side: 1 | -1): number => round(weigh(i, (vote) => vote === side) / judged);
        const orders = given.flatMap((scores) => scores[i]!.ordersDisagree ?? []);
        const disagree = orders.length > 0 ? { ordersDisagree: orders.includes(true) } : {};
        if (judged === 0) return { human: null, generated: null, ...disagree };
        return { human: share(-1), generated: share(1), ...disagree };
      });
    },
    metrics() {
      const sums: Record<string, number> = {};
      for (const { judge } of members) {
        for (const [key, value] of Object.entries(judge.metrics?.() ?? {})) sums[key] = (sums[key] ?? 0) + value;
      }
      const pairs = pairsOf(members, votes).filter(({ rows }) => rows > 0);
      if (pairs.length === 0) return sums;
      const mean = (key: "share" | "kappa"): number => pairs.reduce((sum, pair) => sum + pair[key], 0) / pairs.length;
      sums["labels/agreement"] = mean("share");
      sums["labels/kappa"] = mean("kappa");
      // The mean of a single pair is the pair itself.
      if (pairs.length > 1) {
        for (const { name, share, kappa } of pairs) {
          sums[`labels/agreement/${name}`] = share;
          sums[`labels/kappa/${name}`] = kappa;
        }
      }
      return sums;
    },
    asked: () => sumCounts(members.flatMap(({ judge }) => judge.asked?.() ?? [])),
    notes: () => [
      ...members.flatMap(({ judge }) => judge.notes?.() ?? []),
      ...pairsOf(members, votes).map(({ name, rows, share, kappa }) =>
        rows === 0
          ? `Agreement of ${name}: no row has a verdict of both`
          : `Agreement of ${name}: ${percent(share)} % of ${rows} rows, Cohen's kappa ${
            fixed(kappa, 3)
          } (1: always, 0: as by chance)`
      ),
    ],
  };

  /** The sum of the weights of the members whose vote on row `i` passes the test `such`. */
  function weigh(i: number, such: (vote: Vote) => boolean): number {
    return members.reduce((sum, { weight }, m) => sum + (such(votes[m]![i]!) ? weight : 0), 0);
  }
}

/** Rounds away the errors of sums, so that 0.1 + 0.2 against 0.3 is a tie. */
function round(share: number): number {
  return Math.round(share * 1e12) / 1e12;
}

function pairsOf(
  members: readonly Member[],
  votes: readonly Vote[][],
): ({ name: string } & ReturnType<typeof agreement>)[] {
  return votes.flatMap((a, i) =>
    votes.slice(i + 1).map((b, j) => ({ name: `${members[i]!.name}+${members[i + 1 + j]!.name}`, ...agreement(a, b) }))
  );
}
