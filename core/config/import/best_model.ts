/** Which model is handed out, and whether training ends early: by iterations here, by checkpoints there. @module */
import { BEST_METRICS, type BestMetric } from "../choices.ts";
import { isMapping } from "../yaml_source.ts";
import { type ConfigDraft, shown } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";

/** Takes the settings of transformers' Trainer, and the patience under the program's own `patienceKey`. */
export function takeBestModel(
  source: ForeignSource,
  draft: ConfigDraft,
  { patienceKey = "early_stopping_patience" }: { patienceKey?: string } = {},
): void {
  const handsOutBest = source.flag("load_best_model_at_end") ?? false;
  const patience = source.number(patienceKey);
  const metric = source.text("metric_for_best_model");
  const greater = source.flag("greater_is_better");
  const keys = [...(handsOutBest ? ["load_best_model_at_end"] : []), ...(patience === undefined ? [] : [patienceKey])];
  if (keys.length === 0) return;
  const { data } = draft.settings;
  const measured = measuredAs(metric, draft.settings.method);
  if (measured === null || !isMapping(data) || data.eval === undefined) {
    const why = measured !== null
      ? "here it takes held-out rows, in data.eval"
      : `here ${shown(metric)} is not measured`;
    for (const key of keys) draft.missing(key, why);
    return;
  }
  if (handsOutBest) {
    draft.set("training.load_best_model_at_end", true);
    draft.differs(
      "load_best_model_at_end",
      "there the best checkpoint of a training; here the best of the iterations' models, each trained to its end",
    );
  }
  draft.set("training.metric_for_best_model", measured);
  draft.set("training.greater_is_better", greater);
  if (patience === undefined) return;
  draft.set("training.early_stopping_patience", patience);
  draft.differs(patienceKey, "there evaluations within a training; here iterations");
}

/** Our name of what iterations are told by; undefined for the default, null of what is not measured here. */
function measuredAs(metric: string | undefined, method: unknown): BestMetric | null | undefined {
  const isLoss = metric === undefined || metric === "loss" || metric === "eval_loss";
  // There the loss of held-out rows is the training's: of pairs, that on both answers.
  if (isLoss) return method === "dpo" ? "eval_preference_loss" : metric && "eval_loss";
  // What a verifier gives, other programs have not.
  const own = Object.hasOwn(BEST_METRICS, metric) ? BEST_METRICS[metric as keyof typeof BEST_METRICS] : null;
  return own !== null && own.startsWith("eval_") ? own : null;
}
