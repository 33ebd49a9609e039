/** A command with a config as the ranks of an MPI job: the first runs it, the others work beside it. @module */
import denoConfig from "../../deno.json" with { type: "json" };
import { Crew } from "../../core/cluster/crew.ts";
import { JointError } from "../../core/cluster/joint_error.ts";
import { meet } from "../../core/cluster/meet.ts";
import type { Transport } from "../../core/cluster/transport.ts";
import { loadConfig, type ResolvedConfig } from "../../core/config/config.ts";
import { UserError } from "../../core/error.ts";
import { digestText } from "../../core/files/stream_digest.ts";
import { serveRank } from "../../core/loop/serve_rank.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { asRank } from "../as_rank.ts";
import type { RunOptions } from "../options.ts";
import { tell } from "../print.ts";
import { withConfigPaths } from "./_quickstart.ts";

/** Runs `command` on the first rank, whose crew the others are. Returns the exit code. */
export function onRanks(given: RunOptions, command: (options: RunOptions) => Promise<number>): Promise<number> {
  // Only train runs without a config: the quick start.
  const options = withConfigPaths(given);
  return asRank(async ({ transport }) => {
    const config = await sameConfig(transport, options);
    transport.timeout = config.distributed.timeout;
    if (transport.rank > 0) {
      await serveRank(transport, config, options.verboseRanks ? { onNote: tellAs(transport) } : {});
      return 0;
    }
    const crew = new Crew(transport);
    try {
      const code = await command({ ...options, crew });
      await crew.end();
      return code;
    } catch (error) {
      if (crew.isBroken || !(error instanceof UserError || error instanceof DeviceError)) throw error;
      await crew.end();
      throw new JointError(error.message, transport.rank);
    }
  }, { saves: true });
}

/** Reads the config. Throws a JointError where it is wrong, or is another one on another rank. */
async function sameConfig(transport: Transport, { config: path, set }: RunOptions): Promise<ResolvedConfig> {
  const read = await loadConfig(path, { set }).catch((error) => {
    if (error instanceof UserError) return error;
    throw error;
  });
  const digest = read instanceof UserError ? `the error: ${read.message}` : digestText(JSON.stringify(read));
  await meet(transport, { adapter: null, memory: null, version: denoConfig.version, digests: { config: digest } });
  if (read instanceof UserError) throw new JointError(read.message, transport.rank);
  return read;
}

/** Tells lines of this rank. */
function tellAs({ rank, hosts }: Transport): (line: string) => void {
  return (line) => tell(`rank ${rank} on ${hosts[rank]}: ${line}`);
}
