/** Lets a model answer the prompts of a comparison. @module */
import { type ModelFolder, openModelFolder } from "../checkpoint/model_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { answerText } from "../data/continuation.ts";
import { templateTail } from "../data/encode_row.ts";
import { type TokenizedExample, tokenizeExamples } from "../data/tokenize_rows.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { digestText } from "../files/stream_digest.ts";
import { generate } from "../generate/generate.ts";
import { responseRoom } from "../generate/response_room.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import { noteReport } from "../run/row_notes.ts";
import { type RunContext, throwIfStopped } from "../run/run_context.ts";
import { readData } from "../run/run_rows.ts";
import type { AnswerJournal } from "./answer_journal.ts";
import type { Answered } from "./comparison_summary.ts";
import { modelIdentity } from "./model_identity.ts";

/** An answer as it was sampled, which is what is kept of it. */
export interface SampledAnswer {
  /** Its ids, EOS included. */
  ids: number[];
  /** Whether the model ended it. */
  finished: boolean;
}

/** Who answers, and what is known already. */
export interface AnswerOptions {
  settings: IterationConfig;
  files: ModelFiles;
  /** What the model is called in notes and progress. */
  name: string;
  /** The iteration that is compared, for progress. */
  compared?: number;
  /** Answers from before; new ones go into it. */
  journal?: AnswerJournal<SampledAnswer>;
}

/** A prompt with the most tokens of its answer. */
interface Asked {
  example: TokenizedExample;
  maxNewTokens: number;
}

/**
 * The answers of a model to the prompts of `data.eval`, by row. The model is loaded only where an answer is not known.
 * Throws UserError, DeviceError, or StoppedError if the run was stopped; answers so far are in the journal.
 */
export async function answerPrompts(context: RunContext, options: AnswerOptions): Promise<Map<number, Answered>> {
  const { settings, files, name, compared, journal } = options;
  const { data, generation } = settings;
  const folder = await openModelFolder(files);
  const { vocabSize, maxPositionEmbeddings } = folder.config;
  const tokenizer = await tokenizerOf(files, data);
  const { rows, name: path } = await readData(context, { settings, which: "eval" });
  const maxLength = Math.min(data.max_length, maxPositionEmbeddings);
  const { examples, report } = tokenizeExamples(rows, { tokenizer, vocabSize, maxLength });
  noteReport(context, `${name}: ${path}`, { report: { ...report, cut: 0 }, maxLength });
  const asked = examples.map((example): Asked => ({
    example,
    maxNewTokens: responseRoom(example.promptIds.length, { generation, maxLength }),
  }));
  const identity = journal && await identityOf(context, { settings, folder });
  const keys = identity === undefined ? [] : asked.map((one) => keyOf(one, identity));
  const sampled = asked.map((_, i) => journal?.get(keys[i]!));
  const left = asked.flatMap((_, i) => sampled[i] === undefined ? [i] : []);
  let done = asked.length - left.length;
  const progress = (tokens: number): void => {
    const iteration = compared === undefined ? {} : { iteration: compared };
    context.onProgress({ stage: `answers of ${name}`, ...iteration, done, total: asked.length, tokens });
    if (done < asked.length) throwIfStopped(context);
  };
  progress(0);
  if (left.length > 0) {
    await sample(context, options, {
      asked: left.map((i) => asked[i]!),
      onAnswer: (place, answer, tokens) => {
        const i = left[place]!;
        sampled[i] = answer;
        journal?.put(keys[i]!, answer);
        done++;
        progress(tokens);
      },
    });
  }
  const tails = new Map(folder.eosTokenIds.map((id) => [id, tokenizer ? templateTail(tokenizer, id) : []]));
  return new Map(asked.map(({ example }, i) => {
    const { ids, finished } = sampled[i]!;
    return [example.row, {
      example,
      text: tokenizer ? answerText(tokenizer, example, ids) : "",
      ids: [...ids, ...finished && example.conversational ? tails.get(ids.at(-1)!)! : []],
      tokens: ids.length,
      finished,
    }];
  }));
}

/** Samples answers; `onAnswer` gets each with its place and the tokens so far. */
async function sample(
  context: RunContext,
  { settings, files }: AnswerOptions,
  { asked, onAnswer }: {
    asked: readonly Asked[];
    onAnswer: (place: number, answer: SampledAnswer, tokens: number) => void;
  },
): Promise<void> {
  const model = await loadFrozenModel(context.device, files, settings);
  try {
    let tokens = 0;
    const answers = generate(context.commands, model, {
      prompts: asked.map(({ example: { row, promptIds }, maxNewTokens }) => ({ row, promptIds, maxNewTokens })),
      settings: settings.generation,
      iteration: settings.iteration,
      eosIds: model.folder.eosTokenIds,
      onTokens: (count) => {
        tokens = count;
        throwIfStopped(context);
      },
    });
    for await (const { index, ids, finished } of answers) onAnswer(index, { ids: [...ids], finished }, tokens);
  } finally {
    freeModel(model);
  }
}

/** What an answer depends on besides its prompt. */
async function identityOf(
  { device }: RunContext,
  { settings, folder }: { settings: IterationConfig; folder: ModelFolder },
): Promise<string> {
  const { generation: { temperature, top_p, top_k, seed, kv_cache_dtype }, quantization, iteration } = settings;
  const draws = temperature === 0 ? [] : [temperature, top_p, top_k, seed, iteration];
  return JSON.stringify([await modelIdentity(device, { folder, quantization }), kv_cache_dtype, draws]);
}

/** The key of an answer; the row is a part of what is drawn. */
function keyOf({ example: { row, promptIds }, maxNewTokens }: Asked, identity: string): string {
  return digestText(JSON.stringify([identity, row, promptIds, maxNewTokens]));
}
