/** Stage 2: a judge decides per prompt which answer is the better one. @module */
import { judgeModels } from "../config/config.ts";
import { counted } from "../counted.ts";
import { encodePair, readResponses, type ResponseRow } from "../data/stage_files.ts";
import { UserError, withAdvice } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists } from "../files/io.ts";
import { digestText } from "../files/stream_digest.ts";
import { differingRows, labelMetrics, labelPairs, type LabelReport } from "../label/label_pairs.ts";
import { withJudge } from "../label/open_judge.ts";
import { fixLabels } from "../run/label_record.ts";
import { appendTiming, openMetrics } from "../run/metrics_log.ts";
import { type RunContext, throwIfStopped } from "../run/run_context.ts";
import type { StagePaths } from "../run/run_paths.ts";
import { folderOf } from "./model_ref.ts";
import type { LabelStep } from "./schedule.ts";

/** Reads the answers that are to be labelled. Throws a UserError if they are not there, or malformed. */
export async function readAnswers({ responses }: Pick<StagePaths, "responses">): Promise<ResponseRow[]> {
  if (!await exists(responses)) throw new UserError(`Cannot label: ${responses} is not there; run generate first`);
  return await withAdvice(readResponses(responses), "delete the file to generate again");
}

/** Notes, once a run, why there are fewer pairs than rows, and whose answer is chosen where neither is better. */
function notePairs(context: RunContext, { rows, pairs, identical, ties }: LabelReport): void {
  if ((identical === 0 && ties === 0) || noted.has(context)) return;
  noted.add(context);
  const reasons = [
    ...(identical === 0 ? [] : [`${identical} dropped, as the model gave the human answer itself, token for token`]),
    ...(ties === 0 ? [] : [`in ${ties} both have the same score, so that the human answer is chosen`]),
  ];
  context.onNote(`${counted(pairs, "pair")} of ${counted(rows, "row")}: ${reasons.join("; ")}`);
}

/** The runs that noted what became of their rows. */
const noted = new WeakSet<RunContext>();

/** Writes pairs.jsonl. Throws a UserError if there are no responses, or no pair is left. */
export async function labelStage(context: RunContext, { settings, paths, model }: LabelStep): Promise<LabelReport> {
  const { iteration, labels } = settings;
  const dir = model && await folderOf(context, model);
  const policy = dir === null ? null : { dir, files: await context.sources.filesIn(dir) };
  for (const name of judgeModels(labels)) {
    await context.checksums.checkJudge(name, await context.sources.model(name));
  }
  await context.checksums.checkRows(paths.responses);
  const all = await readAnswers(paths);
  const rows = differingRows(all);
  const started = performance.now();
  const event = (done: number): Parameters<RunContext["onProgress"]>[0] => ({
    stage: "label",
    iteration,
    done,
    total: rows.length,
  });
  context.onProgress(event(0));
  const { scores, metrics } = await withJudge(context, { labels, policy }, async (judge) => {
    const scores = await judge.score(rows, (done) => {
      context.onProgress(event(done));
      if (done < rows.length) throwIfStopped(context);
    });
    for (const note of judge.notes?.() ?? []) context.onNote(note);
    return { scores, metrics: judge.metrics?.() ?? {} };
  });
  const { pairs, report: counts } = labelPairs(all, { scores, margin: labels.margin });
  const report = { ...counts, judge: metrics };
  if (pairs.length === 0) {
    throw new UserError(
      `Cannot label ${paths.responses}: no pair is left of ${all.length} rows (${report.identical} with identical answers)`,
    );
  }
  notePairs(context, report);
  const log = await openMetrics(context, { stage: "label", iteration });
  await log.append({ iteration, stage: "label", ...labelMetrics(report) });
  const text = pairs.map(encodePair).join("");
  await fixLabels(paths, settings);
  await context.checksums.placeFile(paths.pairs, digestText(text), () => writeFileAtomic(paths.pairs, text));
  await appendTiming(context, { iteration, stage: "label", seconds: (performance.now() - started) / 1000 });
  return report;
}
