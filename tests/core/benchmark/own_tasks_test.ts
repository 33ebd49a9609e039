import { deepEqual, equal, ok } from "node:assert/strict";
import { aggregateScores } from "../../../core/benchmark/aggregate_scores.ts";
import { BenchmarkTask, type DocumentRequest } from "../../../core/benchmark/benchmark_task.ts";
import type { ChatMessage } from "../../../core/benchmark/chat_messages.ts";
import type { RenderedChat } from "../../../core/benchmark/chat_rendering.ts";
import { sampleHashes } from "../../../core/benchmark/sample_hashes.ts";
import { type Answer, DocumentScorer } from "../../../core/benchmark/score_document.ts";
import { type Doc, splitsOf } from "../../../core/benchmark/task_config.ts";
import { documentsOf } from "../../../core/benchmark/task_documents.ts";
import { readTaskFile } from "../../../core/benchmark/task_file.ts";
import { jsonText, type JsonValue, parseExact } from "../../../core/data/formats/json_numbers.ts";
import goldens from "./goldens/own_tasks.json" with { type: "json" };
import { taskConfig } from "./_tasks.ts";

interface Sample {
  filter: string;
  doc_id: number;
  target: unknown;
  resps: unknown[];
  filtered: string | null;
  metrics: Record<string, unknown>;
  doc_hash: string;
  target_hash: string;
}
interface Golden {
  yaml: string;
  /** By how prompts are written, what is asked of each document. */
  asked: Record<string, unknown[][][]>;
  samples: Sample[];
  aggregated: Record<string, number | string>;
  count: number;
  higher_is_better: Record<string, boolean>;
}

const rowsOf = (lines: readonly string[]): Doc[] => lines.map((line) => parseExact(line).value as Doc);
const plain = (value: unknown): unknown => JSON.parse(jsonText(value));

/** The goldens' template. */
function chat(messages: readonly ChatMessage[]): RenderedChat {
  const text = messages.map(({ role, content }) => `<${role}>${content}</${role}>`).join("");
  const isOpen = messages.at(-1)!.role === "assistant";
  return { text: isOpen ? text.slice(0, -"</assistant>".length) : `${text}<assistant>`, isWithoutSystem: false };
}

for (const [name, golden] of Object.entries(goldens.tasks as unknown as Record<string, Golden>)) {
  Deno.test(`a task of one's own asks and scores as in lm-eval: ${name}`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, golden.yaml);
    const config = await readTaskFile(file).finally(() => Deno.remove(file));
    const { pool } = splitsOf(config) as { pool: "test" | "train" | null };
    const rows = { evaluated: rowsOf(goldens.rows.test), ...(pool && { pool: rowsOf(goldens.rows[pool]) }) };
    for (const [mode, asked] of Object.entries(golden.asked)) {
      const task = new BenchmarkTask(config, rows);
      const options = { systemInstruction: "Sys", chat, fewShotAsTurns: mode === "turns" };
      const scorer = new DocumentScorer(task);
      const scores = [];
      for (const request of task.requests(mode === "plain" ? {} : options)) {
        const own = golden.samples.filter(({ doc_id }) => doc_id === request.docId);
        const place = `${name} ${mode} ${request.docId}`;
        const args = asked[request.docId]!;
        await compareRequest(request, { ...own[0]!, args }, { kwargs: task.config.generation_kwargs ?? {}, place });
        const found = scorer.score(request, answerOf(request, own[0]!));
        equal(found.length, own.length);
        for (const [i, { filter, filtered, metrics }] of found.entries()) {
          const { token_perplexity: _ours, ...theirs } = metrics;
          const expected = { filter: own[i]!.filter, filtered: own[i]!.filtered, metrics: own[i]!.metrics };
          deepEqual({ filter, filtered, metrics: theirs }, expected, place);
        }
        scores.push(found);
      }
      const { values, count } = aggregateScores(task.metrics, scores, { bootstrapIters: 2000 });
      equal(count, golden.count);
      deepEqual(Object.keys(values).sort(), Object.keys(golden.aggregated).sort());
      for (const [key, value] of Object.entries(golden.aggregated)) compareValue(values[key], value, `${name} ${key}`);
      deepEqual(
        Object.fromEntries(task.metrics.map((each) => [each.name, each.higherIsBetter])),
        golden.higher_is_better,
      );
    }
  });
}

async function compareRequest(
  request: DocumentRequest,
  expected: Sample & { args: unknown[][] },
  { kwargs, place }: { kwargs: unknown; place: string },
): Promise<void> {
  const { asked, target } = request;
  const args = asked.kind === "loglikelihood"
    ? asked.pairs.map(({ context, continuation }) => [context, continuation])
    : asked.kind === "rolling"
    ? [[asked.text]]
    : [[asked.context, kwargs]];
  deepEqual(plain(args), expected.args, place);
  deepEqual(plain(target), expected.target, place);
  const { doc_hash, target_hash } = await sampleHashes(request);
  deepEqual({ doc_hash, target_hash }, { doc_hash: expected.doc_hash, target_hash: expected.target_hash }, place);
}

function answerOf({ asked }: DocumentRequest, { resps }: Sample): Answer {
  if (asked.kind === "generate") return resps[0] as string;
  if (asked.kind === "rolling") return { logp: resps[0] as number, tokens: 1 };
  return (resps as [number, boolean][]).map(([logp, isGreedy]) => ({ logp, isGreedy }));
}

function compareValue(found: unknown, expected: number | string, label: string): void {
  if (typeof expected === "string") equal(found, expected, label);
  else ok(Math.abs((found as number) - expected) <= 1e-12 * Math.abs(expected), `${label}: ${found}, not ${expected}`);
}

Deno.test("tables of JSON lines are what datasets makes of them", () => {
  for (const [lines, expected] of goldens.tables as [string[], string[]][]) {
    const docs = documentsOf(taskConfig("piqa"), rowsOf(lines));
    const written = (line: string): JsonValue => parseExact(line).value;
    deepEqual(docs.map(jsonText), expected.map((line) => jsonText(written(line))), lines.join());
  }
});
