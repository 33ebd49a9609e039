/** What an evaluation will compute, before it does. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { unanswered } from "./ask_model.ts";
import { batchesOf } from "./choice_logps.ts";
import type { EncodedTask } from "./encode_task.ts";
import { BATCH_SIZE } from "./generate_until.ts";

/** Counts of what runs through a model. */
export interface RunCounts {
  /** Tokens through the layers. */
  tokens: number;
  /** Query and key pairs of the attention. */
  pairs: number;
  /** Positions through the LM head. */
  entries: number;
  /** How often the model runs. */
  passes: number;
}

/** What is left to compute of one task. */
export interface TaskWork {
  task: string;
  documents: number;
  /** What is asked for: `choices`, `windows` of texts, or `answers`. */
  kind: EncodedTask["work"]["kind"];
  /** How many of those are left to compute, and how many were there from before. */
  requests: number;
  known: number;
  /** What runs in forward passes over whole texts. */
  forward: RunCounts;
  /** What runs token by token, at most: answers may end sooner. */
  decode: RunCounts;
}

/** What is left to compute of all tasks, and by what. */
export interface EvaluationWork {
  /** The model's name. */
  model: string;
  config: ModelConfig;
  device: Device;
  tasks: readonly TaskWork[];
}

/** What a model will compute for a task. */
export function taskWork(
  { task, documents, work, prefix }: EncodedTask,
  { device, config, batchTokens }: { device: Device; config: ModelConfig; batchTokens?: number | undefined },
): TaskWork {
  const left = unanswered(work.questions);
  if (work.kind === "answers") {
    const rows = left.map((i) => work.questions[i]!.asked);
    return {
      task,
      documents,
      kind: work.kind,
      requests: left.length,
      known: work.questions.length - left.length,
      forward: sum(rows.map(({ ids: { length } }) => ({
        tokens: length,
        pairs: pairsOf(0, length),
        entries: 0,
        passes: 1 / BATCH_SIZE,
      }))),
      decode: sum(rows.map(({ ids: { length }, maxNewTokens: most }) => ({
        tokens: most,
        pairs: pairsOf(length, most),
        entries: most,
        passes: most / BATCH_SIZE,
      }))),
    };
  }
  const rows = left.map((i) => work.questions[i]!.asked);
  const batches = batchesOf(device, config, {
    documents: rows,
    ...(batchTokens !== undefined && { batchTokens }),
    ...(prefix.length > 0 && { sharedPrefix: prefix }),
  });
  const all = work.questions.reduce((count, { asked }) => count + asked.length, 0);
  const requests = rows.flat().length;
  return {
    task,
    documents,
    kind: work.kind,
    requests,
    known: all - requests,
    forward: sum(batches.map((batch) => ({ ...batch, passes: 1 }))),
    decode: sum([]),
  };
}

/** Pairs of `count` tokens with those before them, of which `before` come first. */
function pairsOf(before: number, count: number): number {
  return count * before + count * (count + 1) / 2;
}

function sum(counts: readonly RunCounts[]): RunCounts {
  const total = { tokens: 0, pairs: 0, entries: 0, passes: 0 };
  for (const { tokens, pairs, entries, passes } of counts) {
    total.tokens += tokens;
    total.pairs += pairs;
    total.entries += entries;
    total.passes += passes;
  }
  return total;
}
