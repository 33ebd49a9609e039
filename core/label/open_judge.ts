/** Makes the judges that a config names, with what each of them needs. @module */
import { judgeOf } from "../config/config.ts";
import type {
  AnyJudgeConfig,
  DataConfig,
  JudgeConfig,
  LabelsConfig,
  LlmJudgeConfig,
  MemberConfig,
  Quantization,
  RewardModelJudgeConfig,
  SelfJudgeConfig,
} from "../config/config_types.ts";
import { loadTokenizer, type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { UserError } from "../error.ts";
import { folderFiles, type ModelFiles } from "../files/model_files.ts";
import { type AnyModel, freeModel, loadFrozenModel } from "../model/model.ts";
import { loadRewardModel } from "../model/reward_model.ts";
import { noteNowAndThen } from "../run/row_notes.ts";
import type { RunContext } from "../run/run_context.ts";
import { runPaths } from "../run/run_paths.ts";
import { shareModel, shareRewardModel } from "../run/share_model.ts";
import { readApiKey } from "../server/api_key.ts";
import { Server } from "../server/openai_client.ts";
import { ensembleJudge, type Member } from "./ensemble_judge.ts";
import { functionJudge } from "./function_judge.ts";
import { humanJudge, type Judge } from "./judge.ts";
import { loadPrompt } from "./judge_prompt.ts";
import type { Asking } from "./judge_questions.ts";
import { ChatServer, type ChatSettings } from "./judge_server.ts";
import { llmJudge } from "./llm_judge.ts";
import { logprobJudge } from "./logprob_judge.ts";
import { type ChangedReply, ReplyCache } from "./reply_cache.ts";
import { rewardModelJudge } from "./reward_judge.ts";
import { selfJudge } from "./self_judge.ts";
import type { ServerQuestionsOptions } from "./server_questions.ts";
import { verifierJudge, verifierLimit } from "./verifier_judge.ts";
import { checkVerifierAllowed } from "./verifier_use.ts";

/** The model that answered. */
export interface AnsweringModel {
  /** Its folder or GGUF file. */
  dir: string;
  files: ModelFiles;
}

/**
 * Makes the judge of `labels`, runs `use` with it, and frees what it held. `policy` is the model that answered; null if
 * there is none.
 */
export async function withJudge<T>(
  context: RunContext,
  { labels, policy }: { labels: LabelsConfig; policy: AnsweringModel | null },
  use: (judge: Judge) => Promise<T>,
): Promise<T> {
  using held = new DisposableStack();
  return await use(await makeJudge(context, { labels: judgeOf(labels), policy, held }));
}

interface Making<Config = AnyJudgeConfig> {
  labels: Config;
  /** The model that answered; null if there is none. */
  policy: AnsweringModel | null;
  /** Collects what is freed when the judge is done. */
  held: DisposableStack;
  /** The judge's name in an ensemble. */
  name?: string;
}

async function makeJudge(context: RunContext, { name, labels, policy, held }: Making): Promise<Judge> {
  switch (labels.judge) {
    case "human":
      return humanJudge;
    case "verifier":
      checkVerifierAllowed(labels, context, "judge is verifier");
      return held.use(await verifierJudge(labels.verifier, verifierLimit(labels), context.onNote));
    case "logprob": {
      const dir = await context.sources.model(labels.model);
      const files = await context.sources.filesIn(dir);
      const own = await holdModel(context, { files, quantization: "none" }, held);
      const model = await shareModel(context, own, { dir, quantization: "none" });
      const tokenizer = await sameTokenizer(policy?.files ?? null, files) ? null : await tokenizerOf(files);
      return logprobJudge(context.commands, { model, tokenizer });
    }
    case "reward-model":
      return await makeRewardJudge(context, { labels, policy, held });
    case "llm":
      return await makeLlmJudge(context, { ...(name !== undefined && { name }), labels, policy, held });
    case "self":
      return await makeSelfJudge(context, { labels, policy, held });
    case "ensemble":
      return ensembleJudge(await makeMembers(context, labels.judges, { policy, held }));
    case "function":
      return functionJudge(context.judge!);
  }
}

/** Names of an ensemble's judges: their kinds, with a number if a kind occurs again. */
export function judgeNames(judges: readonly Pick<JudgeConfig, "judge">[]): string[] {
  return judges.map(({ judge }, i) => {
    const before = judges.slice(0, i).filter((other) => other.judge === judge).length;
    return before === 0 ? judge : `${judge}-${before + 1}`;
  });
}

async function makeMembers(
  context: RunContext,
  configs: readonly MemberConfig[],
  making: Pick<Making, "policy" | "held">,
): Promise<Member[]> {
  const names = judgeNames(configs);
  const members: Member[] = [];
  for (const [i, config] of configs.entries()) {
    const judge = await makeJudge(context, { name: names[i]!, labels: judgeOf(config), ...making });
    members.push({ name: names[i]!, judge, weight: config.weight, margin: config.margin });
  }
  return members;
}

async function makeRewardJudge(
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

const TOKENIZER = "tokenizer.json";

/** The most bytes of an answer, far above a verdict with its reason. */
const MAX_REPLY_BYTES = 1 << 20;

async function makeLlmJudge(
  context: RunContext,
  { name, labels, policy, held }: Making<LlmJudgeConfig>,
): Promise<Judge> {
  return llmJudge({
    ...(name !== undefined && { name }),
    ...await openQuestions(context, { labels, settings: chatSettings(labels), held }),
    asking: await askingOf(labels, { policy: policy?.files ?? null, data: context.config.data }),
    maxInvalid: labels.max_invalid,
  });
}

/** Opens the server of a judge `llm`, and the replies that are kept in the run's folder until `held` is disposed of. */
export async function openQuestions(
  context: Pick<RunContext, "config" | "checksums" | "onNote" | "signal">,
  { labels, settings, held }: { labels: LlmJudgeConfig; settings: ChatSettings; held: DisposableStack },
): Promise<ServerQuestionsOptions> {
  const server = await Server.open({
    url: settings.url,
    apiKey: await readApiKey(labels, settings.url),
    timeout: labels.timeout,
    maxBytes: MAX_REPLY_BYTES,
    maxRetries: labels.max_retries,
    onRetry: noteNowAndThen(context.onNote),
  });
  const { replies } = runPaths(context.config.output_dir);
  const onChanged = (reply: ChangedReply): Promise<void> => context.checksums.noteEdited(replies, reply);
  const { input_price: inputPrice, output_price: outputPrice } = labels;
  return {
    server: new ChatServer(server, settings, context.onNote),
    settings,
    cache: held.use(await ReplyCache.open(replies, { onChanged })),
    concurrency: labels.concurrency,
    ...(inputPrice !== undefined && { inputPrice }),
    ...(outputPrice !== undefined && { outputPrice }),
    signal: context.signal,
  };
}

async function makeSelfJudge(context: RunContext, { labels, policy, held }: Making<SelfJudgeConfig>): Promise<Judge> {
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

/** The settings of every request of a judge `llm`. */
export function chatSettings(labels: LlmJudgeConfig): ChatSettings {
  const { base_url, server_model, mode, temperature, max_tokens } = labels;
  return { url: base_url.replace(/\/+$/, ""), model: server_model, mode, temperature, maxTokens: max_tokens };
}

/** How a judge `llm` or `self` is asked about the answers of the policy; null if there is none. */
export async function askingOf(
  { mode, prompt }: LlmJudgeConfig | SelfJudgeConfig,
  { policy, data }: { policy: ModelFiles | null; data: DataConfig },
): Promise<Asking> {
  const tokenizer: Tokenizer | null = policy === null ? null : await tokenizerOf(policy, data);
  return { mode, template: await loadPrompt(prompt, mode), tokenizer };
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

/** Whether two models have the same tokenizer.json, or neither has one; null stands for a missing model. */
export async function sameTokenizer(a: ModelFiles | null, b: ModelFiles | null): Promise<boolean> {
  const read = async (files: ModelFiles | null): Promise<string | null> =>
    files === null || await files.stat(TOKENIZER) === null
      ? null
      : new TextDecoder().decode(await files.read(TOKENIZER));
  return await read(a) === await read(b);
}
