/** The model whose answers are judged, and what judges need of it. @module */
import type { DataConfig, LlmJudgeConfig, SelfJudgeConfig } from "../config/config_types.ts";
import { type Tokenizer, tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { loadPrompt } from "./judge_prompt.ts";
import type { Asking } from "./judge_questions.ts";

/** The model that answered. */
export interface AnsweringModel {
  /** Its folder or GGUF file. */
  dir: string;
  files: ModelFiles;
}

/** How a judge `llm` or `self` is asked about the answers of the policy; null if there is none. */
export async function askingOf(
  { mode, prompt }: LlmJudgeConfig | SelfJudgeConfig,
  { policy, data }: { policy: ModelFiles | null; data: DataConfig },
): Promise<Asking> {
  const tokenizer: Tokenizer | null = policy === null ? null : await tokenizerOf(policy, data);
  return { mode, template: await loadPrompt(prompt, mode), tokenizer };
}

const TOKENIZER = "tokenizer.json";

/** Whether two models have the same tokenizer.json, or neither has one; null stands for a missing model. */
export async function sameTokenizer(a: ModelFiles | null, b: ModelFiles | null): Promise<boolean> {
  const read = async (files: ModelFiles | null): Promise<string | null> =>
    files === null || await files.stat(TOKENIZER) === null
      ? null
      : new TextDecoder().decode(await files.read(TOKENIZER));
  return await read(a) === await read(b);
}
