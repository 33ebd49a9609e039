/** Compares the iterations of a run with those of another run, one by one, and keeps the results. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { checkSameSettings, judgeModels } from "../config/config.ts";
import type { IterationConfig, ResolvedConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { makeFolder, writeFileAtomic } from "../files/atomic.ts";
import { exists } from "../files/io.ts";
import { join, withoutTrailing } from "../files/path.ts";
import { digestText } from "../files/stream_digest.ts";
import { checkJudgesLoad } from "../label/check_judges.ts";
import { type ServerCounts, sumCounts } from "../label/server_questions.ts";
import { type RunContext, type RunHooks, withDevice } from "../run/run_context.ts";
import { lockFolder } from "../run/run_lock.ts";
import type { Need } from "../run/run_sources.ts";
import { AnswerJournal } from "./answer_journal.ts";
import { answerPrompts, type SampledAnswer } from "./answer_prompts.ts";
import { comparedSettings } from "./compare_models.ts";
import { comparisonJson, encodeComparedRow } from "./comparison_json.ts";
import { sanitized } from "./evaluate_model.ts";
import { type IterationPair, modelPairs, type WantedIterations, wantedIterations } from "./iteration_pairs.ts";
import { type AnsweredSide, checkComparingJudge, judgeAnswers } from "./judge_answers.ts";
import { modelIdentity } from "./model_identity.ts";
import { winRateSettings } from "./win_rate_settings.ts";
import {
  readWinRates,
  rowsPath,
  WIN_RATES,
  type WinRates,
  type WinRateSettings,
  writeWinRates,
  type WrittenIteration,
} from "./win_rates_file.ts";

/** What is compared, and where results are kept. */
export interface CompareIterationsOptions {
  /** A run whose iterations are compared with, or a model that each iteration is compared with. */
  a: string;
  /** The run whose iterations are compared. */
  b: string;
  /** Rows whose prompts are answered. */
  prompts: string;
  /** Most rows to read. */
  limit?: number | undefined;
  iterations: "all" | readonly number[];
  /** Folder of the results of any comparisons. */
  output: string;
  /** Whether results that are there are made anew; those of other settings are dropped. */
  isAnew?: boolean;
}

/** The comparisons of the iterations that were asked for. */
export interface ComparedIterations {
  /** The file that keeps them, and others that were asked for before. */
  path: string;
  rates: WinRates;
  /** Iterations that were compared before. */
  kept: number[];
  /** What a judging server was asked now, for all iterations together; null if it was not asked. */
  asked: ServerCounts | null;
}

/**
 * Lets the models of each iteration answer the prompts and a judge compare the answers, as {@linkcode compareModels}
 * does. `OUTPUT/B_vs_A/` gets the win rates after each iteration, and its rows; answers and a server's replies are kept in
 * OUTPUT, where other comparisons find them. What is done is not done again; win rates of models that are others by now
 * are left out. Throws UserError, DeviceError, StoppedError.
 */
export async function compareIterations(
  given: ResolvedConfig,
  options: CompareIterationsOptions,
  hooks: RunHooks = {},
): Promise<ComparedIterations> {
  const { output, prompts, limit, isAnew = false } = options;
  const [a, b] = [withoutTrailing(options.a), withoutTrailing(options.b)];
  const config = { ...given, output_dir: output };
  const settings = comparedSettings(config, { prompts, limit });
  const { labels } = settings;
  await checkComparingJudge(config, { labels, hooks });
  const wanted = await wantedIterations(options);
  const folder = join(output, `${sanitized(b)}_vs_${sanitized(a)}`);
  await makeFolder(output);
  using _lock = await lockFolder(output);
  const needs = judgeModels(labels).map((name): Need => ({ kind: "model", name }));
  return await withDevice(config, { needs, hooks }, async (context) => {
    await checkJudgesLoad(context, labels);
    const made = await winRateSettings(context, settings);
    const known = await knownRates(folder, { settings: made, anew: isAnew ? wanted.b : null });
    const looked = known.map(({ iteration }) => iteration).filter((iteration) => wanted.others.has(iteration));
    const pairs = await modelPairs(context, { settings, a, wanted, looked });
    noteGone(context, { known, wanted });
    await makeFolder(folder);
    await using journal = await AnswerJournal.open<SampledAnswer>(join(output, "answers.jsonl"));
    const entries = new Map(known.map((entry) => [entry.iteration, entry]));
    const kept: number[] = [];
    const counts: ServerCounts[] = [];
    const rates = (): WinRates => ({
      a,
      b,
      prompts,
      settings: made,
      iterations: [...entries.values()].sort((x, y) => x.iteration - y.iteration),
    });
    for (const pair of pairs) {
      const { iteration } = pair;
      const identity = await pairIdentity(context, { pair, settings });
      const isSame = entries.get(iteration)?.identity === identity;
      if (!wanted.b.has(iteration)) {
        if (isSame) continue;
        entries.delete(iteration);
        await writeWinRates(folder, rates());
        context.onNote(
          `The win rate of iteration ${iteration} is left out: it was of other models, or another version or device made ` +
            `it; --iterations ${iteration} compares it again`,
        );
        continue;
      }
      if (isSame) {
        kept.push(iteration);
        continue;
      }
      const comparison = await comparePair(context, {
        settings,
        pair,
        journal,
        onAsked: (one) => counts.push(one),
      });
      await writeFileAtomic(rowsPath(folder, iteration), comparison.rows.map(encodeComparedRow).join(""));
      entries.set(iteration, { iteration, identity, ...comparisonJson(comparison) });
      await writeWinRates(folder, rates());
    }
    await journal.close();
    const all = rates();
    return {
      path: join(folder, WIN_RATES),
      rates: { ...all, iterations: all.iterations.filter(({ iteration }) => wanted.b.has(iteration)) },
      kept,
      asked: sumCounts(counts),
    };
  });
}

/** Notes which win rates of before stay though a model of theirs is gone, so that nobody can tell whether it was that one. */
function noteGone(
  { onNote }: RunContext,
  { known, wanted }: { known: readonly WrittenIteration[]; wanted: WantedIterations },
): void {
  const gone = known.map(({ iteration }) => iteration).filter((k) => !wanted.b.has(k) && !wanted.others.has(k));
  if (gone.length === 0) return;
  const which = `${gone.length === 1 ? "iteration" : "iterations"} ${gone.join(", ")}`;
  onNote(
    `The win rate of ${which} stays as it was made: its models are not all there any more, so that it cannot be checked`,
  );
}

/**
 * The entries of before, without those of iterations that are made anew: none then, if the settings are others. Else throws
 * a UserError for other settings.
 */
async function knownRates(
  folder: string,
  { settings, anew }: { settings: WinRateSettings; anew: ReadonlyMap<number, unknown> | null },
): Promise<WrittenIteration[]> {
  const path = join(folder, WIN_RATES);
  if (!await exists(path)) return [];
  try {
    const { settings: was, iterations } = await readWinRates(path);
    checkSameSettings(was, settings, {
      what: `the comparison in ${folder}`,
      file: path,
      advice: "--force compares anew, and --output names another folder",
    });
    return iterations.filter(({ iteration }) => !anew?.has(iteration));
  } catch (error) {
    if (anew !== null && error instanceof UserError) return [];
    throw error;
  }
}

async function pairIdentity(
  { device, sources }: RunContext,
  { pair: { a, b }, settings: { quantization } }: { pair: IterationPair; settings: IterationConfig },
): Promise<string> {
  const of = async (path: string): Promise<string> =>
    await modelIdentity(device, { folder: await openModelFolder(await sources.filesIn(path)), quantization });
  return digestText(JSON.stringify([await of(a), await of(b)]));
}

async function comparePair(
  context: RunContext,
  { settings, pair: { iteration, a, b }, journal, onAsked }: {
    settings: IterationConfig;
    pair: IterationPair;
    journal: AnswerJournal<SampledAnswer>;
    onAsked: (counts: ServerCounts) => void;
  },
): ReturnType<typeof judgeAnswers> {
  const side = async (name: string, folder: string): Promise<AnsweredSide> => {
    const files = await context.sources.filesIn(folder);
    return {
      folder,
      files,
      answers: await answerPrompts(context, { settings, files, name, compared: iteration, journal }),
    };
  };
  return await judgeAnswers(context, {
    settings,
    a: await side("A", a),
    b: await side("B", b),
    compared: iteration,
    onAsked,
  });
}
