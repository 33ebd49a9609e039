/** Checks before any work that what a run judges with is there. @module */
import { judgeModels, judgeOf, judgesOf } from "../config/config.ts";
import type { LabelsConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { exists, isFolder } from "../files/io.ts";
import { join } from "../files/path.ts";
import { parseModelSpec } from "../hub/hub_spec.ts";
import { isModelFolder } from "../run/model_path.ts";

/** Throws a UserError if there is no file at `path`, which is to be a verifier. */
export async function checkVerifierFile(path: string): Promise<void> {
  if (!await exists(path)) throw new UserError(`Cannot load verifier ${path}: there is no such file`);
  if (await isFolder(path)) throw new UserError(`Cannot load verifier ${path}: it is a folder, expected a module`);
}

/** Throws a UserError if a verifier of the judges is not there, or a local model of theirs has no config.json. */
export async function checkJudgeFiles(labels: LabelsConfig): Promise<void> {
  if (labels.judge === "function") return;
  for (const judge of judgesOf(labels).map(judgeOf)) {
    if (judge.judge === "verifier") await checkVerifierFile(judge.verifier);
  }
  for (const name of judgeModels(labels)) {
    // What is no path may be a name on the hub, which is looked up when the run begins.
    if (!await exists(name) && parseModelSpec(name) !== null) continue;
    if (await isModelFolder(name)) continue;
    const path = join(name, "config.json");
    throw new UserError(`Cannot judge with ${name}: ${path} is not there, expected a model's`);
  }
}
