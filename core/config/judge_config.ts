/** The judges of a config, each with exactly the keys that its kind uses. @module */
import { UserError } from "../error.ts";
import type { AnyJudgeConfig, JudgeConfig, JudgeKind, LabelsConfig } from "./config_types.ts";
import { judgeDefaults } from "./filled_defaults.ts";
import { labelsKeys } from "./keys/judge_keys.ts";
import { factsOf } from "./keys/key.ts";

type JudgeKey = Exclude<keyof LabelsConfig, "judge">;

const KEYS = Object.entries(labelsKeys)
  .filter(([name]) => name !== "judge")
  .map(([name, schema]) => ({ name: name as JudgeKey, facts: factsOf(schema) }));

/** The keys that a judge uses. */
function keysOf(judge: JudgeKind): typeof KEYS {
  return KEYS.filter(({ facts }) => facts.of?.includes(judge) ?? true);
}

/** The key that a judge needs; undefined if it needs none. */
export function keyNeededBy(judge: JudgeKind): JudgeKey | undefined {
  return keysOf(judge).find(({ facts }) => facts.needed)?.name;
}

/** The key that a judge of the config needs and lacks; undefined if nothing is missing. */
export function keyMissingOf(judge: LabelsConfig): JudgeKey | undefined {
  const needed = keyNeededBy(judge.judge);
  return needed !== undefined && judge[needed] === undefined ? needed : undefined;
}

/** The judges that look at the answers: the members of an ensemble, or the one judge. */
export function judgesOf(labels: LabelsConfig): readonly JudgeConfig[] {
  return labels.judge === "ensemble" ? labels.judges ?? [] : [labels];
}

/**
 * A judge of the config with the keys it uses, every default filled in; callers `switch` on its `judge`. Throws a
 * UserError if a needed key is missing; requireFor() reports that earlier, before any work.
 */
export function judgeOf(judge: LabelsConfig): AnyJudgeConfig {
  const missing = keyMissingOf(judge);
  if (missing !== undefined) throw new UserError(`Judge ${judge.judge} needs "${missing}", which is not set`);
  const values: LabelsConfig = { ...judgeDefaults(judge.judge), ...judge };
  const taken = keysOf(judge.judge).flatMap(({ name }) => values[name] === undefined ? [] : [[name, values[name]]]);
  // AnyJudgeConfig is generated from the same facts about the keys.
  return { judge: judge.judge, ...Object.fromEntries(taken) } as AnyJudgeConfig;
}

/** The models that the judges of `labels` use, as the config names them. */
export function judgeModels(labels: LabelsConfig): string[] {
  return judgesOf(labels).map(judgeOf).flatMap((judge) => "model" in judge ? [judge.model] : []);
}
