/** Checks before any work that a run has the judges and the verifier that it needs. @module */
import { judgeOf, judgesOf } from "../config/config.ts";
import type { LabelsConfig, VerifierPermissions } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import type { RunHooks } from "../run/run_context.ts";
import { checkConfinement } from "./verifier_confinement.ts";

/** Throws a UserError if the verifier may not run, or not with its permissions; `why` says what needs it. */
export function checkVerifierAllowed(
  { verifier: path, verifier_permissions }: { verifier: string; verifier_permissions?: VerifierPermissions },
  { allowVerifier = true }: Pick<RunHooks, "allowVerifier">,
  why: string,
): void {
  if (!allowVerifier) throw new UserError(`Cannot run verifier ${path}: --no-verifier forbids it, and ${why}`);
  checkConfinement(path, verifier_permissions);
}

/** Throws a UserError if a judge would run a forbidden verifier, or is a function that the program did not give. */
export function checkJudges(labels: LabelsConfig, hooks: RunHooks): void {
  if (labels.judge === "function" && hooks.judge === undefined) {
    throw new UserError(
      "Cannot judge with judge function: no program gave one, as train(config, { judge }) does; labels.judge says another",
    );
  }
  for (const judge of judgesOf(labels).map(judgeOf)) {
    if (judge.judge === "verifier") checkVerifierAllowed(judge, hooks, "judge is verifier");
  }
}
