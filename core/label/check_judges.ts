/** Checks before any work that a run's judges can be made, as far as that needs no device. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { openRewardFolder } from "../checkpoint/reward_folder.ts";
import { judgeOf, judgesOf } from "../config/config.ts";
import type { LabelsConfig } from "../config/config_types.ts";
import type { RunContext } from "../run/run_context.ts";
import { readApiKey } from "../server/api_key.ts";
import { loadPrompt } from "./judge_prompt.ts";
import { checkVerifierFile } from "./judge_files.ts";
import { loadVerifier, type VerifierKeys, verifierLimit } from "./verifier_judge.ts";

type Checking = Pick<RunContext, "sources" | "onNote">;

/**
 * Throws a UserError if a judge of `labels` cannot be made: a verifier does not load, a prompt lacks a place, a key is
 * missing, or a model is none.
 */
export async function checkJudgesLoad(context: Checking, labels: LabelsConfig): Promise<void> {
  for (const judge of judgesOf(labels).map(judgeOf)) {
    switch (judge.judge) {
      case "verifier":
        await checkVerifierLoads(context, judge);
        break;
      case "llm":
        await loadPrompt(judge.prompt, judge.mode);
        await readApiKey(judge, judge.base_url);
        break;
      case "self":
        await loadPrompt(judge.prompt, judge.mode);
        break;
      case "logprob":
        await openModelFolder(await context.sources.filesIn(await context.sources.model(judge.model)));
        break;
      case "reward-model":
        await openRewardFolder(await context.sources.model(judge.model));
        break;
    }
  }
}

/** Throws a UserError if a verifier's module does not load; what it printed by then is noted. */
export async function checkVerifierLoads(
  { onNote }: Pick<Checking, "onNote">,
  labels: VerifierKeys & { verifier: string },
): Promise<void> {
  await checkVerifierFile(labels.verifier);
  // A module that loads is loaded again where it is used, and prints then.
  const printed: string[] = [];
  try {
    (await loadVerifier(labels.verifier, verifierLimit(labels), (line) => printed.push(line)))[Symbol.dispose]();
  } catch (error) {
    for (const line of printed) onNote(line);
    throw error;
  }
}
