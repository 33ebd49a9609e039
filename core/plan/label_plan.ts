/** What a label stage would ask its judges: no device is opened, and no judge is asked. @module */
import { forIteration, judgeOf, judgesOf, requireFor, type ResolvedConfig } from "../config/config.ts";
import type { AnyJudgeConfig } from "../config/config_types.ts";
import { readResponses, type ResponseRow } from "../data/stage_files.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { questionsOf } from "../label/judge_questions.ts";
import { differingRows } from "../label/label_pairs.ts";
import { planQuestions } from "../label/llm_judge.ts";
import { askingOf } from "../label/answering_model.ts";
import { chatSettings, judgeNames } from "../label/open_judge.ts";
import { ReplyCache } from "../label/reply_cache.ts";
import { filesOf } from "../loop/model_ref.ts";
import { labelStep } from "../loop/schedule.ts";
import { iterationPaths, runPaths } from "../run/run_paths.ts";
import { RunSources } from "../run/run_sources.ts";

/** A judge's part of a plan. */
export interface JudgePlan {
  /** Name of the judge, with a number where an ensemble has several of a kind. */
  name: string;
  /** The server's address and its model; null if no server is asked. */
  server: { url: string; model: string } | null;
  /** Number of different questions; null for a judge that is asked none. */
  questions: number | null;
  /** Number of questions that were answered before. */
  answered: number;
  /** Characters of the questions that are left. */
  characters: number;
  /** The first questions. */
  examples: string[];
}

/** The plan of a label stage. */
export interface LabelPlan {
  /** File of the responses. */
  responses: string;
  /** Rows of the file. */
  rows: number;
  /** Rows whose two answers differ. */
  judged: number;
  /** The judges, in their order in the config. */
  judges: JudgePlan[];
}

/**
 * Plans the label stage of a config. Throws a UserError if there are no responses.
 *
 * @example
 * ```ts
 * import { loadConfig, planLabel, runGenerate } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * await runGenerate(config);
 * const asking = { ...config, labels: { ...[config.labels].flat()[0]!, judge: "self" as const } };
 * const { rows, judges: [judge] } = await planLabel(asking);
 * assert.ok(rows === 16 && judge!.questions! > 0);
 * ```
 */
export async function planLabel(config: ResolvedConfig, { examples = 2 } = {}): Promise<LabelPlan> {
  requireFor("label", config);
  const { iteration, output_dir: folder } = config;
  const { responses } = iterationPaths(folder, iteration);
  if (!await exists(responses)) throw new UserError(`Cannot label: ${responses} is not there; run generate first`);
  const all = await readResponses(responses);
  const rows = differingRows(all);
  const { labels } = forIteration(config, iteration);
  const asked = judgesOf(labels).map(judgeOf);
  const policy = asked.some(({ judge }) => judge === "llm" || judge === "self") ? await policyOf(config) : null;
  const names = judgeNames(asked);
  const judges: JudgePlan[] = [];
  for (const [i, judge] of asked.entries()) {
    judges.push(await planJudge(names[i]!, judge, { rows, policy, config, examples }));
  }
  return { responses, rows: all.length, judged: rows.length, judges };
}

/** The files of the model that answered; null if the config names none. */
async function policyOf(config: ResolvedConfig): Promise<ModelFiles | null> {
  const { model } = await labelStep(config);
  if (model === null) return null;
  return await filesOf({ sources: await RunSources.open(config.output_dir, { keeps: false }) }, model);
}

async function planJudge(
  name: string,
  judge: AnyJudgeConfig,
  { rows, policy, config, examples }: {
    rows: readonly ResponseRow[];
    policy: ModelFiles | null;
    config: ResolvedConfig;
    examples: number;
  },
): Promise<JudgePlan> {
  const { data } = config;
  switch (judge.judge) {
    case "llm": {
      const settings = chatSettings(judge);
      const { questions } = await planQuestions(rows, { asking: await askingOf(judge, { policy, data }), settings });
      const cache = await ReplyCache.read(runPaths(config.output_dir).replies);
      const left = questions.filter(({ key }) => cache.get(key) === undefined);
      return {
        name,
        server: { url: settings.url, model: settings.model },
        questions: questions.length,
        answered: questions.length - left.length,
        characters: left.reduce((sum, { text }) => sum + text.length, 0),
        examples: questions.slice(0, examples).map(({ text }) => text),
      };
    }
    case "self": {
      const asking = await askingOf(judge, { policy, data });
      const texts = [...new Set(rows.flatMap((row) => questionsOf(row, asking)))];
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      const shown = texts.slice(0, examples);
      return { name, server: null, questions: texts.length, answered: 0, characters, examples: shown };
    }
    default:
      return { name, server: null, questions: null, answered: 0, characters: 0, examples: [] };
  }
}
