/** Samples responses, by this process or by all ranks of a job. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { compileAhead } from "../../kernels/device/compile_ahead.ts";
import { ownShare } from "../cluster/dealt_batches.ts";
import { inStep, type SteppedWork } from "../cluster/in_step.ts";
import type { AnyModel } from "../model/model.ts";
import { cut } from "../model/scorer.ts";
import { BatchGenerator, type Generated, type GenerateOptions } from "./batch_generator.ts";

/**
 * Samples a response for every prompt and yields each when it ends. A slot whose row has ended is given to the next
 * prompt; no row's result depends on the others. Throws DeviceError, RangeError for an empty prompt, or a UserError if a
 * key or value is too large for the cache.
 */
export async function* generate(
  commands: Commands,
  model: AnyModel,
  options: GenerateOptions,
): AsyncGenerator<Generated> {
  const { prompts } = options;
  if (prompts.length === 0) return;
  // What ends a row early is a function, which other ranks do not have.
  if (model.shared && !options.isDone) return yield* generateOnRanks(commands, model, options);
  const generator = await openGenerator(commands, model, options);
  try {
    while (!generator.isDone) yield* await generator.advance();
  } finally {
    generator.free();
  }
}

/** Makes a generator whose kernels are there. */
async function openGenerator(commands: Commands, model: AnyModel, options: GenerateOptions): Promise<BatchGenerator> {
  await compileAhead(commands, async (commands) => {
    const { isDone: _, onTokens: __, ...quiet } = options;
    const generator = new BatchGenerator(commands, model, quiet);
    await generator.advance();
    generator.free();
  });
  return new BatchGenerator(commands, model, options);
}

/** What several ranks generate, as data. */
export type PromptsToAnswer = Omit<GenerateOptions, "isDone" | "onTokens">;

/** A rank's finished responses since it told last, and all of its tokens so far. */
export interface RankAnswers {
  rank: number;
  answers: Generated[];
  tokens: number;
}

/** Generates with all ranks, each its own rows. */
async function* generateOnRanks(
  commands: Commands,
  model: AnyModel,
  { onTokens, isDone: _, prompts: all, ...how }: GenerateOptions,
): AsyncGenerator<Generated> {
  const { crew, place } = model.shared!;
  const { transport } = crew;
  let [before, tokens] = [0, 0];
  // A task is one text, whose length has a limit.
  for (const prompts of cut(all, { batchTokens: crew.taskIds, tokens: ({ promptIds }) => promptIds.length })) {
    const asked: PromptsToAnswer = { ...how, prompts };
    const told = crew.streaming(
      { task: "generate", model: place, ...asked },
      () => inStep(transport, answerPart(commands, model, asked, transport)),
    );
    const [first, ofRanks] = [tokens, new Map<number, number>()];
    for await (const found of told) {
      // As with one process, the tokens of an answer are counted by the time that it is there.
      for (const { rank, tokens: own } of found) ofRanks.set(rank, own);
      tokens = first + [...ofRanks.values()].reduce((sum, own) => sum + own, 0);
      onTokens?.(tokens);
      for (const { answers } of found) yield* answers.map((one) => ({ ...one, index: before + one.index }));
    }
    before += prompts.length;
  }
}

/** Answers every `size`-th prompt from prompt `rank` on: 16 tokens of some of them at a step. */
export function answerPart(
  commands: Commands,
  model: AnyModel,
  { prompts, isDone: ends, ...options }: Omit<GenerateOptions, "onTokens">,
  { rank, size }: { rank: number; size: number },
): SteppedWork<RankAnswers> {
  const own = ownShare(prompts, { rank, size });
  let tokens = 0;
  let generator: BatchGenerator | null = null;
  let isDone = own.length === 0;
  const free = (): void => {
    isDone = true;
    generator?.free();
    generator = null;
  };
  return {
    async step() {
      const onTokens = (count: number): void => void (tokens = count);
      generator ??= await openGenerator(commands, model, {
        ...options,
        prompts: own,
        onTokens,
        ...(ends && { isDone: (index, ids) => ends(index * size + rank, ids) }),
      });
      const ended = await generator.advance();
      if (generator.isDone) free();
      return [{ rank, answers: ended.map((one) => ({ ...one, index: one.index * size + rank })), tokens }];
    },
    isDone: () => isDone,
    free,
  };
}
