/** Stage 2: a judge decides per prompt which answer is the better one. @module */
import { join } from "node:path";
import { writeFileAtomic } from "../checkpoint/atomic.ts";
import { exists } from "../checkpoint/io.ts";
import { forIteration } from "../config/mod.ts";
import type { LabelsConfig } from "../config/types.ts";
import { encodePair, readResponses } from "../data/files.ts";
import { UserError, withAdvice } from "../error.ts";
import { humanJudge, type Judge } from "../label/judge.ts";
import { labelPairs, type LabelReport } from "../label/label.ts";
import { logprobJudge } from "../label/logprob.ts";
import { verifierJudge } from "../label/verifier.ts";
import { loadModel } from "../model/model.ts";
import { type RunContext, throwIfStopped, tokenizerOf } from "./context.ts";
import { appendTiming, openMetrics } from "./log.ts";
import type { StagePaths } from "./paths.ts";
import { checkVerifierAllowed } from "./verifier_use.ts";

/** What a label stage works on. */
export interface LabelStage {
  iteration: number;
  /** Folder of the model that answered. */
  model: string;
  paths: StagePaths;
}

/** Writes pairs.jsonl. Throws a UserError where no responses are there, or no pair is left. */
export async function labelStage(context: RunContext, { iteration, model, paths }: LabelStage): Promise<LabelReport> {
  if (!await exists(paths.responses)) {
    throw new UserError(`Cannot label: ${paths.responses} is not there; run generate first`);
  }
  const { labels } = forIteration(context.config, iteration);
  const rows = await withAdvice(readResponses(paths.responses), "delete the file to generate again");
  const started = performance.now();
  const event = (done: number): Parameters<RunContext["onProgress"]>[0] => ({
    stage: "label",
    iteration,
    done,
    total: rows.length,
  });
  context.onProgress(event(0));
  const scores = await withJudge(
    context,
    { labels, model },
    (judge) =>
      judge.score(rows, (done) => {
        context.onProgress(event(done));
        if (done < rows.length) throwIfStopped(context);
      }),
  );
  const { pairs, report } = labelPairs(rows, { scores, margin: labels.margin });
  if (pairs.length === 0) {
    throw new UserError(
      `Cannot label ${paths.responses}: no pair is left of ${rows.length} rows (${report.identical} with identical answers)`,
    );
  }
  const log = await openMetrics(context, { stage: "label", iteration });
  await log.append({
    iteration,
    stage: "label",
    "labels/pairs": report.pairs,
    "labels/generated_chosen": report.generatedChosen,
    "labels/ties": report.ties,
    "labels/identical": report.identical,
  });
  await writeFileAtomic(paths.pairs, pairs.map(encodePair).join(""));
  await appendTiming(context, { iteration, stage: "label", seconds: (performance.now() - started) / 1000 });
  return report;
}

async function withJudge<T>(
  context: RunContext,
  { labels, model: policy }: { labels: LabelsConfig; model: string },
  use: (judge: Judge) => Promise<T>,
): Promise<T> {
  switch (labels.judge) {
    case "human":
      return await use(humanJudge);
    case "verifier": {
      checkVerifierAllowed(labels.verifier!, context, "judge is verifier");
      using judge = await verifierJudge(labels.verifier!, { seconds: labels.verifier_timeout });
      return await use(judge);
    }
    case "logprob": {
      const dir = await context.sources.model(labels.model!);
      const model = await loadModel(context.device, dir);
      try {
        const tokenizer = await sameTokenizer(policy, dir) ? null : await tokenizerOf(dir);
        return await use(logprobJudge(context.commands, { model, tokenizer }));
      } finally {
        model.weights.free();
      }
    }
  }
}

/** Whether two model folders have the same tokenizer.json, or neither has one. */
async function sameTokenizer(a: string, b: string): Promise<boolean> {
  const read = async (dir: string): Promise<string | null> => {
    const path = join(dir, "tokenizer.json");
    return await exists(path) ? await Deno.readTextFile(path) : null;
  };
  return await read(a) === await read(b);
}
