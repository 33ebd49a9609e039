/** The hashes and settings of benchmarks against the files that lm-eval itself writes. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import { filtersOf } from "../../core/benchmark/task_config.ts";
import { findTasks } from "../../core/benchmark/find_tasks.ts";
import { sampleHashes, taskHash } from "../../core/benchmark/sample_hashes.ts";
import { taskConfigJson } from "../../core/benchmark/task_config_json.ts";
import { openTask, readEval } from "./_benchmark.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Results {
  task_hashes: Record<string, string>;
  configs: Record<string, Record<string, unknown>>;
  config: { gen_kwargs: { max_gen_toks: number }; limit: number };
}
interface SampleLine {
  doc_id: number;
  filter: string;
  arguments: Record<string, { arg_0: string; arg_1: unknown }>;
  doc_hash: string;
  prompt_hash: string;
  target_hash: string;
}

sharedTest("hashes of documents, prompts, targets and tasks are lm-eval's", async () => {
  const results = await readEval<Results>("format/results.json");
  const { gen_kwargs, limit } = results.config;
  const { tasks } = findTasks("winogrande,gsm8k,mmlu_stem");
  deepEqual(tasks.map(({ task }) => task).sort(), Object.keys(results.task_hashes).sort());
  let lines = 0;
  for (const config of tasks) {
    // lm-eval was asked for no number of examples: MMLU's own is 0.
    const task = await openTask(config, { run: "", num_fewshot: null, settings: { gen_kwargs } });
    const requests = [...task.requests({ limit })];
    const hashes = await Promise.all(requests.map(sampleHashes));
    const samples = filtersOf(config).flatMap(() => hashes);
    equal(await taskHash(samples), results.task_hashes[config.task], config.task);
    if (["winogrande", "gsm8k", "mmlu_astronomy"].includes(config.task)) {
      for (const sample of await readSamples(config.task)) {
        const { doc_hash, prompt_hash, target_hash } = sample;
        deepEqual(hashes[sample.doc_id], { doc_hash, prompt_hash, target_hash }, config.task);
        const { asked } = requests[sample.doc_id]!;
        const given = Object.values(sample.arguments).map(({ arg_0, arg_1 }) => [arg_0, arg_1]);
        if (asked.kind === "loglikelihood") {
          deepEqual(asked.pairs.map(({ context, continuation }) => [context, continuation]), given);
        } else if (asked.kind === "generate") {
          deepEqual([[asked.context, JSON.parse(JSON.stringify(task.config.generation_kwargs))]], given);
        } else throw new Error(config.task);
        lines++;
      }
    }
    const keys = Object.keys(results.configs[config.task]!);
    deepEqual(Object.keys(taskConfigJson(task.config)), keys, config.task);
  }
  ok(lines >= 8, `${lines} lines`);
});

async function readSamples(task: string): Promise<SampleLine[]> {
  const text = await Deno.readTextFile(sharedPath("eval/format", `samples_${task}.jsonl`));
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}
