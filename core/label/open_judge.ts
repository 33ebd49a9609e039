/** Makes the judges that a config names, with what each of them needs. @module */
import { judgeOf } from "../config/config.ts";
import type { JudgeConfig, LabelsConfig, LlmJudgeConfig, MemberConfig } from "../config/config_types.ts";
import { noteNowAndThen } from "../run/row_notes.ts";
import type { RunContext } from "../run/run_context.ts";
import { runPaths } from "../run/run_paths.ts";
import { readApiKey } from "../server/api_key.ts";
import { Server } from "../server/openai_client.ts";
import { type AnsweringModel, askingOf } from "./answering_model.ts";
import { ensembleJudge, type Member } from "./ensemble_judge.ts";
import { functionJudge } from "./function_judge.ts";
import { humanJudge, type Judge } from "./judge.ts";
import { ChatServer, type ChatSettings } from "./judge_server.ts";
import { llmJudge } from "./llm_judge.ts";
import { logprobJudgeOf, type Making, rewardJudgeOf, selfJudgeOf } from "./model_judges.ts";
import { type ChangedReply, ReplyCache } from "./reply_cache.ts";
import type { ServerQuestionsOptions } from "./server_questions.ts";
import { verifierJudge, verifierLimit } from "./verifier_judge.ts";
import { checkVerifierAllowed } from "./verifier_use.ts";

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

async function makeJudge(context: RunContext, { name, labels, policy, held }: Making): Promise<Judge> {
  switch (labels.judge) {
    case "human":
      return humanJudge;
    case "verifier":
      checkVerifierAllowed(labels, context, "judge is verifier");
      return held.use(await verifierJudge(labels.verifier, verifierLimit(labels), context.onNote));
    case "logprob":
      return await logprobJudgeOf(context, { labels, policy, held });
    case "reward-model":
      return await rewardJudgeOf(context, { labels, policy, held });
    case "llm":
      return await makeLlmJudge(context, { ...(name !== undefined && { name }), labels, policy, held });
    case "self":
      return await selfJudgeOf(context, { labels, policy, held });
    case "ensemble":
      // So that no judge's images lie beside those of the next.
      return ensembleJudge(
        await makeMembers(context, labels.judges, { policy, held }),
        () => context.commands.release(),
      );
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

/** The settings of every request of a judge `llm`. */
export function chatSettings(labels: LlmJudgeConfig): ChatSettings {
  const { base_url, server_model, mode, temperature, max_tokens } = labels;
  return { url: base_url.replace(/\/+$/, ""), model: server_model, mode, temperature, maxTokens: max_tokens };
}
