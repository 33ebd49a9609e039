/** The line that a command begins with. @module */
import { counted } from "../core/counted.ts";
import type { ResolvedConfig } from "../core/config/config.ts";
import { sourceName } from "../core/data/formats/data_sources.ts";

/** What is run, on what and where; `rows` is what is read, by default the config's data. */
export function openingLine(
  { model, output_dir: folder, iterations, method, data: { train } }: ResolvedConfig,
  { device, isWhole, rows = train && sourceName(train) }: {
    device: string;
    isWhole: boolean;
    rows?: string | undefined;
  },
): string {
  return [
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(rows === undefined ? [] : [`rows ${rows}`]),
    ...(isWhole ? [`method ${method}`, counted(iterations, "iteration")] : []),
    `device ${device}`,
    `folder ${folder}`,
  ].join(", ");
}
