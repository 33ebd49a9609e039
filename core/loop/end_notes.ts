/** What a run says as it ends, of the iteration that it hands out and of iterations that it leaves out. @module */
import { plainNumber } from "../report/format_numbers.ts";
import { measureOf } from "../report/measures.ts";
import { WARNING } from "../progress.ts";
import type { RunContext } from "../run/run_context.ts";
import { betterStart, metricOf, unmeasured } from "./best_iteration.ts";
import type { Measured } from "./measured.ts";
import type { RunSummary } from "./run_summary.ts";

/** Says that a run ended early, and warns where no iteration can be told the best, or the start was better than all. */
export function tellEnd(
  { config, onNote }: Pick<RunContext, "config" | "onNote">,
  { summary: { best, stopped_early: stop }, measured }: { summary: RunSummary; measured: Measured },
): void {
  const { iterations, training: { load_best_model_at_end: handsOutBest } } = config;
  const { name, kind } = measureOf(metricOf(config));
  if (stop !== undefined) {
    const { iteration, patience } = stop;
    onNote(
      `The run ends after iteration ${iteration} of 0 to ${iterations - 1}: the last ${
        patience === 1 ? "one was" : `${patience} were`
      } no better by ${name} than the best before (training.early_stopping_patience)${
        handsOutBest ? "" : "; the last model is handed out, the best one with training.load_best_model_at_end"
      }`,
    );
  }
  if (!handsOutBest) return;
  if (best === undefined) {
    onNote(`${WARNING}no iteration has a ${name} that is a number: the last model is handed out`);
    return;
  }
  const others = unmeasured(config, measured);
  if (others.length > 0) {
    onNote(
      `${WARNING}${others.length === 1 ? "iteration" : "iterations"} ${others.join(", ")} ${
        others.length === 1 ? "was" : "were"
      } evaluated before there was a ${name}, and the best is one of the others: where its evaluation.json is deleted, an ` +
        "iteration is evaluated again",
    );
  }
  const start = betterStart(config, measured, best);
  if (start === null) return;
  const show = (value: number): string => plainNumber(value, kind === "share");
  onNote(
    `${WARNING}the model at the start was better than those of all iterations, by ${name} ${show(start)} against ${
      show(best.value)
    } of iteration ${best.iteration}, the best of them, which is handed out`,
  );
}
