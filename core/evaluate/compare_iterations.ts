/** Compares the iterations of a run with those of another run, one by one, and keeps the results. @module */
import denoConfig from "../../deno.json" with { type: "json" };
import { quickIdentity } from "../checkpoint/folder_identity.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { checkSameSettings, judgeModels } from "../config/config.ts";
import type { IterationConfig, ResolvedConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { makeFolder, writeFileAtomic } from "../files/atomic.ts";
import { exists } from "../files/io.ts";
import { join, withoutTrailing } from "../files/path.ts";
import { digestText } from "../files/stream_digest.ts";
import { modelFolderOf } from "../run/model_path.ts";
import { type RunContext, type RunHooks, withDevice } from "../run/run_context.ts";
import { lockFolder } from "../run/run_lock.ts";
import type { Need } from "../run/run_sources.ts";
import { AnswerJournal } from "./answer_journal.ts";
import { answerPrompts, type SampledAnswer } from "./answer_prompts.ts";
import { comparedSettings } from "./compare_models.ts";
import { comparisonJson, encodeComparedRow } from "./comparison_json.ts";
import { sanitized } from "./evaluate_model.ts";
import { iterationModels, lackOf } from "./iteration_models.ts";
import { type AnsweredSide, checkComparingJudge, judgeAnswers } from "./judge_answers.ts";
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
  /** Whether results that are there are made anew. */
  isAnew?: boolean;
}

/** The comparisons of the iterations that were asked for. */
export interface ComparedIterations {
  /** The file that keeps them, and others that were asked for before. */
  path: string;
  rates: WinRates;
  /** Iterations that were compared before. */
  kept: number[];
}

/** The two models of an iteration. */
interface IterationPair {
  iteration: number;
  a: string;
  b: string;
}

/**
 * Lets the models of each iteration answer the prompts and a judge compare the answers, as {@linkcode compareModels}
 * does. `OUTPUT/B_vs_A/` gets the win rates after each iteration, and its rows; answers and a server's replies are kept in
 * OUTPUT, where other comparisons find them. What is done is not done again. Throws UserError, DeviceError, StoppedError.
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
    const pairs = await modelPairs(context, { settings, a, b, wanted });
    const made = await winRateSettings(context, settings);
    const known = await knownRates(folder, { settings: made, isAnew });
    await makeFolder(folder);
    await using journal = await AnswerJournal.open<SampledAnswer>(join(output, "answers.jsonl"));
    const entries = new Map(known.map((entry) => [entry.iteration, entry]));
    const kept: number[] = [];
    const rates = (): WinRates => ({
      a,
      b,
      prompts,
      settings: made,
      iterations: [...entries.values()].sort((x, y) => x.iteration - y.iteration),
    });
    for (const pair of pairs) {
      const { iteration } = pair;
      const identity = await pairIdentity(context, pair);
      if (entries.get(iteration)?.identity === identity) {
        kept.push(iteration);
        continue;
      }
      const comparison = await comparePair(context, { settings, pair, journal });
      await writeFileAtomic(rowsPath(folder, iteration), comparison.rows.map(encodeComparedRow).join(""));
      entries.set(iteration, { iteration, identity, ...comparisonJson(comparison) });
      await writeWinRates(folder, rates());
    }
    await journal.close();
    const asked = rates();
    return {
      path: join(folder, WIN_RATES),
      rates: { ...asked, iterations: asked.iterations.filter(({ iteration }) => wanted.b.has(iteration)) },
      kept,
    };
  });
}

/** The folders of the iterations' models; `a` is null where it is a model of its own. */
interface Wanted {
  a: ReadonlyMap<number, string> | null;
  b: ReadonlyMap<number, string>;
}

async function wantedIterations({ a, b, iterations }: CompareIterationsOptions): Promise<Wanted> {
  const [ofA, ofB] = [await iterationModels(a), await iterationModels(b)];
  if (ofB.size === 0) {
    throw new UserError(
      `Cannot compare the iterations of ${b}: ${await lackOf(b)}, expected a folder of \`dnpo train\``,
    );
  }
  const asked = iterations === "all" ? [...ofB.keys()] : [...new Set(iterations)].sort((x, y) => x - y);
  for (const iteration of asked) {
    for (const [run, of] of [[b, ofB], ...ofA.size === 0 ? [] : [[a, ofA] as const]] as const) {
      if (of.has(iteration)) continue;
      throw new UserError(
        `Cannot compare iteration ${iteration} of ${b} with ${a}: ${run} has no model of it, expected one of ` +
          `${[...of.keys()].join(", ")} (--iterations ${[...of.keys()].filter((k) => ofB.has(k)).join(",")})`,
      );
    }
  }
  return { a: ofA.size === 0 ? null : ofA, b: new Map(asked.map((iteration) => [iteration, ofB.get(iteration)!])) };
}

async function modelPairs(
  context: RunContext,
  { settings: { quantization }, a, wanted }: { settings: IterationConfig; a: string; b: string; wanted: Wanted },
): Promise<IterationPair[]> {
  const finding = { resolve: (name: string) => context.sources.model(name), onNote: context.onNote, quantization };
  const fixed = wanted.a === null ? await modelFolderOf(a, finding) : null;
  const pairs: IterationPair[] = [];
  for (const [iteration, folder] of wanted.b) {
    pairs.push({
      iteration,
      a: fixed ?? await modelFolderOf(wanted.a!.get(iteration)!, finding),
      b: await modelFolderOf(folder, finding),
    });
  }
  return pairs;
}

/** The entries of before. Throws a UserError if they were made with other settings. */
async function knownRates(
  folder: string,
  { settings, isAnew }: { settings: WinRateSettings; isAnew: boolean },
): Promise<WrittenIteration[]> {
  const path = join(folder, WIN_RATES);
  if (isAnew || !await exists(path)) return [];
  const { settings: was, iterations } = await readWinRates(path);
  checkSameSettings(was, settings, {
    what: `the comparison in ${folder}`,
    file: path,
    advice: "--force compares anew, and --output names another folder",
  });
  return iterations;
}

async function pairIdentity({ device, sources }: RunContext, { a, b }: IterationPair): Promise<string> {
  const of = async (folder: string): Promise<string> =>
    await quickIdentity(await openModelFolder(await sources.filesIn(folder)));
  return digestText(JSON.stringify([denoConfig.version, device.name, device.family, await of(a), await of(b)]));
}

async function comparePair(
  context: RunContext,
  { settings, pair: { iteration, a, b }, journal }: {
    settings: IterationConfig;
    pair: IterationPair;
    journal: AnswerJournal<SampledAnswer>;
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
  return await judgeAnswers(context, { settings, a: await side("A", a), b: await side("B", b), compared: iteration });
}
