/** Token borders, metrics and results against lm-eval's evaluations, with lm-eval's own log-likelihoods and answers. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { aggregateScores } from "../../core/benchmark/aggregate_scores.ts";
import { benchmarkResults, type EvaluatedTask } from "../../core/benchmark/benchmark_results.ts";
import type { DocumentRequest } from "../../core/benchmark/benchmark_task.ts";
import { chatRendererOf } from "../../core/benchmark/chat_rendering.ts";
import { fitPair, fitPrompt, maxLengthOf, RequestEncoder } from "../../core/benchmark/encode_request.ts";
import { DocumentScorer } from "../../core/benchmark/score_document.ts";
import type { JsonObject } from "../../core/data/formats/json_numbers.ts";
import { loadTokenizer, type Tokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { sha256 } from "../../core/files/digest.ts";
import { evalNames, openTask, readEval, type RunSettings, tasksOfRun } from "./_benchmark.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Run extends RunSettings {
  max_length: number;
  limit: number | null;
  results: JsonObject;
  groups: JsonObject;
  group_subtasks: JsonObject;
  versions: JsonObject;
  "n-shot": JsonObject;
  higher_is_better: JsonObject;
  "n-samples": JsonObject;
  config: JsonObject;
  samples: Record<string, Sample[]>;
}
interface Sample {
  doc_id: number;
  filter: string;
  target: unknown;
  contexts_sha256: string | string[];
  continuations?: string | string[];
  loglikelihoods?: number[];
  is_greedy?: boolean[];
  context_tokens: number | number[];
  continuation_tokens?: number[];
  metrics: Record<string, number>;
  ids?: { context: number[]; continuation: number[] }[];
  context_ids?: number[];
  response?: string;
  filtered?: string;
}

const MODELS = { "qwen2-bpe1k": "eval/models/qwen2-bpe1k", stories260K: "real/stories260K" };

for (const [model, folder] of Object.entries(MODELS)) {
  sharedTest(`a benchmark's ids, metrics and results are lm-eval's: ${model}`, async () => {
    const tokenizer = await loadTokenizer(sharedPath(folder));
    const config = JSON.parse(await Deno.readTextFile(sharedPath(folder, "config.json")));
    const names = evalNames("runs", model);
    ok(names.length > 20);
    for (const name of names) {
      const run = await readEval<Run>("runs", model, `${name}.json`);
      equal(maxLengthOf(config), run.max_length);
      await compareRun(run, tokenizer, `${model} ${name}`);
    }
  });
}

async function compareRun(run: Run, tokenizer: Tokenizer, label: string): Promise<void> {
  const { tasks, groups } = tasksOfRun(run.run, { among: Object.keys(run.samples) });
  const evaluated: EvaluatedTask[] = [];
  const { system_instruction: systemInstruction, apply_chat_template: hasTemplate } = run.settings;
  for (const config of tasks) {
    const task = await openTask(config, run);
    const scorer = new DocumentScorer(task);
    const requests = task.requests({
      ...(run.limit !== null && { limit: run.limit }),
      ...(systemInstruction !== undefined && { systemInstruction }),
      ...(hasTemplate && { chat: chatRendererOf(tokenizer), fewShotAsTurns: run.settings.fewshot_as_multiturn! }),
    });
    const samples = run.samples[config.task]!;
    const scores = [];
    for (const request of requests) {
      const own = samples.filter(({ doc_id }) => doc_id === request.docId);
      const place = `${label} ${config.task} ${request.docId}`;
      await compareRequest(request, own[0]!, { tokenizer, maxLength: run.max_length, label: place });
      const answer = own[0]!.response ??
        own[0]!.loglikelihoods!.map((logp, i) => ({ logp, isGreedy: own[0]!.is_greedy![i]! }));
      const found = scorer.score(request, answer);
      equal(found.length, own.length, place);
      for (const [i, { filter, filtered, metrics }] of found.entries()) {
        equal(filter, own[i]!.filter, place);
        equal(filtered ?? undefined, own[i]!.filtered, place);
        compare(metrics, own[i]!.metrics, place);
      }
      scores.push(found);
    }
    equal(scores.length, samples.length / scorerFilters(scores), label);
    evaluated.push({ task, scores: aggregateScores(task.metrics, scores) });
  }
  const { configs, versions, ...results } = benchmarkResults(evaluated, groups);
  const plainVersions = JSON.parse(JSON.stringify(versions));
  for (const key of ["results", "group_subtasks", "n-shot", "higher_is_better", "n-samples"] as const) {
    compare(results[key], run[key], `${label} ${key}`);
  }
  compare(results.groups ?? {}, run.groups, label);
  deepEqual(plainVersions, run.versions, label);
  compareConfig(configs[tasks[0]!.task] as JsonObject, run.config, label);
}

function scorerFilters(scores: readonly (readonly unknown[])[]): number {
  return scores[0]!.length;
}

async function compareRequest(
  { asked, target }: DocumentRequest,
  sample: Sample,
  { tokenizer, maxLength, label }: { tokenizer: Tokenizer; maxLength: number; label: string },
): Promise<void> {
  deepEqual(target, sample.target, label);
  const encoder = new RequestEncoder(tokenizer);
  if (asked.kind === "generate") {
    equal(await sha256(asked.context), sample.contexts_sha256, label);
    const { maxNewTokens } = asked.settings;
    const { ids } = fitPrompt(encoder.encodePrompt(asked.context), { maxLength, maxNewTokens });
    equal(ids.length, sample.context_tokens, label);
    if (sample.context_ids !== undefined) deepEqual(ids, sample.context_ids, label);
    return;
  }
  if (asked.kind !== "loglikelihood") throw new Error(label);
  const pairs = asked.pairs.map((pair) => encoder.encodePair(pair));
  const contexts = [...new Set(asked.pairs.map(({ context }) => context))];
  deepEqual(await Promise.all(contexts.map((each) => sha256(each))), [sample.contexts_sha256].flat(), label);
  const continuations = asked.pairs.map(({ continuation }) => continuation);
  deepEqual(
    typeof sample.continuations === "string" ? [...new Set(continuations)] : continuations,
    [
      sample.continuations,
    ].flat(),
    label,
  );
  deepEqual(pairs.map(({ context }) => context.length), sample.context_tokens, label);
  deepEqual(pairs.map(({ continuation }) => continuation.length), sample.continuation_tokens, label);
  for (const [i, ids] of (sample.ids ?? []).entries()) {
    deepEqual(pairs[i], ids, label);
    const { context, continuation, cut } = fitPair(pairs[i]!, maxLength);
    equal(cut, Math.max(0, ids.context.length + ids.continuation.length - maxLength - 1), label);
    deepEqual([...context, ...continuation], [...ids.context, ...ids.continuation].slice(-maxLength - 1), label);
  }
}

/** Functions are written as Python's source there, or left out, and the file that a task is from is lm-eval's. */
function compareConfig(config: JsonObject, expected: JsonObject, label: string): void {
  const settle = (value: JsonObject): unknown =>
    JSON.parse(JSON.stringify(value), (key, item) => {
      if (key === "config_source") return undefined;
      return typeof item === "string" && /^(?:def |<function|!function)/.test(item) ? "function" : item;
    });
  const { process_docs: _docs, process_results: _results, ...rest } = config;
  deepEqual(settle(rest), settle(expected), label);
}

/**
 * Compares values whose numbers the files have with six decimals; those of mc2 come from log-likelihoods that are
 * rounded too.
 */
function compare(actual: unknown, expected: unknown, label: string): void {
  if (typeof actual === "number" && typeof expected === "number") {
    ok(Math.abs(actual - expected) <= 1.5e-6, `${label}: ${actual}, expected ${expected}`);
  } else if (typeof actual === "object" && actual !== null && typeof expected === "object" && expected !== null) {
    deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), label);
    for (const [key, value] of Object.entries(actual)) {
      compare(value, (expected as Record<string, unknown>)[key], `${label} ${key}`);
    }
  } else equal(actual, expected, label);
}
