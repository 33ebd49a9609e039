/** What a run has measured of its models. @module */
import { reportEvaluation } from "../run/metrics_sinks.ts";
import type { RunContext } from "../run/run_context.ts";
import type { BenchmarkRecord } from "./kept_benchmarks.ts";
import type { Evaluation } from "./evaluate_stage.ts";

/** By iteration, −1 the model at the start: what held-out rows gave, and what benchmarks gave. */
export interface Measured {
  readonly evaluations: Map<number, Evaluation>;
  readonly benchmarks: Map<number, BenchmarkRecord>;
}

/** Of which nothing is there yet. */
export function nothingMeasured(): Measured {
  return { evaluations: new Map(), benchmarks: new Map() };
}

/** Logs the numbers of an iteration's model where the config's trackers are, once. */
export async function reportMeasured(
  context: RunContext,
  { iteration, measured: { evaluations, benchmarks } }: { iteration: number; measured: Measured },
): Promise<void> {
  const { rows: _, data: __, ...numbers } = evaluations.get(iteration) ?? {};
  const asked = Object.entries(benchmarks.get(iteration)?.metrics ?? {});
  // Of the trackers, some have no comma in a name.
  const values = {
    ...numbers,
    ...Object.fromEntries(asked.map(([name, value]) => [name.replaceAll(",", "_"), value])),
  };
  if (Object.keys(values).length > 0) await reportEvaluation(context, { iteration, values });
}
