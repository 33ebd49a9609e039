/** Judges that are models of this machine, which all ranks of a job share. @module */
import type {
  AnyJudgeConfig,
  LogprobJudgeConfig,
  Quantization,
  RewardModelJudgeConfig,
  SelfJudgeConfig,
} from "../config/config_types.ts";
import { loadTokenizer, type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { folderFiles, type ModelFiles } from "../files/model_files.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../model/model.ts";
import { loadRewardModel } from "../model/reward_model.ts";
import type { RunContext } from "../run/run_context.ts";
import { shareModel, shareRewardModel } from "../run/share_model.ts";
import { type AnsweringModel, askingOf, sameTokenizer } from "./answering_model.ts";
import type { Judge } from "./judge.ts";
import { logprobJudge } from "./logprob_judge.ts";
import { rewardModelJudge } from "./reward_judge.ts";
import { selfJudge } from "./self_judge.ts";

/** What a judge is made of. */
export interface Making<Config = AnyJudgeConfig> {
  labels: Config;
  /** The model that answered; null if there is none. */
  policy: AnsweringModel | null;
  /** Collects what is freed when the judge is done. */
  held: DisposableStack;
  /** The judge's name in an ensemble. */
  name?: string;
}

/** Makes a judge `logprob`. Throws UserError or DeviceError. */
export async function logprobJudgeOf(
  context: RunContext,
  { labels, policy, held }: Making<LogprobJudgeConfig>,
): Promise<Judge> {
  const dir = await context.sources.model(labels.model);
  const files = await context.sources.filesIn(dir);
  const own = await holdModel(context, { files, quantization: "none" }, held);
  const model = await shareModel(context, own, { dir, quantization: "none" });
  const tokenizer = await sameTokenizer(policy?.files ?? null, files) ? null : await tokenizerOf(files);
  return logprobJudge(context.commands, { model, tokenizer });
}

/** Makes a judge `reward-model`. Throws UserError or DeviceError. */
export async function rewardJudgeOf(
  context: RunContext,
  { labels, policy, held }: Making<RewardModelJudgeConfig>,
): Promise<Judge> {
  const { reward_label: label, max_length: maxLength } = labels;
  const dir = await context.sources.model(labels.model);
  const own = await loadRewardModel(context.device, dir);
  held.defer(() => own.free());
  const model = await shareRewardModel(context, own, { dir });
  let tokenizer: Tokenizer | null = null;
  if (model.folder.hasTokenizer) {
    tokenizer = await loadTokenizer(dir);
  } else if (!await sameTokenizer(policy?.files ?? null, await folderFiles(dir))) {
    throw new UserError(`Cannot judge with ${dir}: it has no tokenizer.json, expected one as ${policy!.dir} has`);
  }
  return rewardModelJudge(context.commands, {
    model,
    tokenizer,
    ...(label !== undefined && { label }),
    ...(maxLength !== undefined && { maxLength }),
  });
}

/** Makes a judge `self`. Throws UserError or DeviceError. */
export async function selfJudgeOf(
  context: RunContext,
  { labels, policy, held }: Making<SelfJudgeConfig>,
): Promise<Judge> {
  if (policy === null) {
    throw new UserError('Cannot label with judge self: "model" is not set, and the policy is the judge');
  }
  const { dir, files } = policy;
  const asking = await askingOf(labels, { policy: files, data: context.config.data });
  if (asking.tokenizer === null) {
    throw new UserError(
      `Cannot label with judge self: ${dir} has no tokenizer.json to write the question with`,
    );
  }
  const { quantization } = context.config;
  const own = await holdModel(context, { files, quantization }, held);
  return selfJudge(context.commands, {
    model: await shareModel(context, own, { dir, quantization }),
    tokenizer: asking.tokenizer,
    asking,
    generation: context.config.generation,
    maxTokens: labels.max_tokens,
    maxInvalid: labels.max_invalid,
  });
}

async function holdModel(
  { device }: RunContext,
  { files, quantization }: { files: ModelFiles; quantization: Quantization },
  held: DisposableStack,
): Promise<AnyModel> {
  const model = await loadFrozenModel(device, files, { quantization, part: "judge" });
  held.defer(() => freeModel(model));
  return model;
}
