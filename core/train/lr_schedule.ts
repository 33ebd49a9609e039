/** Learning-rate schedules, the same as Hugging Face's. @module */
import type { Schedule } from "../config/choices.ts";

/** The factor on the learning rate at optimizer step `step` (from 0) of `steps`; s/w in a warm-up of w steps. */
export function scheduleFactor(
  type: Schedule,
  { step, steps, warmup }: { step: number; steps: number; warmup: number },
): number {
  if (step < warmup) return step / warmup;
  const left = Math.max(0, steps - step) / Math.max(1, steps - warmup);
  switch (type) {
    case "constant":
      return 1;
    case "linear":
      return left;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * (step - warmup) / Math.max(1, steps - warmup)));
  }
}
