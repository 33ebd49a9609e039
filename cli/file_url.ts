/** Paths of files that come with the program. @module */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The path of a file URL, relative to the working directory where that is shorter. */
export function fromFileUrl(url: URL): string {
  const path = fileURLToPath(url);
  const near = relative(Deno.cwd(), path);
  return near.length < path.length ? near : path;
}
