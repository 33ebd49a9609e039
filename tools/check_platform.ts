/**
 * Checks that only some rooms of core/ and kernels/ touch the platform: files, environment, network, threads. All
 * others run wherever there is WebGPU. Checks too that no two files of the product have the same name. @module
 */
import { join } from "node:path";

/** What a line can use of the platform, and the rooms that may use it. */
const USES: readonly { what: string; pattern: RegExp; rooms: readonly string[] }[] = [
  {
    what: "the environment",
    pattern: /\bDeno\.(env|permissions|build|version)\b|\.Deno\?\.env\b/,
    rooms: ["core/device", "core/hub", "core/run", "core/server"],
  },
  {
    what: "the file system",
    pattern: /\bDeno\.(?!env\b|permissions\b|build\b|version\b|Env\b)|\bglobalThis as \{ Deno\?: FileSystem/,
    rooms: ["core/files", "core/run", "core/hub", "core/data/formats", "core/device"],
  },
  {
    what: "a module of node:",
    pattern: /\bfrom "node:|\bimport\("node:/,
    rooms: ["core/files", "core/run", "core/hub", "core/data/formats", "core/device"],
  },
  { what: "the network", pattern: /\bawait fetch\(/, rooms: ["core/hub", "core/server"] },
  { what: "a thread", pattern: /\bnew Worker\(/, rooms: ["core/device", "core/label"] },
];

const CHECKED = ["core", "kernels"];
/** Parts of the tree in which no two files may have the same name. */
const NAMED = ["mod.ts", "engine.ts", "cli", "core", "kernels"];

/** Every violation under `root`, one line each; empty if all is well. */
export async function checkPlatform(root: string): Promise<string[]> {
  const problems: string[] = [];
  for (const top of CHECKED) {
    for (const path of await modulesIn(root, top)) {
      const lines = withoutComments(await Deno.readTextFile(join(root, path))).split("\n");
      for (const { what, pattern, rooms } of USES) {
        if (rooms.some((room) => path.startsWith(`${room}/`))) continue;
        const line = lines.findIndex((text) => pattern.test(text));
        if (line !== -1) {
          problems.push(`${path}:${line + 1} uses ${what}: only ${rooms.join(", ")} may`);
        }
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

/** The text with its comments blanked, line by line. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/^\s*\/\/.*$/gm, "");
}
