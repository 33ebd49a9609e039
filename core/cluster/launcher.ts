/** What the program that started the ranks of a job says of them, in the environment. @module */

/** A process's place in its job, as its launcher has it. */
export interface LaunchedAs {
  /** The variable that says how many there are. */
  variable: string;
  /** Number of this process, from 0. */
  rank: number;
  /** How many there are. */
  size: number;
}

/** The variables of launchers: Open MPI's mpirun, MPICH's and its kin, Slurm's srun. */
export const LAUNCHER_VARIABLES = [
  { rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE" },
  { rank: "PMI_RANK", size: "PMI_SIZE" },
  { rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS" },
] as const;

/** A variable of the environment; undefined if there is none, or it may not be read. */
export type ReadVariable = (name: string) => string | undefined;

/** This process's environment. */
export const processVariable: ReadVariable = (name) => {
  try {
    return Deno.env.get(name) || undefined;
  } catch {
    return undefined;
  }
};

/** This process's place in its job; null if no launcher tells one. */
export function launchedAs(read: ReadVariable = processVariable): LaunchedAs | null {
  for (const variables of LAUNCHER_VARIABLES) {
    const [rank, size] = [variables.rank, variables.size].map((name) => Number(read(name)));
    if (Number.isInteger(rank) && Number.isInteger(size) && size! > 0) {
      return { variable: variables.size, rank: rank!, size: size! };
    }
  }
  return null;
}
