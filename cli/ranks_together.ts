/** A command as the ranks of an MPI job: the first runs it, the others work beside it. @module */
import denoConfig from "../deno.json" with { type: "json" };
import { Crew } from "../core/cluster/crew.ts";
import { JointError } from "../core/cluster/joint_error.ts";
import { meet } from "../core/cluster/meet.ts";
import type { Transport } from "../core/cluster/transport.ts";
import type { ResolvedConfig } from "../core/config/config.ts";
import { UserError } from "../core/error.ts";
import { digestText } from "../core/files/stream_digest.ts";
import { serveRank } from "../core/loop/serve_rank.ts";
import { DeviceError } from "../kernels/device/device_error.ts";
import { asRank } from "./as_rank.ts";
import { tell } from "./print.ts";

/** What a command is asked, which has to be the same on all ranks. */
export interface Asked {
  /** What it is called where ranks differ: the config. */
  what: string;
  /** Whether all ranks tell what they note. */
  verboseRanks: boolean;
  /** Reads it: the config by which a rank works, and what is compared, as data. Throws a UserError. */
  read: () => Promise<{ config: ResolvedConfig; same: unknown }>;
}

/** Joins the job and runs `command` on the first rank, whose crew the others are. Returns the exit code. */
export function ranksTogether(asked: Asked, command: (crew: Crew) => Promise<number>): Promise<number> {
  return asRank(async ({ transport }) => {
    const config = await readAlike(transport, asked);
    transport.timeout = config.distributed.timeout;
    if (transport.rank > 0) {
      await serveRank(transport, config, asked.verboseRanks ? { onNote: tellAs(transport) } : {});
      return 0;
    }
    const crew = new Crew(transport);
    try {
      const code = await command(crew);
      await crew.end();
      return code;
    } catch (error) {
      if (crew.isBroken || !(error instanceof UserError || error instanceof DeviceError)) throw error;
      await crew.end();
      throw new JointError(error.message, transport.rank);
    }
  }, { saves: true });
}

/** Throws a JointError where what is asked is wrong, or is something else on another rank. */
async function readAlike(transport: Transport, { what, read }: Asked): Promise<ResolvedConfig> {
  const asked = await read().catch((error) => {
    if (error instanceof UserError) return error;
    throw error;
  });
  const digest = asked instanceof UserError ? `the error: ${asked.message}` : digestText(JSON.stringify(asked.same));
  await meet(transport, { adapter: null, memory: null, version: denoConfig.version, digests: { [what]: digest } });
  if (asked instanceof UserError) throw new JointError(asked.message, transport.rank);
  return asked.config;
}

/** Tells lines of this rank. */
function tellAs({ rank, hosts }: Transport): (line: string) => void {
  return (line) => tell(`rank ${rank} on ${hosts[rank]}: ${line}`);
}
