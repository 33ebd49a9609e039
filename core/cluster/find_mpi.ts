/** Where the MPI library is. @module */
import { UserError } from "../error.ts";
import { basename, dirname, join } from "../files/path.ts";
import { launchedAs, processVariable, type ReadVariable } from "./launcher.ts";

/** Files of the kinds of libraries, by what their makers call them. */
const NAMES = {
  openMpi: ["libmpi.so.40", "libmpi.40.dylib"],
  mpich: ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12", "libmpi.12.dylib"],
  abi: ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi_abi.dylib"],
  any: ["libmpi.so", "libmpi.dylib"],
} as const;

/** Where libraries are besides the folders that the environment and the system's loader name. */
const FOLDERS = [
  "/usr/local/lib",
  "/usr/local/lib64",
  "/usr/lib64",
  "/usr/lib64/openmpi/lib",
  "/usr/lib64/mpich/lib",
  "/usr/lib",
  "/opt/cray/pe/lib64",
  "/opt/intel/oneapi/mpi/latest/lib",
  "/opt/homebrew/lib",
];

/** The lists of folders of the system's loader. */
const LOADER_LISTS = "/etc/ld.so.conf.d";

const INSTALL = "on Debian or Ubuntu: apt-get install openmpi-bin, or mpich";

/** Where to look; each has the machine's as its default. */
export interface MpiPlaces {
  /** Reads a variable of the environment. */
  read?: ReadVariable;
  /** Folders after those that the environment names. */
  folders?: readonly string[];
  /** A folder with lists of folders, such as the loader's. */
  lists?: string;
}

/**
 * The real path of the library: the file that `DNPO_MPI` names; else the first, of the kind that has started this process
 * or that `mpirun` belongs to, in LD_LIBRARY_PATH, beside `mpirun`, and in the system's folders. Throws a UserError that
 * says where it was looked for, and how to install one.
 */
export async function findMpi(
  { read = processVariable, folders = FOLDERS, lists = LOADER_LISTS }: MpiPlaces = {},
): Promise<string> {
  const named = read("DNPO_MPI");
  if (named !== undefined) {
    const path = named.startsWith("/") ? await realFile(named) : null;
    if (path !== null) return path;
    throw new UserError(`Cannot find MPI: DNPO_MPI names ${named}, expected the absolute path of a library's file`);
  }
  const mpirun = await findProgram("mpirun", read("PATH"));
  const prefix = mpirun === null ? [] : ["lib", "lib64"].map((name) => join(dirname(dirname(mpirun)), name));
  const places = [...listed(read("LD_LIBRARY_PATH")), ...prefix, ...await loaderFolders(lists), ...folders];
  const unique = [...new Set(places)];
  for (const kind of kindsFor(launchedAs(read)?.variable, mpirun)) {
    for (const folder of unique) {
      for (const name of NAMES[kind]) {
        const path = await realFile(join(folder, name));
        if (path !== null) return path;
      }
    }
  }
  throw new UserError(
    `Cannot find MPI: none of libmpi.so.40, libmpich.so.12, libmpi.so.12, libmpi_abi.so, libmpi.so is in ${
      unique.join(", ")
    }, expected a library (${INSTALL}), or its path in DNPO_MPI`,
  );
}

/** The kinds in the order in which they are looked for. */
function kindsFor(variable: string | undefined, mpirun: string | null): (keyof typeof NAMES)[] {
  const program = mpirun === null ? "" : basename(mpirun);
  const isMpich = variable === undefined ? /hydra|mpich/.test(program) : variable === "PMI_SIZE";
  return isMpich ? ["mpich", "abi", "any", "openMpi"] : ["openMpi", "abi", "any", "mpich"];
}

function listed(path: string | undefined): string[] {
  return (path ?? "").split(":").filter((folder) => folder.startsWith("/"));
}

/** The folders that the lists of the system's loader name. */
async function loaderFolders(lists: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(lists)) if (name.endsWith(".conf")) names.push(name);
  } catch {
    // Other systems have no such lists.
  }
  const texts = await Promise.all(names.sort().map((name) => Deno.readTextFile(join(lists, name)).catch(() => "")));
  return texts.flatMap((text) => text.split("\n").map((line) => line.trim()).filter((line) => line.startsWith("/")));
}

/** The real path of a program that PATH has; null if it has none. */
async function findProgram(name: string, path: string | undefined): Promise<string | null> {
  for (const folder of listed(path)) {
    const found = await realFile(join(folder, name));
    if (found !== null) return found;
  }
  return null;
}

/** The real path of a file; null if there is none. */
async function realFile(path: string): Promise<string | null> {
  try {
    const real = await Deno.realPath(path);
    return (await Deno.stat(real)).isFile ? real : null;
  } catch {
    return null;
  }
}
