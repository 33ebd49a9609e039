/** Files of a run. @module */

/** Paths of all files under `dir`, sorted; none where there is no such folder. */
export async function walk(dir: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(dir)) {
      paths.push(...(isDirectory ? await walk(`${dir}/${name}`) : [`${dir}/${name}`]));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return paths.sort();
}
