/** Scores a model's answers, and writes samples as lm-evaluation-harness does (0.4.13, `evaluator.py`). @module */
import { aggregateScores } from "../benchmark/aggregate_scores.ts";
import type { EvaluatedTask } from "../benchmark/benchmark_results.ts";
import type { BenchmarkTask, DocumentRequest } from "../benchmark/benchmark_task.ts";
import { pythonStr } from "../benchmark/python_str.ts";
import { type SampleHashes, sampleHashes, taskHash } from "../benchmark/sample_hashes.ts";
import { type Answer, type DocumentScore, DocumentScorer, type MetricValue } from "../benchmark/score_document.ts";
import type { JsonValue } from "../data/formats/json_numbers.ts";
import { floatText } from "../data/tokenizer/template/python_numbers.ts";

/** A task that was asked. */
export interface AskedTask {
  task: BenchmarkTask;
  requests: readonly DocumentRequest[];
  answers: readonly Answer[];
}

/** A line of a samples file. */
export type Sample = Readonly<Record<string, JsonValue>>;

/** A task with its scores, samples and hash. */
export interface SampledTask extends EvaluatedTask {
  readonly samples: readonly Sample[];
  /** lm-eval's hash of all samples. */
  readonly hash: string;
}

/** Scores the answers of one task. */
export async function sampleTask({ task, requests, answers }: AskedTask): Promise<SampledTask> {
  const scorer = new DocumentScorer(task);
  const scored = requests.map((request, i) => scorer.score(request, answers[i]!));
  const hashes = await Promise.all(requests.map(sampleHashes));
  const filters = scored[0]?.length ?? 0;
  return {
    task,
    scores: aggregateScores(task.metrics, scored),
    samples: samplesOf({ task, requests, answers, scored, hashes }),
    hash: await taskHash(Array.from({ length: filters }, () => hashes).flat()),
  };
}

interface ScoredTask extends AskedTask {
  scored: readonly (readonly DocumentScore[])[];
  hashes: readonly SampleHashes[];
}

/** A line for each filter and document, the filters outermost, as lm-eval writes them. */
function samplesOf({ task, requests, answers, scored, hashes }: ScoredTask): Sample[] {
  const filters = scored[0]?.map(({ filter }) => filter) ?? [];
  return filters.flatMap((filter, f) =>
    requests.map((request, i): Sample => {
      const { filtered, metrics } = scored[i]![f]!;
      const { resps, filtered_resps } = respsOf(answers[i]!, filtered);
      return {
        doc_id: request.docId,
        doc: request.doc,
        target: pythonStr(request.target),
        arguments: argumentsOf(request, task),
        resps,
        filtered_resps,
        filter,
        metrics: Object.keys(metrics),
        ...hashes[i]!,
        ...Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, plainValue(value)])),
      };
    })
  );
}

function plainValue(value: MetricValue): JsonValue {
  return typeof value === "object" ? [...value] : value;
}

/** `gen_args_I: {arg_0, arg_1}` for each request. */
function argumentsOf({ asked }: DocumentRequest, { config }: BenchmarkTask): JsonValue {
  const list: JsonValue[][] = asked.kind === "loglikelihood"
    ? asked.pairs.map(({ context, continuation }) => [context, continuation])
    : asked.kind === "generate"
    ? [[asked.context, config.generation_kwargs ?? {}]]
    : [[asked.text]];
  return Object.fromEntries(
    list.map((args, i) => [`gen_args_${i}`, Object.fromEntries(args.map((arg, j) => [`arg_${j}`, arg]))]),
  );
}

/** Answers as lm-eval writes them, where every number is a text. */
function respsOf(answer: Answer, filtered: string | null): { resps: JsonValue; filtered_resps: JsonValue } {
  if (typeof answer === "string") return { resps: [[answer]], filtered_resps: [filtered ?? answer] };
  const texts: JsonValue[] = "tokens" in answer
    ? [floatText(answer.logp)]
    : answer.map(({ logp, isGreedy }) => [floatText(logp), isGreedy ? "True" : "False"]);
  return { resps: texts.map((text) => [text]), filtered_resps: texts };
}
