/** Jobs of real ranks, started by the launchers of the machine's MPI libraries. @module */
import { fileURLToPath } from "node:url";
import { findMpi } from "../../core/cluster/find_mpi.ts";
import { LAUNCHER_VARIABLES } from "../../core/cluster/launcher.ts";
import { UserError } from "../../core/error.ts";
import denoConfig from "../../deno.json" with { type: "json" };
import { denoArgs, type Ended } from "../_shared/dnpo.ts";

/** A library with its launcher. */
export interface Launcher {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** What the library's own version begins with. */
  readonly library: RegExp;
  /** Which variables of the environment the launcher sets. */
  readonly variables: (typeof LAUNCHER_VARIABLES)[number];
  /** The library's file where ranks would find another one, in a folder of the system. */
  readonly file?: string;
}

const OPEN_MPI: Launcher = {
  name: "Open MPI",
  program: "mpirun.openmpi",
  // Ranks that wait would take the cores from those that work.
  args: ["--allow-run-as-root", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"],
  library: /^Open MPI v/,
  variables: LAUNCHER_VARIABLES[0],
};
const MPICH: Launcher = {
  name: "MPICH",
  program: "mpirun.mpich",
  args: [],
  library: /^MPICH Version:/,
  variables: LAUNCHER_VARIABLES[1],
};

// Debian has the standard ABI from MPICH 5 and Open MPI 6 on.
const ABI_LAUNCHERS: readonly Launcher[] = [
  { ...OPEN_MPI, name: "MPI ABI of Open MPI", file: "libmpi_abi_openmpi.so.1.0.0" },
  { ...MPICH, name: "MPI ABI of MPICH", program: "mpirun.mpi_abi_mpich", file: "libmpi_abi_mpich.so.1.0.0" },
];

/** Folders of the system's libraries. */
const FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"];

/** The real path of a library of the system. */
export async function systemLibrary(file: string): Promise<string> {
  for (const folder of FOLDERS) {
    const path = await Deno.realPath(`${folder}/${file}`).catch(() => null);
    if (path !== null) return path;
  }
  throw new Error(`${file} is in none of ${FOLDERS.join(", ")}`);
}

/** A launcher of which nothing is missing, and its library's file. */
export interface FoundLauncher extends Launcher {
  readonly path: string;
}

/** The launchers that this machine has; what is missing is printed. */
export async function findLaunchers(): Promise<FoundLauncher[]> {
  const found: FoundLauncher[] = [];
  for (const launcher of [OPEN_MPI, MPICH, ...ABI_LAUNCHERS]) {
    try {
      const { success } = await new Deno.Command(launcher.program, { args: ["--version"], stdin: "null" }).output();
      if (!success) throw new UserError(`${launcher.program} --version failed`);
      found.push({ ...launcher, path: await libraryOf(launcher) });
    } catch (error) {
      console.log(`cluster, ${launcher.name}: NOT RUN, ${(error as Error).message}`);
    }
  }
  return found;
}

/** The library's file, found as a rank of this launcher finds it. */
function libraryOf({ variables, file }: Launcher): Promise<string> {
  if (file !== undefined) return systemLibrary(file);
  const launched: Record<string, string> = { [variables.rank]: "0", [variables.size]: "1" };
  return findMpi({ read: (name) => launched[name] });
}

const VARIABLES = LAUNCHER_VARIABLES.flatMap(({ rank, size }) => [rank, size]);

/** Deno's arguments of a rank of these tests, which may load one file. */
export function rankArgs(path: string, work: string): string[] {
  const env = `--allow-env=${[...VARIABLES, "DNPO_MPI", "DNPO_DEBUG"].join(",")}`;
  const flags = ["--quiet", "--frozen", "--no-check", "--no-prompt", "--ignore-env", env, "--allow-read"];
  const program = fileURLToPath(new URL("./_rank.ts", import.meta.url));
  // A rank of a test kills itself.
  return ["run", ...flags, "--allow-run", `--allow-ffi=${path}`, program, work];
}

/** Deno's arguments of `dnpo --mpi ARGS`, as the task `dnpo:mpi` gives them. */
export function dnpoArgs(path: string, args: readonly string[]): string[] {
  const [run, ...rest] = denoArgs(["--mpi", ...args]);
  if (!denoConfig.tasks["dnpo:mpi"].command.endsWith(" --allow-ffi=$DNPO_MPI cli/main.ts --mpi")) {
    throw new Error("deno.json: the task dnpo:mpi gives another permission than these tests");
  }
  return [run!, "--no-prompt", `--allow-ffi=${path}`, ...rest];
}

/** How a job ended, and how long it took. */
export interface EndedJob extends Ended {
  seconds: number;
}

/** Runs a job of `ranks` processes of Deno with these arguments. */
export async function mpirun(
  { program, args, path, file }: FoundLauncher,
  { ranks, deno, env = {} }: { ranks: number; deno: readonly string[]; env?: Record<string, string> },
): Promise<EndedJob> {
  const start = performance.now();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, "-n", String(ranks), Deno.execPath(), ...deno],
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", DNPO_CACHE: "", ...file && { DNPO_MPI: path }, ...env },
    stdin: "null",
    // A job that does not end is ended, and fails its test.
    signal: AbortSignal.timeout(240_000),
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr), seconds: (performance.now() - start) / 1000 };
}

/** The lines of a job that are dnpo's own; launchers have much to say of a job that fails. */
export function ownLines({ err }: Ended): string[] {
  return err.split("\n").filter((line) => /^(error|Warning|This is a bug)/.test(line));
}
