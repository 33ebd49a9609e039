/** What the run that made an adapter tells of the base that it was trained over. @module */
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { basename, dirname } from "../files/path.ts";
import { readYamlRecord } from "./resume_check.ts";
import { runPaths } from "./run_paths.ts";

/**
 * How the run of the adapter in `folder` quantized the base on loading, which PEFT's files do not tell; null if it did
 * not, or no run is known.
 */
export async function quantizationOf(folder: string): Promise<string | null> {
  // RUN/adapter, or RUN/iteration-K/adapter; a config.yaml near any other folder is of other work.
  const above = dirname(folder);
  const run = /^iteration-\d+$/.test(basename(above)) ? dirname(above) : above;
  const { stage, settings, adapter } = runPaths(run);
  if (basename(folder) !== basename(adapter)) return null;
  for (const path of [stage, settings]) {
    if (!await exists(path)) continue;
    const { quantization = "none" } = await readYamlRecord(path).catch((error) => {
      if (error instanceof UserError) return {};
      throw error;
    }) as Record<string, unknown>;
    return typeof quantization === "string" && quantization !== "none" ? quantization : null;
  }
  return null;
}
