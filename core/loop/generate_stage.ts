/** Stage 1: the model answers every prompt. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { answerText } from "../data/continuation.ts";
import { templateTail } from "../data/encode_row.ts";
import { encodeResponse, readResponses, type ResponseRow } from "../data/stage_files.ts";
import type { TokenizedExample } from "../data/tokenize_rows.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { StoppedError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import { exists, movePath, removePath } from "../files/io.ts";
import { oneFile } from "../files/model_files.ts";
import { dirname } from "../files/path.ts";
import { digestFile } from "../files/stream_digest.ts";
import type { GenerateOptions } from "../generate/batch_generator.ts";
import { generate } from "../generate/generate.ts";
import { openServed } from "../generate/open_servers.ts";
import { responseRoom } from "../generate/response_room.ts";
import { generateServed, type ServedPrompt, type ServedRow } from "../generate/served_generation.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import { appendTiming, openMetrics } from "../run/metrics_log.ts";
import { warnOfCut } from "../run/nonsense_notes.ts";
import { fixGeneration } from "../run/resume_check.ts";
import { type RunContext, throwIfStopped } from "../run/run_context.ts";
import type { StagePaths } from "../run/run_paths.ts";
import { holdsAnything } from "../run/run_work.ts";
import { folderOf } from "./model_ref.ts";
import { PartialResponses } from "./partial_responses.ts";
import { readExamples } from "./read_rows_of_step.ts";
import type { GenerateStep } from "./schedule.ts";
import { shareModel } from "../run/share_model.ts";

/**
 * Writes responses.jsonl, or the rest of it, unless it is there already. Throws StoppedError if the run was stopped
 * (the rows that are done are kept), or a UserError if the responses that are there were made with other settings.
 */
export async function generateStage(
  context: RunContext,
  { settings, paths, model: ref }: GenerateStep,
): Promise<void> {
  const { iteration } = settings;
  const dir = await folderOf(context, ref);
  const files = await context.sources.filesIn(dir);
  await makeFolder(dirname(paths.responses));
  await fixGeneration(paths, settings);
  const isDone = await exists(paths.responses);
  await beginGenerating(context, { settings, paths, model: ref }, {
    isBegun: isDone || await holdsAnything(paths.partialResponses),
  });
  if (isDone) return await removePath(paths.partialSums);
  const { generation } = settings;
  const served = generation.server === undefined ? null : await openServed(context, { iteration, dir, generation });
  const loaded = served === null ? await loadFrozenModel(context.device, files, settings) : null;
  try {
    const model = loaded && await shareModel(context, loaded, { dir, quantization: settings.quantization });
    const folder = model?.folder ?? await openModelFolder(files);
    const tokenizer = await tokenizerOf(files, settings.data);
    const examples = await readExamples(context, { model: folder, tokenizer, settings });
    const source: AnswerSource = {
      eosIds: folder.eosTokenIds,
      generate: (prompts, shared) =>
        model === null
          ? generateServed(served!, { ...shared, prompts, tokenizer, vocabSize: folder.config.vocabSize })
          : generate(context.commands, model, { ...shared, prompts }),
    };
    const started = performance.now();
    const tokens = await generateRows(context, { source, tokenizer, examples, settings, paths });
    const seconds = (performance.now() - started) / 1000;
    const rows = await readResponses(paths.partialResponses);
    await logGeneration(context, { iteration, rows, isServed: served !== null });
    warnOfCut(context, { rows, settings });
    const partial = oneFile(paths.partialResponses);
    const place = () => movePath(paths.partialResponses, paths.responses);
    await context.checksums.placeFile(paths.responses, await digestFile(partial.files, partial.file), place);
    await removePath(paths.partialSums);
    await appendTiming(context, { iteration, stage: "generate", seconds, tokens });
  } catch (error) {
    // A stop cuts off requests, whose errors come first: the stop is what should be reported.
    if (served !== null && !(error instanceof StoppedError)) throwIfStopped(context);
    throw error;
  } finally {
    if (loaded) freeModel(loaded);
  }
}

/** Records the model that answers, or throws a UserError if an iteration that `isBegun` began with another one. */
export async function beginGenerating(
  context: Pick<RunContext, "sources" | "checksums">,
  { settings: { iteration }, paths: { responses }, model }: Omit<GenerateStep, "stage">,
  { isBegun }: { isBegun: boolean },
): Promise<void> {
  const of = dirname(responses);
  await context.checksums.beginWith(await folderOf(context, model), {
    of,
    isBegun,
    what: `generate of iteration ${iteration}`,
    advice: `delete ${of} to generate again`,
  });
}

/** The source of answers: this program's own engine, or servers. */
interface AnswerSource {
  eosIds: readonly number[];
  generate(
    prompts: readonly ServedPrompt[],
    shared: Pick<GenerateOptions, "settings" | "iteration" | "eosIds" | "onTokens">,
  ): AsyncGenerator<ServedRow>;
}

/** Generates the rows that are not there yet; returns the number of sampled tokens. */
async function generateRows(
  context: RunContext,
  { source, tokenizer, examples, settings, paths }: {
    source: AnswerSource;
    tokenizer: Tokenizer | null;
    examples: readonly TokenizedExample[];
    settings: IterationConfig;
    paths: StagePaths;
  },
): Promise<number> {
  const { iteration, generation, data } = settings;
  const { eosIds } = source;
  const tails = new Map(eosIds.map((id) => [id, tokenizer ? templateTail(tokenizer, id) : []]));
  using file = await PartialResponses.open(context, { paths, examples });
  const { done } = file;
  const left = examples.slice(done);
  const finish = (example: TokenizedExample, { ids, finished, retokenized }: ServedRow): ResponseRow => {
    const { row, prompt, promptIds, messages, variables, response, responseIds, conversational, reference } = example;
    const tail = finished && conversational ? tails.get(ids.at(-1)!)! : [];
    return {
      row,
      prompt,
      promptIds,
      ...(messages !== undefined && { messages }),
      ...(variables !== undefined && { variables }),
      response,
      responseIds,
      generated: tokenizer ? answerText(tokenizer, example, ids) : "",
      generatedIds: [...ids, ...tail],
      finished,
      ...(retokenized && { retokenized }),
      ...(reference !== undefined && { reference }),
    };
  };
  let tokens = 0;
  const event = (rows: number): Parameters<RunContext["onProgress"]>[0] => ({
    stage: "generate",
    iteration,
    done: done + rows,
    total: examples.length,
    tokens,
  });
  context.onProgress(event(0));
  const waiting = new Map<number, string>();
  let [ended, written] = [0, 0];
  const prompts = left.map(({ row, prompt, promptIds, conversational }) => ({
    row,
    prompt,
    promptIds,
    conversational,
    maxNewTokens: responseRoom(promptIds.length, { generation, maxLength: data.max_length }),
  }));
  const onTokens = (count: number): void => {
    tokens = count;
    throwIfStopped(context);
  };
  const sampling = { settings: generation, iteration, eosIds, onTokens };
  for await (const generated of source.generate(prompts, sampling)) {
    const { index } = generated;
    waiting.set(index, encodeResponse(finish(left[index]!, generated)));
    context.onProgress(event(++ended));
    // Rows are written in the order of the data, so that the file is the same whatever the batch size.
    const rows: string[] = [];
    for (; waiting.has(written); written++) {
      rows.push(waiting.get(written)!);
      waiting.delete(written);
    }
    await file.append(rows);
  }
  await file.sync();
  return tokens;
}

async function logGeneration(
  context: RunContext,
  { iteration, rows, isServed }: { iteration: number; rows: readonly ResponseRow[]; isServed: boolean },
): Promise<void> {
  const truncated = rows.filter((row) => !row.finished).length;
  const tokens = rows.reduce((sum, row) => sum + row.generatedIds.length, 0);
  const log = await openMetrics(context, { stage: "generate", iteration });
  await log.append({
    iteration,
    stage: "generate",
    "generation/rows": rows.length,
    "generation/length": tokens / rows.length,
    "generation/truncated": truncated,
    ...(isServed && { "generation/retokenized": rows.filter((row) => row.retokenized).length }),
  });
}
