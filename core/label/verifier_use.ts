/** Whether a run needs a verifier module, which `--no-verifier` forbids: known before any work. @module */
import { forIteration, judgeOf, judgesOf, type ResolvedConfig } from "../config/config.ts";
import { UserError } from "../error.ts";
import type { RunHooks } from "../run/run_context.ts";

/** Throws the UserError of a verifier that may not run; `why` says what needs it. */
export function checkVerifierAllowed(
  path: string,
  { allowVerifier = true }: Pick<RunHooks, "allowVerifier">,
  why: string,
): void {
  if (!allowVerifier) throw new UserError(`Cannot run verifier ${path}: --no-verifier forbids it, and ${why}`);
}

/**
 * Throws a UserError where an iteration of `iterations` would run a forbidden verifier: to judge (unless the data has pairs
 * already) or, with `evaluates`, on the held-out rows.
 */
export function checkVerifiers(
  config: ResolvedConfig,
  hooks: RunHooks,
  { iterations, judges, evaluates }: { iterations: readonly number[]; judges: boolean; evaluates: boolean },
): void {
  for (const k of iterations) {
    const { labels, data } = forIteration(config, k);
    for (const judge of judges ? judgesOf(labels).map(judgeOf) : []) {
      if (judge.judge === "verifier") checkVerifierAllowed(judge.verifier, hooks, "judge is verifier");
    }
    if (labels.verifier === undefined) continue;
    if (evaluates && data.eval !== undefined) {
      checkVerifierAllowed(labels.verifier, hooks, "the evaluation needs it");
    }
  }
}
