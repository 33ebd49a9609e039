/** The files that a verifier's text imports. @module */
import { shortQuote } from "../data/formats/data_problems.ts";
import { UserError } from "../error.ts";
import { fileSystem } from "../files/file_system.ts";
import { fromFileUrl, toFileUrl } from "../files/file_url.ts";
import { readOptionalText } from "../files/io.ts";

/** `from "./a.ts"`, `import "./a.ts"` and `import("./a.ts")`; a word in a comment that looks like one does no harm. */
const IMPORTED = /\b(?:from|import)\s*\(?\s*(["'])(\.{1,2}\/[^"'\n]*)\1/g;

/** What is loaded from elsewhere, or by a name that only dnpo itself knows: `from "npm:a"`, `import "a"`, `import("npm:a")`. */
const REFUSED = [
  /^[ \t]*(?:import|export)\b[^;"'`]{0,2000}?\bfrom\s*(["'])(?!\.{0,2}\/|node:|file:|data:)([^"'\n]+)\1/gm,
  /^[ \t]*import\s*(["'])(?!\.{0,2}\/|node:|file:|data:)([^"'\n]+)\1/gm,
  /\bimport\s*\(\s*(["'])((?:npm|jsr|https?):[^"'\n]*)\1/g,
];

/** What may be imported instead. */
export const EXPECTED_IMPORTS = "expected modules of its own folder (./NAME.ts) or of node: alone";

/** What may be imported: modules and tables, and not, say, `.env`. */
const MODULE = /\.(?:[cm]?[jt]s|[jt]sx|json|wasm)$/;

/** More files than this are no verifier's. */
const MAX_FILES = 1000;

/**
 * The verifier's file and those of its folder that it imports by name, and so on: what its thread must read to load it.
 * Files elsewhere are not among them, so that a verifier gets at none by importing it. Throws a UserError for a
 * package or an address: these would be downloaded, or be another version with another dnpo.
 */
export async function importedFiles(path: string): Promise<string[]> {
  const folder = await realPath(fromFileUrl(new URL("./", toFileUrl(path))));
  const found = new Map([[toFileUrl(path), path]]);
  for (const [url, file] of found) {
    // What cannot be read is told by Deno, which loads it.
    const text = file.endsWith(".json") ? null : await readOptionalText(file).catch(() => null);
    if (text !== null) refusePackages(path, { text, name: url.slice(url.lastIndexOf("/") + 1) });
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

function refusePackages(path: string, { text, name }: { text: string; name: string }): void {
  for (const pattern of REFUSED) {
    for (const { 0: all, 2: imported, index } of text.matchAll(pattern)) {
      const line = text.slice(0, index + all.length).split("\n").length;
      const what = `${shortQuote(imported!)} is imported in ${decodeURIComponent(name)}, line ${line}`;
      throw new UserError(`Cannot load verifier ${path}: ${what}, ${EXPECTED_IMPORTS}`);
    }
  }
}

/** The path without links; as it is if nothing is there. */
async function realPath(path: string): Promise<string> {
  return await fileSystem().realPath(path).catch(() => path);
}

function isWithin(path: string, folder: string): boolean {
  return toFileUrl(path).startsWith(`${toFileUrl(folder).replace(/\/$/, "")}/`);
}
