/** What a run came to: whether the model got better, by how much, and how sure that is. @module */
import { isNumberName, tellingNumbers } from "../benchmark/benchmark_numbers.ts";
import { iterationValues, type LoggedIteration, type RunRecord } from "../run/read_run.ts";
import { differenceInterval, meanDifference } from "./intervals.ts";
import { standardErrorOf } from "./iteration_curves.ts";
import { measureOf } from "./measures.ts";

/** The change of one measure from the start to the iteration that is handed out: the last one, or the best. */
export interface Change {
  /** The summary's key. */
  key: string;
  /** Its name. */
  name: string;
  /** Whether it is a share. */
  isShare: boolean;
  from: number;
  to: number;
  /** The iterations of `from` and `to`. */
  between: readonly [number, number];
  /** The iteration with the best value, if that is another. */
  best: { iteration: number; value: number } | null;
  /**
   * Rows that were evaluated (null of a benchmark, whose number of documents the summary has not), the 95 % interval of
   * the change, its standard error and those of the two values (null of a single row, and of a share of 0 or 1); null
   * where no error is known.
   */
  sure: {
    rows: number | null;
    low: number;
    high: number;
    stderr: number | null;
    errors: readonly [number | null, number | null];
  } | null;
  /** Whether higher is better. */
  isHigherBetter: boolean;
  /** What may be said of it. */
  verdict: "better" | "worse" | "unclear";
}

/** The measures that tell whether a model is better, the most telling first. */
const TELLING = ["sampled_score", "greedy_score", "sampled", "greedy"] as const;
const LOSSES: readonly string[] = ["eval_preference_loss", "eval_loss"];

/** The keys of measures that a run has, and of which it is known whether more is better. */
function tellingKeys(iterations: readonly LoggedIteration[]): string[] {
  return [...TELLING, ...tellingNumbers(iterations.flatMap(({ values }) => Object.keys(values))), ...LOSSES];
}

/**
 * The changes of the measures that tell whether the model got better, from the first evaluation to that of the model that
 * is handed out.
 */
export function changesOf(run: RunRecord, evaluated: ReadonlyMap<number, number>): Change[] {
  const iterations = iterationValues(run);
  return tellingKeys(iterations).flatMap((key): Change[] => {
    const known = iterations.filter(({ values }) => values[key] !== undefined);
    const first = known[0];
    const last = known.find(({ iteration }) => iteration === run.best?.iteration) ?? known.at(-1);
    if (first === undefined || first === last) return [];
    const { name, kind } = measureOf(key);
    const [from, to] = [first.values[key]!, last!.values[key]!];
    const isHigherBetter = !LOSSES.includes(key);
    const isBetter = (a: number, b: number): boolean => isHigherBetter ? a > b : a < b;
    const best = known.slice(1).reduce((a, b) => isBetter(b.values[key]!, a.values[key]!) ? b : a);
    const counts = [evaluated.get(first.iteration), evaluated.get(last!.iteration)] as const;
    const errors = [standardErrorOf(key, first, evaluated), standardErrorOf(key, last!, evaluated)] as const;
    const [a, b] = errors;
    const interval = kind === "share" && counts[0] && counts[1]
      ? differenceInterval({ share: from, rows: counts[0] }, { share: to, rows: counts[1] })
      : a === null || b === null
      ? null
      : meanDifference({ mean: from, stderr: a }, { mean: to, stderr: b });
    const rows = isNumberName(key) ? null : counts[1] ?? last!.values.eval_rows;
    const sure = interval === null || rows === undefined
      ? null
      : { rows, ...interval, stderr: a === null || b === null ? null : Math.hypot(a, b), errors };
    const isSure = sure === null ? from !== to : sure.low > 0 || sure.high < 0;
    return [{
      key,
      name,
      isShare: kind === "share",
      from,
      to,
      between: [first.iteration, last!.iteration],
      best: best === last ? null : { iteration: best.iteration, value: best.values[key]! },
      sure,
      isHigherBetter,
      verdict: !isSure ? "unclear" : isBetter(to, from) ? "better" : "worse",
    }];
  });
}
