/** A note to the user about what rounding took of a training. @module */
import { type Dtype, nameOfDtype } from "../dtype.ts";
import type { RunContext } from "./run_context.ts";

/** The share of the training's change from which on float32 is recommended. */
const MUCH = 0.05;

/** Notes the share of a training's change that was lost where its model was saved; null is not noted. */
export function noteRounding(
  { onNote }: Pick<RunContext, "onNote">,
  { lost, dtype }: { lost: number | null; dtype: Dtype },
): void {
  if (lost === null) return;
  const digits = (share: number): string => share.toLocaleString("en", { maximumSignificantDigits: 2 });
  const moves = lost < 2 ? `by ${digits(100 * lost)} % of what` : `${digits(lost)} times as far as`;
  const advice = lost > MUCH ? "; dtype float32 keeps it all" : "";
  onNote(
    `The model is saved as ${nameOfDtype(dtype)}: rounding moves its weights ${moves} training did${advice}`,
  );
}
