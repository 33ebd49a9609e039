/** Defaults of the keys that only some judges, or generation through a server, have: filled in where they are used. @module */
import type { GenerationConfig, JudgeConfig, LabelsConfig } from "./config_types.ts";

/** Of judges `llm` and `self`. */
export const JUDGE_DEFAULTS = {
  mode: "score",
  base_url: "https://api.openai.com/v1",
  temperature: 0,
  max_tokens: 1024,
  concurrency: 8,
  max_retries: 6,
  timeout: 120,
  max_invalid: 0.05,
} as const;

/** Those of them that judge `self` has: it asks no server. */
const SELF_KEYS = ["mode", "max_tokens", "max_invalid"] as const;

/** Of `generation.server`. */
export const SERVER_DEFAULTS = { concurrency: 32, max_retries: 6, timeout: 600 } as const;

/** A judge that asks a language model, with every default. */
export type AskingJudge<T extends JudgeConfig = JudgeConfig> =
  & T
  & Required<Pick<JudgeConfig, keyof typeof JUDGE_DEFAULTS>>;

/** Fills in what a judge that asks a language model leaves out. */
export function askingJudge<T extends JudgeConfig>(judge: T): AskingJudge<T> {
  return { ...JUDGE_DEFAULTS, ...judge };
}

/** Fills in the defaults of the keys that the judge, or each of its judges, has. */
export function withJudgeDefaults(labels: LabelsConfig): LabelsConfig {
  const { judges, ...own } = labels;
  return { ...ownDefaults(own), ...(judges && { judges: judges.map(ownDefaults) }) };
}

function ownDefaults<T extends JudgeConfig>(judge: T): T {
  if (judge.judge === "llm") return inOrder(judge, JUDGE_DEFAULTS);
  if (judge.judge !== "self") return judge;
  return inOrder(judge, Object.fromEntries(SELF_KEYS.map((key) => [key, JUDGE_DEFAULTS[key]])));
}

/** Fills in the defaults of generation through a server, where there is one. */
export function withServerDefaults(generation: GenerationConfig): GenerationConfig {
  return generation.server === undefined ? generation : inOrder(generation, SERVER_DEFAULTS);
}

/** What is set first, then what is filled in: always in the same order. */
function inOrder<T extends object>(set: T, defaults: object): T {
  return { ...set, ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !Object.hasOwn(set, key))) };
}
