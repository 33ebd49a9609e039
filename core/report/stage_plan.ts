/** Where a run is in the whole of its stages, what each took, and what is left. @module */
import type { RunView } from "../run/run_reader.ts";
import { isRecord } from "../values.ts";

/** The stages of an iteration, in order. */
export const STAGE_NAMES = ["generate", "label", "optimize", "evaluate", "benchmark"] as const;

/** A stage of an iteration. */
export interface StageCell {
  /** From 0; −1 is the start. */
  iteration: number;
  stage: typeof STAGE_NAMES[number];
  /** Seconds that it took; null if it is not done. */
  seconds: number | null;
  /** How much of it is done, from 0 to 1, if the run is at it; else null. */
  share: number | null;
  /** Seconds that are left of it; 0 if it is done, null if nothing tells. */
  left: number | null;
}

/** A run's stages. */
export interface StagePlan {
  cells: readonly StageCell[];
  /** Seconds that are left of the whole; of a run that is not at work null. */
  left: number | null;
  /** Whether stages of unknown length come on top of `left`. */
  isLeast: boolean;
  /** How much of the whole is done, from 0 to 1, by time where that is known, else by stages. */
  share: number;
  /** Seconds of all stages that are done. */
  seconds: number;
}

/** The stages of a run, those that are done and those that its settings ask for. */
export function stagePlan(run: RunView): StagePlan {
  const { timings, progress, state } = run;
  const spent = (iteration: number, stage: string): number | null => {
    const own = timings.filter((line) => line.iteration === iteration && line.stage === stage);
    return own.length === 0 ? null : own.reduce((sum, { seconds }) => sum + seconds, 0);
  };
  const now = progress && {
    ...progress,
    iteration: progress.iteration ?? -1,
    // The reference scores the pairs as a part of training.
    stage: progress.stage === "reference" ? "optimize" : progress.stage,
  };
  const rateOf = now && now.seconds > 1 && now.done > now.before ? now.seconds / (now.done - now.before) : null;
  const cells = plannedStages(run).map(({ iteration, stage }): StageCell => {
    const isNow = now?.iteration === iteration && now.stage === stage;
    const seconds = isNow ? null : spent(iteration, stage);
    if (seconds !== null || !isNow) {
      return { iteration, stage, seconds, share: null, left: seconds === null ? null : 0 };
    }
    const share = progress!.stage === "reference" || now.total === 0 ? 0 : now.done / now.total;
    const left = rateOf === null || progress!.stage === "reference" ? null : rateOf * (now.total - now.done);
    return { iteration, stage, seconds, share, left };
  });
  // An iteration takes as long as those before it.
  const typical = (stage: string): number | null => {
    const current = cells.find((cell) => cell.stage === stage && cell.share !== null);
    const known = timings.filter((line) => line.stage === stage).map(({ seconds }) => seconds);
    if (known.length > 0) return known.reduce((a, b) => a + b, 0) / known.length;
    return current?.left != null && rateOf !== null ? rateOf * now!.total : null;
  };
  const filled = cells.map((cell) => {
    if (cell.left !== null) return cell;
    const whole = typical(cell.stage);
    return whole === null ? cell : { ...cell, left: whole * (1 - (cell.share ?? 0)) };
  });
  const seconds = cells.reduce((sum, cell) => sum + (cell.seconds ?? 0), 0);
  const left = filled.reduce((sum, cell) => sum + (cell.left ?? 0), 0);
  const isLeast = filled.some((cell) => cell.left === null);
  const spentNow = now?.seconds ?? 0;
  const done = cells.filter((cell) => cell.seconds !== null).length;
  return {
    cells: filled,
    left: state === "running" ? left : null,
    isLeast,
    share: state === "done"
      ? 1
      : isLeast || seconds + left === 0
      ? (done + (cells.find(({ share }) => share !== null)?.share ?? 0)) / Math.max(1, cells.length)
      : (seconds + spentNow) / (seconds + spentNow + left),
    seconds,
  };
}

function plannedStages(
  { config, timings, progress, endedAfter = Infinity }: RunView,
): { iteration: number; stage: StageCell["stage"] }[] {
  const seen = new Set<string>(timings.map(({ iteration, stage }) => `${iteration} ${stage}`));
  if (progress) seen.add(`${progress.iteration ?? -1} ${progress.stage === "reference" ? "optimize" : progress.stage}`);
  const stagesSeen = new Set([...seen].map((key) => key.split(" ")[1]!));
  const { stage: alone, method, iterations, iteration: first, data, evaluate } = config;
  const begin = typeof first === "number" ? first : 0;
  const planned = new Set(seen);
  if (typeof alone === "string") planned.add(`${begin} optimize`);
  else if (typeof method === "string" && typeof iterations === "number") {
    const evaluates = isRecord(data) && data.eval !== undefined && data.eval !== null;
    const generates = method === "dnpo" || method === "spin" || stagesSeen.has("generate");
    const measuring = [...(evaluates ? ["evaluate"] : []), ...(isRecord(evaluate) ? ["benchmark"] : [])];
    const stages = [...(generates ? ["generate", "label"] : []), "optimize", ...measuring];
    for (const stage of measuring) planned.add(`-1 ${stage}`);
    for (let k = 0; k < Math.min(iterations, endedAfter + 1, 1000); k++) {
      for (const stage of stages) planned.add(`${k} ${stage}`);
    }
  }
  return [...planned].map((key) => {
    const [iteration, stage] = key.split(" ");
    return { iteration: Number(iteration), stage: stage as StageCell["stage"] };
  }).filter(({ stage }) => STAGE_NAMES.includes(stage))
    .sort((a, b) => a.iteration - b.iteration || STAGE_NAMES.indexOf(a.stage) - STAGE_NAMES.indexOf(b.stage));
}
