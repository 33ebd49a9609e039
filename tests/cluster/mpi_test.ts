import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { openLocal } from "../../core/cluster/local.ts";
import { everyCollective } from "./_every_collective.ts";
import { dnpoArgs, findLaunchers, mpirun, ownLines, rankArgs, systemLibrary } from "./_mpirun.ts";

const launchers = await findLaunchers();

/** Seconds within which a job has to end after a rank has failed, on a machine that may be slow to start it. */
const END_SECONDS = 10;

for (const launcher of launchers) {
  const { name, path, library } = launcher;
  const job = (ranks: number, work: string) => mpirun(launcher, { ranks, deno: rankArgs(path, work) });

  Deno.test(`${name}: each collective ends with the bits of logical ranks, and the same bytes are sent`, async () => {
    for (const ranks of [1, 2, 3, 4]) {
      const ended = await job(ranks, "every-collective");
      deepEqual([ended.code, ownLines(ended)], [0, []], ended.err);
      const told = ended.out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
      told.sort((a, b) => a.rank - b.rank);
      const expected = await Promise.all((await openLocal(ranks)).map(everyCollective));
      // The names of hosts, which are told first, differ in length.
      const withoutHosts = ({ sent, received, ...rest }: Record<string, string>, host: string): unknown => {
        const telling = (ranks - 1) * (new TextEncoder().encode(host).length + 4);
        const isEven = (ranks & (ranks - 1)) === 0;
        return { ...rest, received: Number(received) - telling, ...isEven && { sent: Number(sent) - telling } };
      };
      deepEqual(
        told.map(({ results, hosts }) => withoutHosts(results, hosts[0])),
        expected.map((results) => withoutHosts(results, "local")),
      );
      for (const one of told) match(one.library, library);
    }
  });

  Deno.test(`${name}: an error of one rank ends the job with one line that names it`, async () => {
    const ended = await job(2, "throws");
    const [line, ...more] = ownLines(ended);
    match(line!, /^error: rank 1 on \S+: Cannot do this: it is a test$/);
    deepEqual(more, []);
    equal(ended.code, 1);
  });

  Deno.test(`${name}: bytes that are fewer or more than expected end the job`, async () => {
    const fewer = await job(2, "fewer-bytes");
    deepEqual(ownLines(fewer).length, 1, fewer.err);
    match(
      ownLines(fewer)[0]!,
      /^error: Cannot go on: rank 0 on \S+ failed rank 1 on \S+ in broadcast: 3 bytes came, expected 4$/,
    );
    const more = await job(2, "more-bytes");
    deepEqual(ownLines(more).length, 1, more.err);
    match(
      ownLines(more)[0]!,
      /^error: Cannot go on: rank 0 on \S+ failed rank 1 on \S+ in broadcast: MPI_Recv failed: \S.+$/,
    );
    for (const { code } of [fewer, more]) notEqual(code, 0);
  });

  Deno.test(`${name}: a rank that hangs ends the job after the deadline`, async () => {
    const ended = await job(2, "hangs");
    const [line, ...more] = ownLines(ended);
    match(line!, /^error: Cannot go on: rank 1 on \S+ failed rank 0 on \S+ in reduceScatter: no answer within 8 s$/);
    deepEqual(more, []);
    equal(ended.code, 1);
  });

  Deno.test(`${name}: a rank that is killed ends the job, without a line of the others`, async () => {
    const start = await job(2, "every-collective");
    const ended = await job(2, "killed");
    notEqual(ended.code, 0);
    deepEqual(ownLines(ended).slice(1), [], ended.err);
    ok(ended.seconds < start.seconds + END_SECONDS, `${ended.seconds} s, of which ${start.seconds} s to start`);
  });

  Deno.test(`${name}: SIGTERM to a rank ends the job with one line`, async () => {
    const ended = await job(2, "terminated");
    match(ownLines(ended)[0]!, /^error: rank 0 on \S+ was ended by SIGTERM$/);
    deepEqual([ownLines(ended).length, ended.code], [1, 143], ended.err);
  });

  Deno.test(`${name}: dnpo --mpi doctor shows the ranks and a sum over them`, async () => {
    const ended = await mpirun(launcher, { ranks: 2, deno: dnpoArgs(path, ["doctor"]) });
    equal(ended.code, 0, ended.err);
    const lines = ended.out.trim().split("\n");
    match(lines[0]!, /^mpi {9}.*, 2 ranks$/);
    for (const rank of [0, 1]) match(lines[1 + rank]!, new RegExp(`^rank ${rank} {6}\\S+, .+$`));
    match(lines[3]!, /^sum {9}16 MiB over 2 ranks in [\d.]+ s, the bits are right$/);
    equal(lines.length, 4);
    const warnings = ownLines(ended);
    deepEqual(warnings.length, 1);
    match(warnings[0]!, /^Warning: ranks 0 and 1 on \S+ have adapters of one name, /);
  });

  const other = launchers.find((one) => one.variables !== launcher.variables);
  if (other === undefined) console.log(`cluster, ${name}: NOT RUN with another library, which is missing`);
  else {
    Deno.test(`${name}: a library that is not the launcher's is told by one rank, where else each would work alone`, async () => {
      const env = { DNPO_MPI: other.path };
      const ended = await mpirun(launcher, { ranks: 2, deno: rankArgs(other.path, "every-collective"), env });
      // MPICH 5 itself refuses the launcher of Open MPI 6.
      const isRefused = ended.err.includes("unsupported PMI version");
      deepEqual(
        ownLines(ended),
        isRefused ? [] : [
          `error: Cannot join the job: ${launcher.variables.size} says 2 ranks, ${other.path} (${
            other.name.replace(/ of .*/, "")
          }) finds 1, expected the library that the launcher belongs to (DNPO_MPI names its file)`,
        ],
      );
      notEqual(ended.code, 0);
      equal(ended.out.includes("{"), false);
    });
  }

  Deno.test(`${name}: dnpo says how to get the permission, and which file is no MPI`, async () => {
    const forbidden = await mpirun(launcher, { ranks: 1, deno: dnpoArgs("/usr/lib/none.so", ["doctor"]) });
    deepEqual([forbidden.code, ownLines(forbidden)], [1, [
      `error: Cannot open MPI: ${path} may not be loaded, expected the permission that \`deno task dnpo:mpi\` gives, or --allow-ffi=${path}`,
    ]]);
    const math = await systemLibrary("libm.so.6");
    const other = await mpirun(launcher, { ranks: 1, deno: dnpoArgs(math, ["doctor"]), env: { DNPO_MPI: math } });
    deepEqual([other.code, ownLines(other)], [1, [
      `error: Cannot open MPI: ${math} has no MPI_Init_thread, expected an MPI library`,
    ]]);
  });
}
