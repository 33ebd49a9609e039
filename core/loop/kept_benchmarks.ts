/** The numbers of benchmarks that a run has kept. What asks benchmarks is loaded where a run has some: it is large. @module */
import type { NumberName } from "../benchmark/benchmark_numbers.ts";
import { UserError, withAdvice } from "../error.ts";
import { exists, readJsonObject } from "../files/io.ts";
import type { FolderContext } from "../run/run_context.ts";
import { isRecord } from "../values.ts";
import type { BenchmarkAsk } from "./benchmark_tasks.ts";
import type { BenchmarkStep } from "./schedule.ts";

/** The numbers of a model on the config's benchmarks. */
export interface BenchmarkRecord {
  /** Digest of what was asked, and how. */
  asked: string;
  /** lm-eval's hash of each task's documents and prompts. */
  task_hashes: Record<string, string>;
  /** Numbers by `TASK/METRIC`; those with `_stderr` are errors. */
  metrics: Record<NumberName, number>;
  /** Whether more is better. */
  higher_is_better: Record<NumberName, boolean>;
}

/**
 * The numbers of a model that has been asked what the config asks now; null if it has not. Throws a UserError for numbers
 * that were changed.
 */
export async function keptBenchmarks(
  context: Pick<FolderContext, "checksums">,
  step: BenchmarkStep,
): Promise<BenchmarkRecord | null> {
  const record = await readBenchmarks(context, step.paths.benchmarkNumbers);
  return record?.asked === (await askOf(step)).key ? record : null;
}

/** The numbers that are there, whatever was asked; null if there are none. Throws a UserError if they were changed. */
export async function readBenchmarks(
  { checksums }: Pick<FolderContext, "checksums">,
  path: string,
): Promise<BenchmarkRecord | null> {
  if (!await exists(path)) return null;
  const advice = "delete the file to ask the benchmarks again";
  await checksums.checkResult(path, advice);
  return await withAdvice(readRecord(path), advice);
}

/** What a step asks. */
export async function askOf({ settings: { quantization, data }, evaluate }: BenchmarkStep): Promise<BenchmarkAsk> {
  const { benchmarkAsk } = await import("./benchmark_tasks.ts");
  return await benchmarkAsk({ quantization, data, evaluate });
}

async function readRecord(path: string): Promise<BenchmarkRecord> {
  const record = await readJsonObject(path);
  const { asked, task_hashes: hashes, metrics, higher_is_better: better } = record;
  const isNumbers = isRecord(metrics) && Object.values(metrics).every((value) => typeof value === "number");
  if (typeof asked === "string" && isRecord(hashes) && isNumbers && isRecord(better)) {
    return record as unknown as BenchmarkRecord;
  }
  throw new UserError(`Cannot read ${path}: it does not hold the numbers of benchmarks`);
}
