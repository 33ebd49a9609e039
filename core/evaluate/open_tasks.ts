/** Opens benchmark tasks: their settings, their rows, and what they ask. @module */
import { BenchmarkTask, type DocumentRequest, numFewShotOf } from "../benchmark/benchmark_task.ts";
import { chatRendererOf } from "../benchmark/chat_rendering.ts";
import { findTasks, type FoundGroup, type FoundTasks } from "../benchmark/find_tasks.ts";
import { outputTypeOf, type TaskConfig } from "../benchmark/task_config.ts";
import type { JsonObject } from "../data/formats/json_numbers.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { checkGreedy } from "./greedy_settings.ts";
import { readTaskRows, type RowPlaces } from "./task_rows.ts";

/** What is evaluated, and how it is asked; the names are lm-eval's. */
export interface BenchmarkOptions {
  /** Names of tasks and groups, with commas between, `*` and `?`. */
  tasks: string;
  /** Tasks of one's own, besides those that there are. */
  own?: readonly TaskConfig[];
  /** Number of few-shot examples, where the task does not say 0 (default: the task's own). */
  numFewShot?: number | undefined;
  /** Documents of each task at most, or a share below 1 of them (default: all). */
  limit?: number | undefined;
  /** Seed of the draw of examples (default 1234). */
  seed?: number | undefined;
  /** What replaces keys of the tasks' generation. */
  genKwargs?: JsonObject | undefined;
  /** Whether prompts are written with the model's chat template (default false). */
  applyChatTemplate?: boolean | undefined;
  /** Path of a template that replaces the model's own. */
  chatTemplate?: string | undefined;
  /** Whether examples are turns of their own (default true); only with a template. */
  fewShotAsTurns?: boolean | undefined;
  /** A text before everything, as the system's turn with a template. */
  systemInstruction?: string | undefined;
}

/** Tasks that are ready to be asked. */
export interface OpenTasks {
  tasks: readonly BenchmarkTask[];
  groups: readonly FoundGroup[];
}

/** Finds the tasks. Throws a UserError for a name, a number or a setting that is wrong, before anything is read. */
export function foundTasks({ tasks: names, own = [], numFewShot, seed, genKwargs }: BenchmarkOptions): FoundTasks {
  if (numFewShot !== undefined && !(Number.isSafeInteger(numFewShot) && numFewShot >= 0)) {
    throw new UserError(`Cannot evaluate with ${numFewShot} examples: expected a whole number from 0`);
  }
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new UserError(`Cannot draw examples with the seed ${seed}: expected a whole number from 0`);
  }
  const found = findTasks(names, own);
  for (const config of found.tasks) {
    if (outputTypeOf(config) === "generate_until") checkGreedy(config, genKwargs);
  }
  return found;
}

/**
 * Finds the tasks and reads their rows; `onTask` is called before each. Throws a UserError naming the task, key or row
 * that is wrong.
 */
export async function openTasks(
  options: BenchmarkOptions,
  { onTask = () => {}, ...places }: RowPlaces & { onTask?: (done: number, total: number) => void },
): Promise<OpenTasks> {
  const { numFewShot, seed, genKwargs } = options;
  const { tasks: configs, groups } = foundTasks(options);
  const tasks: BenchmarkTask[] = [];
  const taken = new Map<string, string>();
  for (const [i, config] of configs.entries()) {
    onTask(i, configs.length);
    const rows = await readTaskRows(config, { ...places, taken, needsPool: numFewShotOf(config, numFewShot) > 0 });
    tasks.push(
      new BenchmarkTask(config, rows, {
        ...(numFewShot !== undefined && { numFewShot }),
        ...(seed !== undefined && { seed }),
        ...(genKwargs && { genKwargs }),
      }),
    );
  }
  onTask(configs.length, configs.length);
  return { tasks, groups };
}

/** What a task asks of the documents within the limit, for one model. Throws a UserError. */
export function requestsOf(
  task: BenchmarkTask,
  { limit, applyChatTemplate = false, fewShotAsTurns, systemInstruction }: BenchmarkOptions,
  tokenizer: Tokenizer,
): DocumentRequest[] {
  if (!applyChatTemplate && fewShotAsTurns !== undefined) {
    throw new UserError(
      "Cannot write examples as turns without a chat template: expected --apply-chat-template with it",
    );
  }
  if (applyChatTemplate && !tokenizer.hasChatTemplate) {
    throw new UserError("Cannot apply a chat template: the model has none, expected one or no --apply-chat-template");
  }
  return [...task.requests({
    ...(limit !== undefined && { limit }),
    ...(applyChatTemplate && { chat: chatRendererOf(tokenizer) }),
    ...(fewShotAsTurns !== undefined && { fewShotAsTurns }),
    ...(systemInstruction !== undefined && { systemInstruction }),
  })];
}
