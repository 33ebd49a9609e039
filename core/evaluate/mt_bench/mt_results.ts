/** What `dnpo mt-bench` writes: one file of results and one of judgments. @module */
import denoConfig from "../../../deno.json" with { type: "json" };
import type { GenerationConfig } from "../../config/config_types.ts";
import { replaceFileAtomic, writeFileAtomic } from "../../files/atomic.ts";
import { namesIn, objectOf, readOptionalText } from "../../files/io.ts";
import { join } from "../../files/path.ts";
import type { ServerUsage } from "../../label/server_questions.ts";
import { type Outcome, winRate } from "../win_rate.ts";
import type { MtAnswer } from "./mt_answers.ts";
import type { Judgment } from "./mt_judging.ts";
import { type MtQuestion, REFERENCE_CATEGORIES } from "./mt_question.ts";
import type { MtScores } from "./mt_scores.ts";

/** A model and its answers. */
export interface MtSide {
  name: string;
  answers: MtAnswer[][];
}

/** What came out. */
export interface MtBench {
  model: MtSide;
  baseline: MtSide | null;
  questions: readonly MtQuestion[];
  /** The file of the questions; null: our own. */
  file: string | null;
  judgments: Judgment[];
  /** Ratings from 1 to 10, or with a baseline preferences in [0, 1]. */
  scores: MtScores;
  judge: { model: string; url: string; temperature: number };
  usage: ServerUsage;
  generation: Omit<GenerationConfig, "temperature">;
  /** SHA-256 of the questions with their references. */
  digest: string;
}

/** The counts of preferences. */
export type OutcomeCounts = { wins: number; ties: number; losses: number };

/** Wins, ties and losses of the judged turns, of one category or of all. */
export function outcomesOf({ judgments }: Pick<MtBench, "judgments">, category?: string): OutcomeCounts {
  const values = judgments.filter(({ question }) => category === undefined || question.category === category);
  const { wins, ties, losses } = winRate(values.flatMap(({ value }) => value === null ? [] : outcomeOf(value)));
  return { wins, ties, losses };
}

function outcomeOf(value: number): Outcome {
  return value === 1 ? "win" : value === 0 ? "loss" : "tie";
}

/** Turns on which the judge, asked in both orders, gave two verdicts; a tie and a preference are two. */
export function disagreements({ judgments }: Pick<MtBench, "judgments">): number {
  return judgments.filter(({ disagrees }) => disagrees).length;
}

/** Turns of a category whose answers are right or wrong that were judged without a right answer. */
export function withoutReference({ judgments }: Pick<MtBench, "judgments">): number {
  return judgments.filter(({ question: { category }, hasReference }) =>
    REFERENCE_CATEGORIES.includes(category) && !hasReference
  ).length;
}

/** Answers that their limit cut, and turns that had no room for an answer. */
export function cutAnswers({ answers }: MtSide): { cut: number; noRoom: number } {
  const all = answers.flat();
  const noRoom = all.filter(({ tokens }) => tokens === 0).length;
  return { cut: all.filter(({ finished }) => !finished).length - noRoom, noRoom };
}

/** The results for programs. */
export function mtResults(bench: MtBench): Record<string, unknown> {
  const { model, baseline, questions, file, scores, judge, usage, generation, digest } = bench;
  const { overall, turns, categories, unreadable } = scores;
  return {
    model: model.name,
    baseline: baseline?.name ?? null,
    mode: baseline === null ? "rating" : "pairwise",
    questions: file ?? `dnpo ${denoConfig.version}`,
    questions_count: questions.length,
    questions_sha256: digest,
    judge,
    ...overall,
    turns,
    categories,
    unreadable,
    without_reference: withoutReference(bench),
    ...(baseline !== null && { ...outcomesOf(bench), orders_disagree: disagreements(bench) }),
    answers: sideFacts(model),
    ...(baseline !== null && { baseline_answers: sideFacts(baseline) }),
    generation,
    usage: {
      requests: usage.requests,
      answered_before: usage.cached,
      prompt_tokens: usage.prompt,
      completion_tokens: usage.completion,
      cost: usage.cost,
      cost_now: usage.now.cost,
    },
    dnpo_version: denoConfig.version,
  };
}

function sideFacts(side: MtSide): Record<string, number> {
  const all = side.answers.flat();
  const { cut, noRoom } = cutAnswers(side);
  return { tokens: all.reduce((sum, { tokens }) => sum + tokens, 0) / all.length, cut, no_room: noRoom };
}

/** The files of results. */
export interface MtFiles {
  results: string;
  judgments: string;
}

/** Writes `results_TIME.json` and `judgments_TIME.jsonl` into `folder`, and returns their paths. */
export async function writeMtResults(folder: string, bench: MtBench): Promise<MtFiles> {
  const files = filesOf(folder, new Date().toISOString().replace("Z", "").replaceAll(":", "-"));
  const encoder = new TextEncoder();
  await replaceFileAtomic(files.judgments, async (write) => {
    for (const line of judgmentLines(bench)) await write(encoder.encode(line));
  });
  await writeFileAtomic(files.results, JSON.stringify(mtResults(bench), null, 2) + "\n");
  return files;
}

/** The latest files in `folder` that say what `bench` says, whatever was asked and paid for it then; null without any. */
export async function findMtResults(folder: string, bench: MtBench): Promise<MtFiles | null> {
  const wanted = withoutUsage(mtResults(bench));
  const times = (await namesIn(folder)).flatMap((name) => /^results_(.+)\.json$/.exec(name)?.[1] ?? []);
  for (const time of times.sort().reverse()) {
    const files = filesOf(folder, time);
    const was = objectOf(await readOptionalText(files.results) ?? "");
    if (was === null || withoutUsage(was) !== wanted) continue;
    if (await readOptionalText(files.judgments) === [...judgmentLines(bench)].join("")) return files;
  }
  return null;
}

function filesOf(folder: string, time: string): MtFiles {
  return { results: join(folder, `results_${time}.json`), judgments: join(folder, `judgments_${time}.jsonl`) };
}

function withoutUsage({ usage: _, ...rest }: Record<string, unknown>): string {
  return JSON.stringify(rest);
}

/** A line for each turn that was judged, with its newline. */
function* judgmentLines({ model, baseline, questions, judgments }: MtBench): Generator<string> {
  const places = new Map(questions.map(({ id }, i) => [id, i]));
  for (const { question: { id, category, turns, references }, turn, value, replies } of judgments) {
    const place = places.get(id)!;
    const line = {
      question_id: id,
      category,
      turn: turn + 1,
      question: turns[turn]!,
      answer: model.answers[place]![turn]!.text,
      ...(baseline !== null && { baseline_answer: baseline.answers[place]![turn]!.text }),
      ...(references[turn] !== undefined && { reference: references[turn] }),
      judgments: replies,
      [baseline === null ? "score" : "preference"]: value,
    };
    yield JSON.stringify(line) + "\n";
  }
}
