/** Stage 5: the model is asked benchmarks, as `dnpo evaluate` asks them. @module */
import { AVERAGE_NAME, benchmarkNumbers, stderrName } from "../benchmark/benchmark_numbers.ts";
import { evaluateInto, removeResults } from "../evaluate/evaluate_into.ts";
import type { Evaluated } from "../evaluate/evaluate_model.ts";
import type { EvaluationWork } from "../evaluate/evaluation_work.ts";
import type { LeaderboardAverage } from "../evaluate/leaderboard_average.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { dirname } from "../files/path.ts";
import { digestText } from "../files/stream_digest.ts";
import type { ProgressEvent } from "../progress.ts";
import { appendTiming } from "../run/metrics_log.ts";
import { noteOnce } from "../run/row_notes.ts";
import type { RunContext } from "../run/run_context.ts";
import { shareModel } from "../run/share_model.ts";
import { type BenchmarkAsk, benchmarkTasks } from "./benchmark_tasks.ts";
import { askOf, type BenchmarkRecord, keptBenchmarks } from "./kept_benchmarks.ts";
import { folderOf } from "./model_ref.ts";
import type { BenchmarkStep } from "./schedule.ts";

/**
 * Asks the model the benchmarks and writes what they give into the iteration's folder, or reads its numbers if it was
 * asked the same before. Throws UserError, DeviceError, or StoppedError.
 */
export async function benchmarkStage(context: RunContext, step: BenchmarkStep): Promise<BenchmarkRecord> {
  const kept = await keptBenchmarks(context, step);
  if (kept !== null) return kept;
  const { iteration, settings, model: ref, paths } = step;
  const ask = await askOf(step);
  const tasks = await benchmarkTasks(context, { evaluate: step.evaluate, ask });
  const { device, signal } = context;
  const dir = await folderOf(context, ref);
  const files = await context.sources.filesIn(dir);
  // The name by which `dnpo report` knows the iteration.
  const name = iteration < 0 ? settings.model! : dirname(paths.benchmarks);
  const started = performance.now();
  // Of another set of benchmarks, or of other rows.
  await removeResults(paths.benchmarks);
  const { evaluated } = await evaluateInto(device, paths.benchmarks, {
    model: { name, files },
    tasks,
    options: ask.options,
    hooks: {
      signal,
      share: (model) => shareModel(context, model, { dir, quantization: settings.quantization }),
      onNote: (line) => noteOnce(context, line),
      ...progressOf(context, iteration),
    },
  });
  noteCut(context, evaluated);
  const record = recordOf(evaluated, ask);
  const text = JSON.stringify(record, null, 2) + "\n";
  const { benchmarkNumbers: path } = paths;
  await context.checksums.placeFile(path, digestText(text), () => writeFileAtomic(path, text));
  await appendTiming(context, { iteration, stage: "benchmark", seconds: (performance.now() - started) / 1000 });
  return record;
}

function recordOf({ results }: Evaluated, { key }: BenchmarkAsk): BenchmarkRecord {
  const { metrics, higher_is_better } = benchmarkNumbers(results as Parameters<typeof benchmarkNumbers>[0]);
  const { openllm_average: average } = results.dnpo as { openllm_average?: LeaderboardAverage };
  return {
    asked: key,
    task_hashes: results.task_hashes as Record<string, string>,
    metrics: {
      ...metrics,
      ...(average && { [AVERAGE_NAME]: average.value }),
      ...(average && average.stderr !== null && { [stderrName(AVERAGE_NAME)]: average.stderr }),
    },
    higher_is_better: { ...higher_is_better, ...(average && { [AVERAGE_NAME]: true }) },
  };
}

/** Follows an evaluation as one stage: documents that are done, of those of all tasks. */
function progressOf(
  { onProgress }: Pick<RunContext, "onProgress">,
  iteration: number,
): { onProgress: (event: ProgressEvent) => void; onWork: (work: EvaluationWork) => void } {
  const before = new Map<string, { documents: number; done: number }>();
  let total = 0;
  return {
    onWork: ({ tasks }) => {
      for (const { task, documents } of tasks) {
        before.set(task, { documents, done: total });
        total += documents;
      }
    },
    onProgress: ({ stage, done, total: of }) => {
      const task = before.get(stage);
      // Before there is work to count, prompts are made.
      if (task === undefined) return;
      const share = of === 0 ? 1 : done / of;
      onProgress({
        stage: "benchmark",
        ...(iteration >= 0 && { iteration }),
        done: task.done + Math.floor(task.documents * share),
        total,
      });
    },
  };
}

/** Says which tasks' contexts were cut: nobody compares such numbers without knowing. */
function noteCut(context: RunContext, { cut, results }: Evaluated): void {
  for (const [task, count] of Object.entries(cut)) {
    const { effective } = results["n-samples"][task] as { effective: number };
    noteOnce(context, `${task}: ${count} of ${effective} contexts were cut from the left to fit the model`);
  }
}
