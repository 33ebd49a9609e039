/**
 * Checks that only some rooms of core/ and kernels/ touch the platform: files, environment, network, threads. All
 * others run wherever there is WebGPU. Checks too that text leaves for the terminal by one door, and that no two files
 * of the product have the same name. @module
 */
import { join } from "node:path";
import { blankText } from "./blank_text.ts";

/** The rooms that may read and write files. */
const FILE_ROOMS = ["core/files", "core/run", "core/hub", "core/data/formats", "core/device", "core/watch"];

/** What a module can use of the platform, and the rooms and files that may use it. */
interface Use {
  what: string;
  pattern: RegExp;
  rooms: readonly string[];
  /** Files of other rooms that may too. */
  files?: readonly string[];
  /** Whether the pattern looks into strings too; comments are always blank. */
  inStrings?: true;
}

const USES: readonly Use[] = [
  {
    what: "the environment",
    pattern: /\bDeno\s*\??\.\s*(env|permissions|build|version)\b/,
    rooms: ["core/device", "core/hub", "core/run", "core/server"],
    // It asks whether the process has what a verifier is granted; a launcher tells a rank its place by the environment.
    files: ["core/label/verifier_confinement.ts", "core/cluster/launcher.ts"],
  },
  {
    what: "the file system, or all of Deno",
    pattern: /\bDeno\b(?!\s*\??\.\s*(env|permissions|build|version)\b)/,
    rooms: FILE_ROOMS,
    files: [
      // They take Deno.exit() and the ways to print from the module that runs; the last reads how much memory is held.
      "core/label/verifier_worker.ts",
      "core/label/verifier_prints.ts",
      "core/label/verifier_confinement.ts",
      // They find and open a native library.
      "core/cluster/find_mpi.ts",
      "core/cluster/mpi_library.ts",
    ],
  },
  { what: "a module of Node.js", pattern: /["'`]node:/, rooms: FILE_ROOMS, inStrings: true },
  { what: "the network", pattern: /\bfetch\b/, rooms: ["core/hub", "core/server"] },
  {
    what: "a thread",
    pattern: /\bWorker\b/,
    rooms: ["core/device", "core/label"],
    files: ["core/data/encode_threads.ts", "core/data/row_encoder.ts"],
  },
  { what: "the platform by a string", pattern: /\[\s*["'`](Deno|fetch|Worker)["'`]\s*\]/, rooms: [], inStrings: true },
];

/** What writes to the terminal past `say` and `tell` of cli/print.ts, which make text safe. */
const TERMINAL: Use = {
  what: "the terminal as it is",
  pattern: /\bconsole\b|\bstd(out|err)\s*\.\s*write|\bprint\(\s*(Deno|process)\b/,
  rooms: [],
  files: [
    "cli/print.ts",
    // It takes the thread of a verifier its ways to the terminal.
    "core/label/verifier_prints.ts",
    // Help and scripts are texts of the program; an answer goes to a pipe as it is; a comparison and rows may have
    // colours.
    "cli/answer_help.ts",
    "cli/program.ts",
    "cli/commands/completions_command.ts",
    "cli/commands/chat_command.ts",
    "cli/commands/compare_command.ts",
    "cli/commands/data_command.ts",
  ],
};

/** The parts of the tree that are checked, and for what. */
const CHECKED: Readonly<Record<string, readonly Use[]>> = {
  core: [...USES, TERMINAL],
  kernels: [...USES, TERMINAL],
  cli: [TERMINAL],
};
/** Parts of the tree in which no two files may have the same name. */
const NAMED = ["mod.ts", "engine.ts", "cli", "core", "kernels"];

/** Every violation under `root`, one line each; empty if all is well. */
export async function checkPlatform(root: string): Promise<string[]> {
  const problems: string[] = [];
  for (const [top, uses] of Object.entries(CHECKED)) {
    for (const path of await modulesIn(root, top)) {
      const text = await Deno.readTextFile(join(root, path));
      const [code, withStrings] = [blankText(text), blankText(text, { strings: true })];
      for (const { what, pattern, rooms, files = [], inStrings = false } of uses) {
        if (files.includes(path) || rooms.some((room) => path.startsWith(`${room}/`))) continue;
        const at = (inStrings ? withStrings : code).search(pattern);
        if (at === -1) continue;
        const line = text.slice(0, at).split("\n").length;
        problems.push(
          `${path}:${line} uses ${what}: ${rooms.length > 0 ? `only ${rooms.join(", ")} may` : "no room may"}`,
        );
      }
    }
  }
  return [...problems, ...await sameNames(root)];
}

async function sameNames(root: string): Promise<string[]> {
  const paths = (await Promise.all(NAMED.map((top) => modulesIn(root, top)))).flat();
  const byName = Map.groupBy(paths, (path) => path.split("/").at(-1)!);
  return [...byName].flatMap(([name, paths]) =>
    paths.length > 1 ? [`${name} is the name of ${paths.join(" and ")}: expected one file of that name`] : []
  );
}

/** The modules at or below a path, relative to the root. */
async function modulesIn(root: string, path: string): Promise<string[]> {
  const info = await Deno.stat(join(root, path)).catch(() => null);
  if (info === null) return [];
  if (info.isFile) return path.endsWith(".ts") ? [path] : [];
  const found: string[] = [];
  for await (const { name } of Deno.readDir(join(root, path))) found.push(...await modulesIn(root, `${path}/${name}`));
  return found.sort();
}
