/** Tests on the shared folder of real inputs, which is not part of the repository. @module */
import { fileURLToPath } from "node:url";

const folder = Deno.env.get("DNPO_SHARED") ?? fileURLToPath(new URL("../../../shared", import.meta.url));
const present = exists(folder);
if (!present) console.log("shared: NOT RUN");

/** A path within the shared folder: that of DNPO_SHARED, or `../shared` beside the repository. */
export function sharedPath(...parts: string[]): string {
  return [folder, ...parts].join("/");
}

/** Registers a test that reads the shared folder; registers nothing where the folder is missing. */
export function sharedTest(name: string, run: () => void | Promise<void>): void {
  if (present) Deno.test(name, run);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
