/** Compares two models: both answer the same held-out prompts, and a judge scores their answers. @module */
import { forIteration, judgeModels, judgesOf, requireFor } from "../config/config.ts";
import type { IterationConfig, ResolvedConfig } from "../config/config_types.ts";
import { answerText } from "../data/continuation.ts";
import { templateTail } from "../data/encode_row.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import { tokenizeExamples } from "../data/tokenize_rows.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { generate } from "../generate/batch_generator.ts";
import { responseRoom } from "../generate/response_room.ts";
import { withGivenJudge } from "../label/function_judge.ts";
import type { Judge, Scores } from "../label/judge.ts";
import { checkJudgeFiles } from "../label/judge_files.ts";
import { sameTokenizer, withJudge } from "../label/open_judge.ts";
import { checkJudges } from "../label/verifier_use.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import { modelFolderOf } from "../run/model_path.ts";
import { noteReport } from "../run/row_notes.ts";
import { type RunContext, type RunHooks, throwIfStopped, withDevice } from "../run/run_context.ts";
import { lockFolder } from "../run/run_lock.ts";
import { readData } from "../run/run_rows.ts";
import type { Need } from "../run/run_sources.ts";
import { type Answered, type Comparison, summarizeComparison } from "./comparison_summary.ts";

/** What is compared. */
export interface CompareOptions {
  /** Folder of a model or a run, or a name on the hub. */
  a: string;
  /** What is compared with `a`: again a folder, or a name on the hub. */
  b: string;
  /** Rows whose prompts are answered; what `data.eval` may be. */
  prompts: string;
  /** Most rows to read. */
  limit?: number;
}

/**
 * Lets both models answer with the same settings and seeds (`generation` of the config), and compares the answers with
 * the config's judge: the second wins a row if it scores more than `labels.margin` above the first, and loses it the
 * other way round. Writes nothing except a judge `llm`'s replies, into the config's `output_dir`.
 * Throws UserError, DeviceError, or StoppedError if the hooks' signal stopped it.
 *
 * @example
 * ```ts
 * import { compareModels, loadConfig } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const config = await loadConfig("examples/quickstart/config.yaml");
 * const model = "examples/quickstart/model";
 * const prompts = "examples/quickstart/eval.jsonl";
 * // A model against itself: the same settings and seeds give the same answers.
 * const { result } = await compareModels(config, { a: model, b: model, prompts, limit: 8 });
 * assert.equal(result.rate, 0.5);
 * ```
 */
export async function compareModels(
  given: ResolvedConfig,
  { a, b, prompts, limit }: CompareOptions,
  hooks: RunHooks = {},
): Promise<Comparison> {
  const config = withGivenJudge(given, hooks);
  const settings = forIteration({ ...config, data: { ...config.data, eval: prompts } }, config.iteration);
  if (limit === undefined) delete settings.data.eval_limit;
  else settings.data.eval_limit = limit;
  const { labels } = settings;
  requireFor("compare", config);
  const judges = judgesOf(labels).map(({ judge }) => judge);
  if (judges.includes("human")) {
    throw new UserError(
      "Cannot compare with judge human, the one where none is named: it always prefers one side; --judge names another",
    );
  }
  if (judges.includes("self")) {
    throw new UserError("Cannot compare with judge self: A would judge its own answers; --judge says another");
  }
  checkJudges(labels, hooks);
  await checkJudgeFiles(labels);
  const asksServer = judges.includes("llm");
  if (asksServer) await makeFolder(config.output_dir);
  using _lock = asksServer ? await lockFolder(config.output_dir) : null;
  const needs = judgeModels(labels).map((name): Need => ({ kind: "model", name }));
  return await withDevice(config, { needs, hooks }, async (context) => {
    const finding = {
      resolve: (name: string) => context.sources.model(name),
      onNote: context.onNote,
      quantization: settings.quantization,
    };
    const [folderA, folderB] = [await modelFolderOf(a, finding), await modelFolderOf(b, finding)];
    const [filesA, filesB] = [await context.sources.filesIn(folderA), await context.sources.filesIn(folderB)];
    const sideA = await answerAll(context, { settings, files: filesA, name: "A" });
    const sideB = await answerAll(context, { settings, files: filesB, name: "B" });
    const tokenizer = await sameTokenizer(filesA, filesB) ? null : await tokenizerOf(filesA);
    const pairs = [...sideA].flatMap(([row, own]) => {
      const other = sideB.get(row);
      return other ? [{ a: own, b: other }] : [];
    });
    if (pairs.length === 0) throw new UserError(`Cannot compare on ${prompts}: no row fits into both models`);
    const rows = pairs.map((pair) => judgedRow(pair, tokenizer));
    const judged = await withJudge(context, { labels, policy: filesA }, async (judge) => {
      const scores = await scoreAll(context, judge, rows);
      for (const note of judge.notes?.() ?? []) context.onNote(note);
      return { scores, metrics: judge.metrics?.() ?? {}, judge: judge.name };
    });
    return summarizeComparison(pairs, { ...judged, margin: labels.margin, folders: [folderA, folderB] });
  });
}

/** The answers of the model in `dir` by row. */
async function answerAll(
  context: RunContext,
  { settings, files, name }: { settings: IterationConfig; files: ModelFiles; name: string },
): Promise<Map<number, Answered>> {
  const { data, generation, iteration } = settings;
  const model = await loadFrozenModel(context.device, files, settings);
  try {
    const tokenizer = await tokenizerOf(files, data);
    const { rows, name: path } = await readData(context, { settings, which: "eval" });
    const maxLength = Math.min(data.max_length, model.config.maxPositionEmbeddings);
    const { examples, report } = tokenizeExamples(rows, { tokenizer, vocabSize: model.config.vocabSize, maxLength });
    noteReport(context, `${name}: ${path}`, { report: { ...report, cut: 0 }, maxLength });
    const eosIds = model.folder.eosTokenIds;
    const tails = new Map(eosIds.map((id) => [id, tokenizer ? templateTail(tokenizer, id) : []]));
    let tokens = 0;
    const progress = (done: number): void => {
      context.onProgress({ stage: `answers of ${name}`, done, total: examples.length, tokens });
      if (done < examples.length) throwIfStopped(context);
    };
    progress(0);
    const answers = new Map<number, Answered>();
    const sampled = generate(context.commands, model, {
      prompts: examples.map(({ row, promptIds }) => ({
        row,
        promptIds,
        maxNewTokens: responseRoom(promptIds.length, { generation, maxLength }),
      })),
      settings: generation,
      iteration,
      eosIds,
      onTokens: (count) => {
        tokens = count;
        throwIfStopped(context);
      },
    });
    for await (const { index, ids, finished } of sampled) {
      const example = examples[index]!;
      answers.set(example.row, {
        example,
        text: tokenizer ? answerText(tokenizer, example, ids) : "",
        ids: [...ids, ...finished && example.conversational ? tails.get(ids.at(-1)!)! : []],
        tokens: ids.length,
        finished,
      });
      progress(answers.size);
    }
    return new Map(examples.map(({ row }) => [row, answers.get(row)!]));
  } finally {
    freeModel(model);
  }
}

/** The row as judges read it, with A's answer in place of the human one. A's tokenizer, if given, encodes B's. */
function judgedRow({ a, b }: { a: Answered; b: Answered }, tokenizer: Tokenizer | null): ResponseRow {
  const { row, prompt, promptIds, messages, variables, reference } = a.example;
  const anew = tokenizer?.encode(b.text + (b.finished ? tokenizer.eosToken ?? "" : ""), { addSpecialTokens: false });
  return {
    row,
    prompt,
    promptIds,
    ...(messages !== undefined && { messages }),
    ...(variables !== undefined && { variables }),
    response: a.text,
    responseIds: a.ids,
    responseFinished: a.finished,
    generated: b.text,
    generatedIds: anew ?? b.ids,
    finished: b.finished,
    ...(reference !== undefined && { reference }),
  };
}

function scoreAll(context: RunContext, judge: Judge, rows: readonly ResponseRow[]): Promise<Scores[]> {
  const progress = (done: number): void => {
    context.onProgress({ stage: "judge", done, total: rows.length });
    if (done < rows.length) throwIfStopped(context);
  };
  progress(0);
  return judge.score(rows, progress);
}
