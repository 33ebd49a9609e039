/** Warnings about settings and results that are possible, and hardly meant. @module */
import type { IterationConfig, PerIteration, ResolvedConfig } from "../config/config_types.ts";
import { counted } from "../counted.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import { WARNING } from "../progress.ts";
import { percent } from "../values.ts";
import { noteOnce, type Noting } from "./row_notes.ts";
import type { RunContext } from "./run_context.ts";

/** Share of cut answers above which a run says so. */
const CUT_SHARE = 0.1;

/** Share of held-out prompts in the training rows above which a run says so. */
const SHARED_SHARE = 0.1;

/** Loss above ln 2 that is rounding, or too little to speak of. */
const LOSS_SLACK = 1e-3;

/** Warns where many answers were cut before they ended: the model is trained on answers without an end. */
export function warnOfCut(
  context: RunContext,
  { rows, settings }: { rows: readonly ResponseRow[]; settings: IterationConfig },
): void {
  const cut = rows.filter(({ finished }) => !finished);
  if (cut.length <= CUT_SHARE * rows.length) return;
  const { iteration, generation: { max_new_tokens: most }, data: { max_length: maxLength } } = settings;
  const full = cut.filter(({ generatedIds }) => generatedIds.length >= most).length;
  const limits = [
    ...(full > 0 ? [`generation.max_new_tokens ${most}`] : []),
    ...(full < cut.length ? [`data.max_length ${maxLength}`] : []),
  ];
  warn(
    context,
    `${cut.length} of ${rows.length} answers of iteration ${iteration} (${
      percent(cut.length / rows.length)
    } %) were cut at ${
      limits.join(" or ")
    } before they ended, and are trained on without an end; a larger limit lets them end`,
  );
}

/** Warns of what a config of `train` says that has no effect, or another than its words promise. */
export function warnOfSettings(context: RunContext): void {
  const { config } = context;
  const { method, iterations, labels, noise, training: { learning_rate, beta } } = config;
  const lists: [string, PerIteration<unknown>][] = [
    ["labels", labels],
    ["noise", noise],
    ["training.learning_rate", learning_rate],
    ["training.beta", beta],
  ];
  for (const [key, value] of lists) {
    if (!Array.isArray(value) || value.length <= iterations) continue;
    const left = value.length - iterations;
    warn(
      context,
      `${key} has ${value.length} entries for ${counted(iterations, "iteration")}: the last ${
        left === 1 ? "one is" : `${left} are`
      } not used`,
    );
  }
  warnOfPicking(context);
  if (method !== "dnpo" || hasJudge(config)) return;
  const isNoised = [noise].flat().slice(0, iterations).some((entry) => entry !== "none" && entry.update !== "none");
  warn(
    context,
    `method dnpo without a judge: the human answer is always chosen, which is SPIN${
      isNoised ? " with noise" : ""
    }; labels.judge names a judge`,
  );
}

/** Warns of a metric by which nothing is picked or ended. */
function warnOfPicking(context: RunContext): void {
  const { training } = context.config;
  if (training.load_best_model_at_end || training.early_stopping_patience !== undefined) return;
  const key = (["metric_for_best_model", "greater_is_better"] as const).find((key) => training[key] !== undefined);
  if (key === undefined) return;
  warn(
    context,
    `training.${key} has no effect without load_best_model_at_end or early_stopping_patience: the last model is handed out`,
  );
}

/** Whether a judge is set, for any iteration: judge human judges nothing. */
export function hasJudge({ labels, iterations }: Pick<ResolvedConfig, "labels" | "iterations">): boolean {
  return [labels].flat().slice(0, iterations).some(({ judge }) => judge !== "human");
}

/** Warns where rows may be longer than the model was made for. */
export function warnOfPositions(
  context: Noting,
  { maxLength, positions }: { maxLength: number; positions: number },
): void {
  if (maxLength <= positions) return;
  warn(
    context,
    `data.max_length is ${maxLength}, above the ${positions} positions of the model (max_position_embeddings): what is ` +
      "beyond them, it has never seen",
  );
}

/** Keeps the prompts of held-out rows, so that {@linkcode warnOfHeldOut} knows them. */
export function keepHeldOut(context: Noting, { name, prompts }: { name: string; prompts: Iterable<TokenIds> }): void {
  heldOut.set(context, { name, keys: new Set(Array.from(prompts, (ids) => ids.join(" "))) });
}

/** Warns where many held-out prompts are prompts of the training rows too: what is measured there tells nothing new. */
export function warnOfHeldOut(context: Noting, { name, prompts }: { name: string; prompts: Iterable<TokenIds> }): void {
  const held = heldOut.get(context);
  if (held === undefined) return;
  const shared = new Set<string>();
  for (const ids of prompts) {
    const key = ids.join(" ");
    if (held.keys.has(key)) shared.add(key);
  }
  const count = held.keys.size;
  if (shared.size <= SHARED_SHARE * count) return;
  warn(
    context,
    `${shared.size} of the ${count} prompts of data.eval (${held.name}) are prompts of data.train (${name}) too: the model ` +
      "is trained on them, and results there say little of new ones",
  );
}

/** Token ids of a prompt. */
type TokenIds = { join(separator: string): string };

/** The held-out prompts of each run. */
const heldOut = new WeakMap<Noting, { name: string; keys: ReadonlySet<string> }>();

/** Warns, once a run, of a mean loss above that of a model that has learned nothing, with its reason. */
export function warnOfLoss(
  context: RunContext,
  { loss, margins, settings }: { loss: number | undefined; margins: number | undefined; settings: IterationConfig },
): void {
  const { iteration, noise, training: { loss_type: type } } = settings;
  if (type !== "sigmoid" && type !== "robust" || loss === undefined || !(loss > Math.LN2 + LOSS_SLACK)) return;
  if (warned.has(context)) return;
  warned.add(context);
  const shown = margins === undefined ? "" : ` (rewards/margins ${margins.toPrecision(2).replace("-", "−")})`;
  const reason = noise !== "none" && !(margins !== undefined && margins < 0)
    ? `the noise is trained to raise it, and the margins without noise tell what the model has learned${shown}`
    : margins !== undefined && margins < 0
    ? `against the reference, the rejected answers have gained on the chosen ones${shown}; a lower ` +
      "training.learning_rate, or fewer epochs, may help"
    : `some pairs are far on the wrong side, though most are not${shown}; a lower training.learning_rate or beta may help`;
  warn(
    context,
    `the mean model loss of iteration ${iteration} is ${loss.toFixed(4)}, above ln 2 = ${
      Math.LN2.toFixed(4)
    }, that of a model that has learned nothing: ${reason}`,
  );
}

/** The runs that were warned of their loss. */
const warned = new WeakSet<RunContext>();

function warn(context: Noting, text: string): void {
  noteOnce(context, WARNING + text);
}
