/** `dnpo mt-bench` without its command line: answers, judgments, means and files. @module */
import { openModelFolder } from "../../checkpoint/model_folder.ts";
import { forIteration, judgeOf } from "../../config/config.ts";
import type { IterationConfig, LlmJudgeConfig, ResolvedConfig } from "../../config/config_types.ts";
import { type Tokenizer, tokenizerOf } from "../../data/tokenizer/tokenizer.ts";
import { UserError } from "../../error.ts";
import { makeFolder } from "../../files/atomic.ts";
import { exists, removeFile } from "../../files/io.ts";
import type { ModelFiles } from "../../files/model_files.ts";
import { join, withoutTrailing } from "../../files/path.ts";
import { digestText } from "../../files/stream_digest.ts";
import { chatSettings, openQuestions } from "../../label/open_judge.ts";
import { ServerQuestions } from "../../label/server_questions.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../../model/model.ts";
import { modelFolderOf } from "../../run/model_path.ts";
import { type RunContext, type RunHooks, throwIfStopped, withDevice } from "../../run/run_context.ts";
import { lockFolder } from "../../run/run_lock.ts";
import { runPaths } from "../../run/run_paths.ts";
import { readApiKey } from "../../server/api_key.ts";
import { AnswerJournal } from "../answer_journal.ts";
import { modelIdentity } from "../model_identity.ts";
import { resultsFolder } from "../run_evaluation.ts";
import { answerQuestions, type MtAnswer } from "./mt_answers.ts";
import { chooseAnswers, rateAnswers } from "./mt_judging.ts";
import { type MtQuestion, readQuestions, readReferences, withReferences } from "./mt_question.ts";
import { findMtResults, type MtBench, type MtFiles, writeMtResults } from "./mt_results.ts";
import { mtScores } from "./mt_scores.ts";
import { OWN_QUESTIONS } from "./own_questions.ts";

/** What is asked, of which model, and where the results go. */
export interface MtBenchOptions {
  /** Folder of a model or a run, or a name on the hub. */
  model: string;
  /** What its answers are compared with, instead of being rated: again a model. */
  baseline?: string | undefined;
  /** File of questions (default: our own). */
  questions?: string | undefined;
  /** File of right answers. */
  references?: string | undefined;
  /** Most questions of each category. */
  limit?: number | undefined;
  /** Folder of results: each model has one in it. */
  output: string;
  /** Whether answers and verdicts of before are forgotten. */
  isAnew?: boolean;
}

/** What came out, and the files that hold it. */
export interface WrittenMtBench {
  bench: MtBench;
  files: MtFiles;
}

/**
 * Lets a model answer questions of two turns, and a judge `llm` (`labels` of the config) rate each answer, or choose
 * between it and the baseline's. Results, answers and replies are written into `output`; what was answered is not asked
 * again, and results that are there are not written again. Throws UserError, DeviceError, or StoppedError if the hooks' signal stopped it.
 */
export async function runMtBench(
  given: ResolvedConfig,
  { questions: file, references, limit, output, isAnew = false, ...named }: MtBenchOptions,
  hooks: RunHooks = {},
): Promise<WrittenMtBench> {
  const model = withoutTrailing(named.model);
  const baseline = named.baseline === undefined ? undefined : withoutTrailing(named.baseline);
  const questions = await questionsOf({ file, references, limit });
  const folder = resultsFolder(output, model);
  const config = { ...given, output_dir: folder };
  const settings = forIteration(config, config.iteration);
  const labels = judgeOfMtBench(settings);
  const chat = { ...chatSettings(labels), mode: null };
  // An answer is worth little if the judge cannot be asked.
  await readApiKey(labels, chat.url);
  return await withDevice(config, { needs: [], hooks }, async (context) => {
    // Both models are found before the first one answers, which may take hours, and before anything is made or removed.
    const own = await openAsked(context, { settings, name: model });
    const against = baseline === undefined ? null : await openAsked(context, { settings, name: baseline });
    await makeFolder(folder);
    using _lock = await lockFolder(folder);
    const journalPath = join(folder, "answers.jsonl");
    if (isAnew) {
      for (const path of [journalPath, runPaths(folder).replies]) if (await exists(path)) await removeFile(path);
    }
    using held = new DisposableStack();
    const asked = new ServerQuestions(await openQuestions(context, { labels, settings: chat, held }));
    await using journal = await AnswerJournal.open<MtAnswer>(journalPath);
    const answers = await answerAll(context, { settings, asked: own, questions, journal });
    const other = against === null ? null : await answerAll(context, { settings, asked: against, questions, journal });
    await journal.close();
    const texts = textsOf(answers);
    const judging = {
      asked,
      maxInvalid: labels.max_invalid,
      onProgress: (done: number, total: number) => {
        context.onProgress({ stage: "judge", done, total });
        if (done < total) throwIfStopped(context);
      },
    };
    const { judgments, notes } = other === null
      ? await rateAnswers(questions, texts, judging)
      : await chooseAnswers(questions, { answers: texts, baseline: textsOf(other) }, judging);
    for (const note of [asked.note("llm"), ...notes]) context.onNote(note);
    const { temperature: _, ...generation } = settings.generation;
    const bench: MtBench = {
      model: { name: model, answers },
      baseline: other === null ? null : { name: baseline!, answers: other },
      questions,
      file: file ?? null,
      judgments,
      scores: mtScores(judgments.map(({ question: { id, category }, turn, value }) => ({ id, category, turn, value }))),
      judge: { model: chat.model, url: chat.url, temperature: chat.temperature },
      usage: asked.usage,
      generation,
      digest: digestText(JSON.stringify(questions)),
    };
    const kept = isAnew ? null : await findMtResults(folder, bench);
    if (kept === null) return { bench, files: await writeMtResults(folder, bench) };
    context.onNote(`${kept.results} was complete already; nothing is written (--overwrite asks and judges anew)`);
    return { bench, files: kept };
  });
}

async function questionsOf(
  { file, references, limit }: Pick<MtBenchOptions, "references" | "limit"> & { file: string | undefined },
): Promise<MtQuestion[]> {
  const all = file === undefined ? [...OWN_QUESTIONS] : await readQuestions(file);
  const questions = references === undefined ? all : withReferences(all, await readReferences(references), references);
  if (limit === undefined) return questions;
  const counts = new Map<string, number>();
  return questions.filter(({ category }) => {
    const count = (counts.get(category) ?? 0) + 1;
    counts.set(category, count);
    return count <= limit;
  });
}

function judgeOfMtBench({ labels }: IterationConfig): LlmJudgeConfig {
  if (labels.server_model === undefined) {
    throw new UserError(
      "Cannot run mt-bench: no judge is named, expected --judge-model, the model's name on the judging server (and " +
        "--base-url, its address, unless it is OpenAI's)",
    );
  }
  const judge = judgeOf({ ...labels, judge: "llm" });
  if (judge.judge !== "llm") throw new TypeError(`Cannot run mt-bench with judge ${judge.judge}, expected llm`);
  return judge;
}

/** A model that is asked: its files, and a tokenizer that writes conversations. */
interface AskedModel {
  name: string;
  files: ModelFiles;
  tokenizer: Tokenizer;
}

async function openAsked(
  context: RunContext,
  { settings: { quantization, data }, name }: { settings: IterationConfig; name: string },
): Promise<AskedModel> {
  const folder = await modelFolderOf(name, {
    resolve: (spec) => context.sources.model(spec),
    onNote: context.onNote,
    quantization,
  });
  const files = await context.sources.filesIn(folder);
  const tokenizer = await tokenizerOf(files, data);
  if (!tokenizer?.hasChatTemplate) {
    const what = tokenizer === null ? "no tokenizer.json" : "no chat template";
    throw new UserError(
      `Cannot ask ${name} the questions: it has ${what}, expected a model that holds a conversation (--set data.chat_template=FILE names a template)`,
    );
  }
  return { name, files, tokenizer };
}

async function answerAll(
  context: RunContext,
  { settings, asked: { name, files, tokenizer }, questions, journal }: {
    settings: IterationConfig;
    asked: AskedModel;
    questions: readonly MtQuestion[];
    journal: AnswerJournal<MtAnswer>;
  },
): Promise<MtAnswer[][]> {
  const { quantization, generation, data } = settings;
  const parts = await openModelFolder(files);
  const { vocabSize, maxPositionEmbeddings } = parts.config;
  using held = new DisposableStack();
  let loaded: Promise<AnyModel> | undefined;
  return await answerQuestions(context.commands, tokenizer, {
    model: () =>
      loaded ??= loadFrozenModel(context.device, files, settings).then((model) => held.adopt(model, freeModel)),
    vocabSize,
    questions,
    generation,
    maxLength: Math.min(data.max_length, maxPositionEmbeddings),
    journal,
    identity: await modelIdentity(context.device, { folder: parts, quantization }),
    name,
    onProgress: context.onProgress,
    checkStop: () => throwIfStopped(context),
  });
}

function textsOf(answers: readonly (readonly MtAnswer[])[]): string[][] {
  return answers.map((list) => list.map(({ text }) => text));
}
