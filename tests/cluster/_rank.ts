/** One rank of a test's job; its argument says what it does. @module */
import { findMpi } from "../../core/cluster/find_mpi.ts";
import { openMpi } from "../../core/cluster/mpi.ts";
import type { MpiRank } from "../../core/cluster/mpi.ts";
import { asRank } from "../../cli/as_rank.ts";
import { run } from "../../cli/run_program.ts";
import { UserError } from "../../core/error.ts";
import { everyCollective } from "./_every_collective.ts";

const forever = (): Promise<never> => new Promise((_, reject) => setTimeout(() => reject(new Error("waited")), 60_000));

const WORKS: Readonly<Record<string, (rank: MpiRank) => Promise<number>>> = {
  "every-collective": async ({ transport, library }) => {
    const results = await everyCollective(transport);
    console.log(JSON.stringify({ rank: transport.rank, library, hosts: transport.hosts, results }));
    return 0;
  },
  throws: async ({ transport }) => {
    if (transport.rank === 1) throw new UserError("Cannot do this: it is a test");
    await transport.barrier();
    return 0;
  },
  // Fewer bytes come than rank 1 expects, which MPI allows.
  "fewer-bytes": async ({ transport }) => {
    await transport.broadcast(new Uint8Array(transport.rank === 0 ? 3 : 4), 0);
    return await forever();
  },
  // More bytes come than rank 1 has room for, which is MPI's own error.
  "more-bytes": async ({ transport }) => {
    await transport.broadcast(new Uint8Array(transport.rank === 0 ? 4 : 3), 0);
    return await forever();
  },
  killed: async ({ transport }) => {
    if (transport.rank === 1) Deno.kill(Deno.pid, "SIGKILL");
    await transport.barrier();
    return 0;
  },
  terminated: async ({ transport }) => {
    if (transport.rank === 0) Deno.kill(Deno.pid, "SIGTERM");
    return await forever();
  },
};

/** Rank 1 hangs: it does not come to the sum, and rank 0 waits for it in MPI. */
async function hang(): Promise<number> {
  const { transport } = await openMpi({
    path: await findMpi(),
    timeout: 8,
    tell: (line) => console.error(`error: ${line}`),
    exit: (code) => Deno.exit(code),
  });
  if (transport.rank === 0) await transport.reduceScatter(new Float32Array(8), [0, 4, 8]);
  return await forever();
}

const name = Deno.args[0]!;
Deno.exit(await run(() => name === "hangs" ? hang() : asRank(WORKS[name]!)));
