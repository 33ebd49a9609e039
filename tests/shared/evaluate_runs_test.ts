import { deepEqual, equal, ok } from "node:assert/strict";
import { device } from "../_shared/device.ts";
import { evaluateModel, type EvaluateOptions } from "../../core/evaluate/evaluate_model.ts";
import { openTasks } from "../../core/evaluate/open_tasks.ts";
import type { Sample } from "../../core/evaluate/sample_task.ts";
import { filesWithBase } from "../../core/checkpoint/adapted_files.ts";
import { readEval, type RunSettings } from "./_benchmark.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

/** A line of a reference run. */
interface Line {
  doc_id: number;
  filter: string;
  loglikelihoods?: number[];
  response?: string;
  smallest_gap?: number;
  metrics: Record<string, number>;
}

interface Run extends RunSettings {
  limit: number | null;
  results: Record<string, Record<string, number | string>>;
  groups: Record<string, Record<string, number | string>>;
  samples: Record<string, Line[]>;
}

/** A run of every kind, with plain prompts and with templates; tests of the parts go through all of them. */
const RUNS: Readonly<Record<string, readonly string[]>> = {
  "qwen2-bpe1k": ["arc_challenge.25", "truthfulqa_mc2.0", "chat-mmlu.5", "chatsystem-gsm8k.5", "chat1-arc_challenge.5"],
  stories260K: ["winogrande.5", "gsm8k.5", "boolq.2", "truthfulqa_mc2.0"],
};

const PLACES: Readonly<Record<string, string>> = {
  stories260K: "real/stories260K",
  "qwen2-bpe1k": "eval/models/qwen2-bpe1k",
};

/** What a run asks for, as the command's options. */
function optionsOf({ run, num_fewshot, limit, settings }: Run, tasks: readonly string[]): EvaluateOptions {
  const isStem = tasks.some((task) => task.startsWith("mmlu_")) && !tasks.includes("mmlu_virology");
  return {
    tasks: isStem ? "mmlu_stem" : run.replace(/^(chat1?|chatsystem)-/, "").replace(/\.\d+$/, ""),
    ...(num_fewshot !== null && { numFewShot: num_fewshot }),
    ...(limit !== null && { limit }),
    ...(settings.apply_chat_template && { applyChatTemplate: true }),
    ...(settings.fewshot_as_multiturn === false && { fewShotAsTurns: false }),
    ...(settings.system_instruction !== undefined && { systemInstruction: settings.system_instruction }),
    ...(settings.gen_kwargs && { genKwargs: settings.gen_kwargs }),
  };
}

for (const [model, runs] of Object.entries(RUNS)) {
  for (const name of runs) {
    sharedTest(`evaluateModel() gives lm-eval's numbers for ${model}, ${name}`, async () => {
      const run = await readEval<Run>("runs", model, `${name}.json`);
      const options = optionsOf(run, Object.keys(run.samples));
      const tasks = await openTasks(options, { data: sharedPath("eval/data"), resolve: () => Promise.resolve([]) });
      const files = await filesWithBase(sharedPath(PLACES[model]!));
      const { results, samples } = await evaluateModel(device, { name: model, files }, tasks, options);
      let isOpen = false;
      for (const [task, lines] of Object.entries(run.samples)) {
        const own = samples.get(task)!;
        equal(own.length, lines.length, task);
        for (const [i, line] of lines.entries()) isOpen = compare(own[i]!, line, `${task} ${i}`) || isOpen;
      }
      if (isOpen) return;
      for (const [task, values] of Object.entries(run.results)) {
        close((results.results as typeof run.results)[task]!, values, { where: task });
      }
      for (const [group, values] of Object.entries(run.groups)) {
        close((results.groups as typeof run.groups)[group]!, values, { where: group });
      }
    });
  }
}

/** Compares a sample with lm-eval's. Returns whether a margin below the tolerance lets them differ. */
function compare(sample: Sample, line: Line, where: string): boolean {
  equal(sample.doc_id, line.doc_id, where);
  equal(sample.filter, line.filter, where);
  let isOpen = false;
  if (line.loglikelihoods !== undefined) {
    const own = (sample.filtered_resps as string[][]).map(([logp]) => Number(logp));
    for (const [i, expected] of line.loglikelihoods.entries()) {
      ok(Math.abs(own[i]! - expected) <= tolerance(expected), `${where}: ${own[i]} instead of ${expected}`);
    }
    const [best, second] = line.loglikelihoods.toSorted((a, b) => b - a);
    isOpen = second !== undefined && best! - second <= 2 * tolerance(best!);
  } else if (line.smallest_gap! >= 1e-3) {
    deepEqual(sample.resps, [[line.response]], where);
  } else isOpen = true;
  if (isOpen) return true;
  // The share of mc2 moves with the log-likelihoods; every other metric is 0 or 1.
  const most = Math.max(...(line.loglikelihoods ?? []).map(tolerance));
  const isShare = typeof sample.acc === "number" && !Number.isInteger(sample.acc);
  close(sample, line.metrics, { where, within: isShare ? 2 * most : 1e-6 });
  return isShare;
}

/** How far a log-likelihood may be from the reference's. */
function tolerance(logp: number): number {
  return 1e-4 + 1e-5 * Math.abs(logp);
}

/** Compares values with the reference's, which have six decimals. */
function close(
  values: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
  { where, within = 1e-6 }: { where: string; within?: number },
): void {
  for (const [name, value] of Object.entries(expected)) {
    if (typeof value !== "number") deepEqual(values[name], value, `${where}: ${name}`);
    else ok(Math.abs(values[name] as number - value) <= within, `${where}: ${name} is ${values[name]}, not ${value}`);
  }
}
