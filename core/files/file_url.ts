/** Converts paths to file URLs and back, and makes them absolute. @module */
import { relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The path of a file URL, relative to the working directory if that is shorter. */
export function fromFileUrl(url: URL): string {
  const path = fileURLToPath(url);
  const near = relative(Deno.cwd(), path);
  return near.length < path.length ? near : path;
}

/** The URL of the file at a path. */
export function toFileUrl(path: string): string {
  return pathToFileURL(resolve(path)).href;
}

/** The path from the root on. */
export function absolutePath(path: string): string {
  return resolve(path);
}
