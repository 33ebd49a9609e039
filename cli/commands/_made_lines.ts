/** The lines that tell what a command has made. @module */
import type { ResolvedConfig } from "../../core/config/config.ts";
import { handedOut } from "../../core/loop/schedule.ts";
import { fixed } from "../../core/values.ts";

/** `Model: FOLDER`, `Adapter: FOLDER` or both, with the last loss behind the first. */
export function madeLines(config: ResolvedConfig, { loss }: { loss?: number | undefined } = {}): string[] {
  const { model, adapter } = handedOut(config);
  const lines = [...(model === null ? [] : [`Model: ${model}`]), ...(adapter === null ? [] : [`Adapter: ${adapter}`])];
  return lines.map((line, i) => loss === undefined || i > 0 ? line : `${line} (loss ${fixed(loss, 4)})`);
}
