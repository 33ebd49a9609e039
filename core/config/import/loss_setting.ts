/** The preference loss. @module */
import type { LossType } from "../choices.ts";
import type { ConfigDraft } from "./config_draft.ts";
import { noCounterpart } from "./trainer_settings.ts";

const LOSSES: readonly LossType[] = ["sigmoid", "hinge", "ipo", "robust", "sft"];

/** Sets the loss from the names under `key`; several are a sum, which has no counterpart. */
export function setLoss(
  draft: ConfigDraft,
  { key, names, smoothing, program }: {
    key: string;
    names: readonly string[] | undefined;
    smoothing: number | undefined;
    program: string;
  },
): void {
  const [name = "sigmoid", ...others] = names ?? [];
  const loss = LOSSES.find((known) => known === name);
  if (others.length > 0) throw noCounterpart(key, names, "one loss");
  if (loss === undefined) throw noCounterpart(key, name, LOSSES.join(", "));
  draft.setOr("training.loss_type", names === undefined ? undefined : loss, { fallback: loss, program });
  if (loss === "robust") draft.setOr("training.label_smoothing", smoothing, { fallback: 0, program });
  else if (smoothing !== undefined && smoothing > 0) {
    draft.missing("label_smoothing", `loss_type ${loss} does not use it there, and takes none here`);
  }
}
