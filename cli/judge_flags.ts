/** Flags of a comparison's judge: which key each of them sets depends on the judge. @module */
import type { JudgeKind } from "../core/config/choices.ts";
import { UserError } from "../core/error.ts";
import type { Values } from "./command_entry.ts";
import { type Flag, flagValue } from "./config_flags.ts";

/** Flags, and the keys that they set by the judges that use them. */
const FLAGS: readonly { name: string; keys: Partial<Record<JudgeKind, string>> }[] = [
  { name: "verifier", keys: { verifier: "labels.verifier" } },
  {
    name: "judge-model",
    keys: { logprob: "labels.model", "reward-model": "labels.model", llm: "labels.server_model" },
  },
  { name: "base-url", keys: { llm: "labels.base_url" } },
];

/** The flags that were given, with their keys. Throws a UserError for one that this judge does not use. */
export function judgeFlags(values: Values, judge: JudgeKind): Flag[] {
  return FLAGS.filter((flag) => flagValue(values, flag) !== undefined).map(({ name, keys }) => {
    const key = keys[judge];
    if (key !== undefined) return { name, key };
    throw new UserError(
      `Cannot compare: --${name} is given, which judge ${judge} does not use, expected it with --judge ` +
        Object.keys(keys).join(" or "),
    );
  });
}
