/** Prompts of benchmark tasks against lm-eval's own, without a model. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { DocumentRequest } from "../../core/benchmark/benchmark_task.ts";
import { chatRendererOf } from "../../core/benchmark/chat_rendering.ts";
import { loadTokenizer } from "../../core/data/tokenizer/tokenizer.ts";
import { sha256 } from "../../core/files/digest.ts";
import { evalNames, openTask, readEval, type RunSettings, tasksOfRun } from "./_benchmark.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Prompts extends RunSettings {
  tasks: Record<string, { n: number; version: number; num_fewshot: number; docs: PromptDoc[] }>;
}
interface PromptDoc {
  doc_id: number;
  target: unknown;
  context_sha256: string | string[];
  continuations_sha256?: string;
  context?: string | string[];
  continuations?: unknown[];
}

sharedTest("BenchmarkTask asks what lm-eval asks, for every task and way of prompting", async () => {
  const tokenizer = await loadTokenizer(sharedPath("eval/models/qwen2-bpe1k"));
  let documents = 0;
  const names = evalNames("prompts");
  equal(names.length, 32);
  for (const name of names) {
    const prompts = await readEval<Prompts>("prompts", `${name}.json`);
    const { system_instruction: systemInstruction, apply_chat_template: hasTemplate } = prompts.settings;
    const { tasks } = tasksOfRun(name, { among: Object.keys(prompts.tasks) });
    deepEqual(tasks.map(({ task }) => task).sort(), Object.keys(prompts.tasks).sort());
    for (const config of tasks) {
      const expected = prompts.tasks[config.task]!;
      const task = await openTask(config, prompts);
      equal(task.numFewShot, expected.num_fewshot, name);
      equal(Number(config.metadata!.version), expected.version);
      const requests = task.requests({
        limit: expected.docs.length,
        ...(systemInstruction !== undefined && { systemInstruction }),
        ...(hasTemplate && {
          chat: chatRendererOf(tokenizer),
          fewShotAsTurns: prompts.settings.fewshot_as_multiturn!,
        }),
      });
      for (const request of requests) {
        await compareDocument(request, expected.docs[request.docId]!, `${name} ${config.task} ${request.docId}`);
        documents++;
      }
    }
  }
  ok(documents > 1500, `${documents} documents`);
});

async function compareDocument({ asked, target }: DocumentRequest, expected: PromptDoc, label: string): Promise<void> {
  deepEqual(target, expected.target, label);
  if (asked.kind === "rolling") throw new Error(label);
  const contexts = asked.kind === "generate"
    ? [asked.context]
    : [...new Set(asked.pairs.map(({ context }) => context))];
  const hashes = [expected.context_sha256].flat();
  if (expected.context !== undefined) deepEqual(contexts, [expected.context].flat(), label);
  deepEqual(await Promise.all(contexts.map((context) => sha256(context))), hashes, label);
  if (asked.kind === "generate") return;
  const continuations = asked.pairs.map(({ continuation }) => continuation);
  if (expected.continuations !== undefined) deepEqual(continuations, expected.continuations, label);
  equal(await sha256(continuations.join("\0")), expected.continuations_sha256, label);
}
