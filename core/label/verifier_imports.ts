/** The files that a verifier's text imports. @module */
import { fileSystem } from "../files/file_system.ts";
import { fromFileUrl, toFileUrl } from "../files/file_url.ts";
import { readOptionalText } from "../files/io.ts";

/** `from "./a.ts"`, `import "./a.ts"` and `import("./a.ts")`; a word in a comment that looks like one does no harm. */
const IMPORTED = /\b(?:from|import)\s*\(?\s*(["'])(\.{1,2}\/[^"'\n]*)\1/g;

/** What may be imported: modules and tables, and not, say, `.env`. */
const MODULE = /\.(?:[cm]?[jt]s|[jt]sx|json|wasm)$/;

/** More files than this are no verifier's. */
const MAX_FILES = 1000;

/**
 * The verifier's file and those of its folder that it imports by name, and so on: what its thread must read to load it.
 * Files elsewhere are not among them, so that a verifier gets at none by importing it.
 */
export async function importedFiles(path: string): Promise<string[]> {
  const folder = await realPath(fromFileUrl(new URL("./", toFileUrl(path))));
  const found = new Map([[toFileUrl(path), path]]);
  for (const [url, file] of found) {
    // What cannot be read is told by Deno, which loads it.
    const text = file.endsWith(".json") ? null : await readOptionalText(file).catch(() => null);
    for (const [, , name] of (text ?? "").matchAll(IMPORTED)) {
      const imported = new URL(name!, url);
      imported.search = imported.hash = "";
      if (found.has(imported.href) || !MODULE.test(imported.pathname) || found.size === MAX_FILES) continue;
      const there = fromFileUrl(imported);
      // A link may lead out of the folder.
      if (isWithin(await realPath(there), folder)) found.set(imported.href, there);
    }
  }
  return [...found.values()];
}

/** The path without links; as it is if nothing is there. */
async function realPath(path: string): Promise<string> {
  return await fileSystem().realPath(path).catch(() => path);
}

function isWithin(path: string, folder: string): boolean {
  return toFileUrl(path).startsWith(`${toFileUrl(folder).replace(/\/$/, "")}/`);
}
