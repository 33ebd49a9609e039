/** Prints the options that keep out of the binary what no program of it reads: sources that a package brings. @module */
import { join } from "node:path";

/** Packages with their TypeScript in a folder that their modules never import, of many megabytes. */
const UNUSED: readonly (readonly [name: string, folder: string])[] = [["openai", "src"]];

/** `--exclude FOLDER` for each such folder in the cache that `deno info --json`, read from standard input, names. */
async function excludes(): Promise<string[]> {
  const { npmCache } = JSON.parse(await new Response(Deno.stdin.readable).text()) as { npmCache: string };
  const found: string[] = [];
  // A registry has a folder there, a package one in it, and a version one in that.
  for (const [name, folder] of UNUSED) {
    for (const registry of namesIn(npmCache)) {
      for (const version of namesIn(join(npmCache, registry, name))) {
        const path = join(npmCache, registry, name, version, folder);
        if (namesIn(path).length > 0) found.push("--exclude", path);
      }
    }
  }
  return found;
}

/** The names in a folder; none if there is no such folder. */
function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

if (import.meta.main) console.log((await excludes()).join(" "));
