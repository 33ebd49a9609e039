/** A command as one rank of an MPI job: however a rank ends, the job ends. @module */
import { findMpi } from "../core/cluster/find_mpi.ts";
import { JointError } from "../core/cluster/joint_error.ts";
import { type MpiRank, openMpi } from "../core/cluster/mpi.ts";
import { tell } from "./print.ts";
import { describeError } from "./run_program.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Seconds after a signal until a rank ends the job. A launcher that ends all ranks of a job sends them SIGTERM, and kills
 * them a second or two later: such ranks say nothing. Where all live on, rank 0 speaks for them.
 */
const GRACE_SECONDS = { first: 3, others: 6 } as const;

/**
 * Joins the job, runs `work` and leaves the job; returns the exit code. An error of one rank, or a signal, ends all ranks;
 * where the work `saves` itself, the first rank is let do so.
 */
export async function asRank(
  work: (rank: MpiRank) => Promise<number>,
  { saves = false }: { saves?: boolean } = {},
): Promise<number> {
  try {
    const rank = await openMpi({
      path: await findMpi(),
      tell: (line) => tell(`error: ${line}`),
      exit: (code) => Deno.exit(code),
    });
    const { transport } = rank;
    endOnSignals(rank, saves);
    try {
      const code = await work(rank);
      await transport.close();
      return code;
    } catch (error) {
      if (!(error instanceof JointError)) {
        await transport.abort(1, `${nameOf(rank)}: ${describeError(error).lines.join("; ")}`);
      }
      await transport.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof JointError && !error.tells) return 1;
    throw error;
  }
}

function nameOf({ transport: { rank, hosts } }: MpiRank): string {
  return `rank ${rank} on ${hosts[rank]}`;
}

function endOnSignals(rank: MpiRank, saves: boolean): void {
  const { transport } = rank;
  const isFirst = transport.rank === 0;
  // Once it has the signal, the first rank saves with the others' help, and ends the job by itself.
  if (saves && isFirst) return;
  const seconds = (): number => saves ? transport.timeout : isFirst ? GRACE_SECONDS.first : GRACE_SECONDS.others;
  for (const name of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    if (Deno.build.os === "windows" && name !== "SIGINT") continue;
    Deno.addSignalListener(name, () => {
      setTimeout(() => transport.abort(SIGNALS[name], `${nameOf(rank)} was ended by ${name}`), 1000 * seconds());
    });
  }
}
