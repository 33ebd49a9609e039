/** Defaults of the keys that only some judges, or only generation through a server, use. @module */
import type { z } from "zod";
import type { JudgeKind } from "./choices.ts";
import type { GenerationConfig, JudgeConfig, LabelsConfig } from "./config_types.ts";
import { generationKeys } from "./keys/generation_keys.ts";
import { judgeKeys } from "./keys/judge_keys.ts";
import { factsOf, type KeyFacts } from "./keys/key.ts";

/**
 * The order in which filled-in keys follow the ones that are set. It is not the schema's order, but the one that the
 * resolved configs of earlier runs have.
 */
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

/** The defaults that `generation` gets if a server answers. */
export const SERVER_DEFAULTS: Readonly<Required<Pick<GenerationConfig, "concurrency" | "max_retries" | "timeout">>> =
  filledIn(generationKeys, () => true) as typeof SERVER_DEFAULTS;

/** The defaults that a judge's keys get. */
export function judgeDefaults(judge: JudgeKind): Partial<JudgeConfig> {
  return filledIn(judgeKeys, ({ of }) => of === undefined || of.includes(judge));
}

/** Fills in the defaults of the keys that the judge, and each member of an ensemble, uses. */
export function withJudgeDefaults(labels: LabelsConfig): LabelsConfig {
  const { judges, ...own } = labels;
  const fill = <T extends JudgeConfig>(judge: T): T => inOrder(judge, judgeDefaults(judge.judge));
  return { ...fill(own), ...(judges && { judges: judges.map(fill) }) };
}

/** Fills in the defaults of generation through a server, if a server is set. */
export function withServerDefaults(generation: GenerationConfig): GenerationConfig {
  return generation.server === undefined ? generation : inOrder(generation, SERVER_DEFAULTS);
}

/** The keys that are set, then the missing ones of `defaults`, always in the same order. */
function inOrder<T extends object>(set: T, defaults: object): T {
  return { ...set, ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !Object.hasOwn(set, key))) };
}
