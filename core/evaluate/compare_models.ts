/** Compares two models: both answer the same held-out prompts, and a judge scores their answers. @module */
import { forIteration, judgeModels, judgesOf } from "../config/config.ts";
import type { IterationConfig, ResolvedConfig } from "../config/config_types.ts";
import { makeFolder } from "../files/atomic.ts";
import { checkJudgesLoad } from "../label/check_judges.ts";
import { withGivenJudge } from "../label/function_judge.ts";
import { modelFolderOf } from "../run/model_path.ts";
import { type RunHooks, withDevice } from "../run/run_context.ts";
import { lockFolder } from "../run/run_lock.ts";
import type { Need } from "../run/run_sources.ts";
import { answerPrompts } from "./answer_prompts.ts";
import type { Comparison } from "./comparison_summary.ts";
import { checkComparingJudge, judgeAnswers } from "./judge_answers.ts";

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
  const settings = comparedSettings(config, { prompts, limit });
  const { labels } = settings;
  await checkComparingJudge(config, { labels, hooks });
  const asksServer = judgesOf(labels).some(({ judge }) => judge === "llm");
  if (asksServer) await makeFolder(config.output_dir);
  using _lock = asksServer ? await lockFolder(config.output_dir) : null;
  const needs = judgeModels(labels).map((name): Need => ({ kind: "model", name }));
  return await withDevice(config, { needs, hooks }, async (context) => {
    // What keeps the judge from judging is known before hours of answers.
    await checkJudgesLoad(context, labels);
    const finding = {
      resolve: (name: string) => context.sources.model(name),
      onNote: context.onNote,
      quantization: settings.quantization,
    };
    const folders = [await modelFolderOf(a, finding), await modelFolderOf(b, finding)] as const;
    const files = [await context.sources.filesIn(folders[0]), await context.sources.filesIn(folders[1])] as const;
    const answersA = await answerPrompts(context, { settings, files: files[0], name: "A" });
    const answersB = await answerPrompts(context, { settings, files: files[1], name: "B" });
    return await judgeAnswers(context, {
      settings,
      a: { folder: folders[0], files: files[0], answers: answersA },
      b: { folder: folders[1], files: files[1], answers: answersB },
    });
  });
}

/** The settings of a comparison: the config's, with these prompts in place of its held-out rows. */
export function comparedSettings(
  config: ResolvedConfig,
  { prompts, limit }: { prompts: string; limit?: number | undefined },
): IterationConfig {
  const settings = forIteration({ ...config, data: { ...config.data, eval: prompts } }, config.iteration);
  if (limit === undefined) delete settings.data.eval_limit;
  else settings.data.eval_limit = limit;
  return settings;
}
