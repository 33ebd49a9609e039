/** The result of `dnpo mt-bench` as text. @module */
import { counted } from "../core/counted.ts";
import {
  cutAnswers,
  disagreements,
  type MtBench,
  type MtSide,
  type OutcomeCounts,
  outcomesOf,
  withoutReference,
} from "../core/evaluate/mt_bench/mt_results.ts";
import type { MtMean } from "../core/evaluate/mt_bench/mt_scores.ts";
import { fixed } from "../core/values.ts";
import { formatTable } from "./text_table.ts";

/** All lines: what was judged, a table by categories, the mean, and what is worth knowing about it. */
export function mtBenchLines(bench: MtBench, columns = Infinity): string[] {
  const { model, baseline, questions, file, judge, scores } = bench;
  const table = baseline === null ? ratingTable(bench, columns) : choiceTable(bench, columns);
  const against = baseline === null ? "" : ` against ${baseline.name}`;
  return [
    `${model.name}${against}: ${counted(questions.length, "question")} ${
      file === null ? "of dnpo's own" : `of ${file}`
    }, judge ${judge.model}`,
    ...table.split("\n"),
    baseline === null
      ? `Mean rating: ${shown(scores.overall)} of 10 (${counted(scores.overall.count, "rating")})`
      : `Win rate, ties as halves: ${shown(scores.overall, 100)} % (${counted(scores.overall.count, "turn")})`,
    ...warnings(bench),
    ...file === null ? ["MT-Bench's rules with other questions: not to be compared with its published scores"] : [],
  ];
}

function ratingTable({ scores }: MtBench, columns: number): string {
  const turns = scores.turns.map((_, turn) => `turn ${turn + 1}`);
  const line = (name: string, mean: MtMean, byTurn: readonly MtMean[]): string[] => [
    name,
    ...byTurn.map((of) => number(of.mean)),
    ...(byTurn.length > 1 ? [number(mean.mean)] : []),
    number(mean.stderr),
  ];
  const rows = Object.entries(scores.categories).map(([name, mean]) => line(name, mean, mean.turns));
  const heads = ["category", ...turns, ...(turns.length > 1 ? ["both"] : []), "±"];
  return formatTable(heads, [...rows, line("all", scores.overall, scores.turns)], { columns });
}

function choiceTable(bench: MtBench, columns: number): string {
  const line = (name: string, mean: MtMean, { wins, ties, losses }: OutcomeCounts): (string | number)[] => [
    name,
    wins,
    ties,
    losses,
    number(mean.mean, 100),
    number(mean.stderr, 100),
  ];
  const { categories, overall } = bench.scores;
  const rows = Object.entries(categories).map(([name, mean]) => line(name, mean, outcomesOf(bench, name)));
  const heads = ["category", "wins", "ties", "losses", "rate, %", "±"];
  return formatTable(heads, [...rows, line("all", overall, outcomesOf(bench))], { columns });
}

function warnings(bench: MtBench): string[] {
  const { baseline, model, scores: { unreadable } } = bench;
  const lines: string[] = [];
  if (unreadable > 0) {
    const what = baseline === null ? "rating" : "turn";
    const why = baseline === null ? "could not be read" : "had a verdict that could not be read";
    lines.push(`${counted(unreadable, what)} ${why}, and ${unreadable === 1 ? "is" : "are"} in no mean`);
  }
  if (baseline !== null) {
    const changed = disagreements(bench);
    if (changed > 0) {
      const verdict = changed === 1 ? "counts as a tie" : "count as ties";
      lines.push(`${counted(changed, "verdict")} changed with the order of the answers, and ${verdict}`);
    }
  }
  const bare = withoutReference(bench);
  if (bare > 0) lines.push(`${counted(bare, "turn")} of math, reasoning and coding had no right answer for the judge`);
  return [...lines, ...[model, ...baseline === null ? [] : [baseline]].flatMap(cutLines)];
}

function cutLines(side: MtSide): string[] {
  const { cut, noRoom } = cutAnswers(side);
  return [
    ...cut > 0 ? [`${counted(cut, "answer")} of ${side.name} reached the limit of tokens and ended there`] : [],
    ...noRoom > 0
      ? [`${counted(noRoom, "turn")} of ${side.name} found no room in its context: the answer is empty`]
      : [],
  ];
}

function shown({ mean, stderr }: MtMean, factor = 1): string {
  return stderr === null ? number(mean, factor) : `${number(mean, factor)} ± ${number(stderr, factor)}`;
}

function number(value: number | null, factor = 1): string {
  return value === null ? "–" : fixed(factor * value, factor === 1 ? 2 : 1);
}
