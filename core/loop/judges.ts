/** The judges that a config names, with what each of them needs. @module */
import { join } from "node:path";
import { exists } from "../checkpoint/io.ts";
import type { LabelsConfig } from "../config/types.ts";
import { loadTokenizer, type Tokenizer } from "../data/tokenizer.ts";
import { UserError } from "../error.ts";
import { humanJudge, type Judge } from "../label/judge.ts";
import { logprobJudge } from "../label/logprob.ts";
import { rewardModelJudge } from "../label/reward_model.ts";
import { verifierJudge } from "../label/verifier.ts";
import { loadModel, type Model } from "../model/model.ts";
import { loadRewardModel } from "../model/reward.ts";
import { type RunContext, tokenizerOf } from "./context.ts";
import { checkVerifierAllowed } from "./verifier_use.ts";

/** Makes the judge of `labels`, runs `use` with it, and frees what it held. `model` is the policy's folder, or "". */
export async function withJudge<T>(
  context: RunContext,
  { labels, model }: { labels: LabelsConfig; model: string },
  use: (judge: Judge) => Promise<T>,
): Promise<T> {
  using held = new DisposableStack();
  return await use(await makeJudge(context, { labels, policy: model, held }));
}

interface Making {
  labels: LabelsConfig;
  /** Folder of the policy, or "". */
  policy: string;
  /** What is freed when the judge is done. */
  held: DisposableStack;
}

async function makeJudge(context: RunContext, { labels, policy, held }: Making): Promise<Judge> {
  switch (labels.judge) {
    case "human":
      return humanJudge;
    case "verifier":
      checkVerifierAllowed(labels.verifier!, context, "judge is verifier");
      return held.use(await verifierJudge(labels.verifier!, { seconds: labels.verifier_timeout }));
    case "logprob": {
      const dir = await context.sources.model(labels.model!);
      const model = await holdModel(context, dir, held);
      const tokenizer = await sameTokenizer(policy, dir) ? null : await tokenizerOf(dir);
      return logprobJudge(context.commands, { model, tokenizer });
    }
    case "reward-model":
      return await makeRewardJudge(context, { labels, policy, held });
  }
}

async function makeRewardJudge(
  { device, commands, sources }: RunContext,
  { labels, policy, held }: Making,
): Promise<Judge> {
  const { reward_label: label, max_length: maxLength } = labels;
  const dir = await sources.model(labels.model!);
  const model = await loadRewardModel(device, dir);
  held.defer(() => model.free());
  let tokenizer: Tokenizer | null = null;
  if (model.folder.hasTokenizer) {
    tokenizer = await loadTokenizer(dir);
  } else if (!await sameTokenizer(policy, dir)) {
    throw new UserError(`Cannot judge with ${dir}: it has no tokenizer.json, expected one as ${policy} has`);
  }
  return rewardModelJudge(commands, {
    model,
    tokenizer,
    ...(label !== undefined && { label }),
    ...(maxLength !== undefined && { maxLength }),
  });
}

async function holdModel({ device }: RunContext, dir: string, held: DisposableStack): Promise<Model> {
  const model = await loadModel(device, dir);
  held.defer(() => model.weights.free());
  return model;
}

/** Whether two model folders have the same tokenizer.json, or neither has one. */
export async function sameTokenizer(a: string, b: string): Promise<boolean> {
  const read = async (dir: string): Promise<string | null> => {
    const path = join(dir, "tokenizer.json");
    return await exists(path) ? await Deno.readTextFile(path) : null;
  };
  return await read(a) === await read(b);
}
