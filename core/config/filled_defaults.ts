/** Defaults of keys that only some judges, or generation through a server, have: filled in where they are used. @module */
import type { z } from "zod";
import type { JudgeKind } from "./choices.ts";
import type { GenerationConfig, JudgeConfig, LabelsConfig } from "./config_types.ts";
import { generationKeys } from "./keys/generation_keys.ts";
import { judgeKeys } from "./keys/judge_keys.ts";
import { factsOf, type KeyFacts } from "./keys/key.ts";

/** The order in which they follow what is set: not the keys' own, but that of the resolved configs of runs so far. */
const ORDER = [
  "mode",
  "base_url",
  "temperature",
  "max_tokens",
  "concurrency",
  "max_retries",
  "timeout",
  "max_invalid",
];

function filledIn(keys: Readonly<Record<string, z.ZodType>>, isUsed: (facts: KeyFacts) => boolean): object {
  const known = Object.entries(keys).map(([name, schema]) => ({ name, facts: factsOf(schema) }));
  return Object.fromEntries(
    known.filter(({ facts }) => facts.filledIn !== undefined && isUsed(facts))
      .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name))
      .map(({ name, facts }) => [name, facts.filledIn]),
  );
}

/** What is filled in of `generation` where a server answers. */
export const SERVER_DEFAULTS: Readonly<Required<Pick<GenerationConfig, "concurrency" | "max_retries" | "timeout">>> =
  filledIn(generationKeys, () => true) as typeof SERVER_DEFAULTS;

/** What is filled in of a judge's keys. */
export function judgeDefaults(judge: JudgeKind): Partial<JudgeConfig> {
  return filledIn(judgeKeys, ({ of }) => of === undefined || of.includes(judge));
}

/** Fills in the defaults of the keys that the judge, or each of its judges, has. */
export function withJudgeDefaults(labels: LabelsConfig): LabelsConfig {
  const { judges, ...own } = labels;
  const fill = <T extends JudgeConfig>(judge: T): T => inOrder(judge, judgeDefaults(judge.judge));
  return { ...fill(own), ...(judges && { judges: judges.map(fill) }) };
}

/** Fills in the defaults of generation through a server, where there is one. */
export function withServerDefaults(generation: GenerationConfig): GenerationConfig {
  return generation.server === undefined ? generation : inOrder(generation, SERVER_DEFAULTS);
}

/** What is set first, then what is filled in: always in the same order. */
function inOrder<T extends object>(set: T, defaults: object): T {
  return { ...set, ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !Object.hasOwn(set, key))) };
}
