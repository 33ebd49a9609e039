/** Lets a judge compare the answers of two models. @module */
import { judgesOf, requireFor } from "../config/config.ts";
import type { IterationConfig, LabelsConfig, ResolvedConfig } from "../config/config_types.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import type { ModelFiles } from "../files/model_files.ts";
import type { Judge, Scores } from "../label/judge.ts";
import { checkJudgeFiles } from "../label/judge_files.ts";
import { sameTokenizer } from "../label/answering_model.ts";
import { withJudge } from "../label/open_judge.ts";
import type { ServerCounts } from "../label/server_questions.ts";
import { checkJudges } from "../label/verifier_use.ts";
import { type RunContext, type RunHooks, throwIfStopped } from "../run/run_context.ts";
import { type Answered, type Comparison, summarizeComparison } from "./comparison_summary.ts";

/** A model and its answers. */
export interface AnsweredSide {
  folder: string;
  files: ModelFiles;
  answers: ReadonlyMap<number, Answered>;
}

/** Throws a UserError for a judge that cannot compare two models, or that lacks what it needs. */
export async function checkComparingJudge(
  config: ResolvedConfig,
  { labels, hooks }: { labels: LabelsConfig; hooks: RunHooks },
): Promise<void> {
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
}

/** Compares the answers row by row, as seen from B. Throws a UserError if no row is of both. */
export async function judgeAnswers(
  context: RunContext,
  { settings, a, b, compared, onAsked }: {
    settings: IterationConfig;
    a: AnsweredSide;
    b: AnsweredSide;
    /** The iteration that is compared, for progress. */
    compared?: number;
    /** Gets what a judging server was asked now. */
    onAsked?: (counts: ServerCounts) => void;
  },
): Promise<Comparison> {
  const { labels, data } = settings;
  const tokenizer = await sameTokenizer(a.files, b.files) ? null : await tokenizerOf(a.files);
  const pairs = [...a.answers].flatMap(([row, own]) => {
    const other = b.answers.get(row);
    return other ? [{ a: own, b: other }] : [];
  });
  if (pairs.length === 0) throw new UserError(`Cannot compare on ${data.eval}: no row fits into both models`);
  const rows = pairs.map((pair) => judgedRow(pair, tokenizer));
  const judged = await withJudge(context, { labels, policy: { dir: a.folder, files: a.files } }, async (judge) => {
    const scores = await scoreAll(context, { judge, rows, compared });
    for (const note of judge.notes?.() ?? []) context.onNote(note);
    const asked = judge.asked?.() ?? null;
    if (asked !== null) onAsked?.(asked);
    return { scores, metrics: judge.metrics?.() ?? {}, judge: judge.name };
  });
  return summarizeComparison(pairs, { ...judged, margin: labels.margin, folders: [a.folder, b.folder] });
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

function scoreAll(
  context: RunContext,
  { judge, rows, compared }: { judge: Judge; rows: readonly ResponseRow[]; compared: number | undefined },
): Promise<Scores[]> {
  const iteration = compared === undefined ? {} : { iteration: compared };
  const progress = (done: number): void => {
    context.onProgress({ stage: "judge", ...iteration, done, total: rows.length });
    if (done < rows.length) throwIfStopped(context);
  };
  progress(0);
  return judge.score(rows, progress);
}
