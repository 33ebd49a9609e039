/** `dnpo reproduce`. @module */
import type { ReproduceOptions } from "../commands.ts";

/** Placeholder until the comparison is written. */
export function reproduce(_options: ReproduceOptions): Promise<number> {
  throw new Error("not written yet");
}
