/** A command with a config as the ranks of an MPI job: the config has to be the same on all of them. @module */
import { loadConfig } from "../../core/config/config.ts";
import type { RunOptions } from "../options.ts";
import { ranksTogether } from "../ranks_together.ts";
import { withConfigPaths } from "./_quickstart.ts";

/** Runs `command` on the first rank, whose crew the others are. Returns the exit code. */
export function onRanks(given: RunOptions, command: (options: RunOptions) => Promise<number>): Promise<number> {
  // Only train runs without a config: the quick start.
  const options = withConfigPaths(given);
  const { config: path, set, verboseRanks } = options;
  const read = async () => {
    const config = await loadConfig(path, { set });
    return { config, same: config };
  };
  return ranksTogether({ what: "config", verboseRanks, read }, (crew) => command({ ...options, crew }));
}
