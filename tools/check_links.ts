/**
 * Checks that every relative link of the Markdown pages leads to a file, its anchor to a heading of it, and that every
 * file of docs/ that comments, tasks and programs name is there. @module
 */
import { dirname, extname, join, normalize } from "node:path";

/** Folders that are no part of the tree, or are made by a task. */
const SKIPPED = [".git", ".dawn", ".platforms", "node_modules", "runs", "coverage", "docs/api"];
/** It names files of its own trees. */
const OWN_TEST = "tests/tools/check_links_test.ts";
/** What names files of docs/, besides the pages. */
const NAMING = [".ts", ".wgsl", ".json", ".yaml", ".yml", ".py"];

/** Every link and name that leads nowhere, one line each: `file:line links to TARGET: why`; empty if all is well. */
export async function checkLinks(root: string): Promise<string[]> {
  const paths = await filesIn(root, "");
  const pages = new Map<string, Page>();
  for (const path of paths) {
    if (extname(path) === ".md") pages.set(path, readPage(await Deno.readTextFile(join(root, path))));
  }
  const there = new Set(paths.flatMap((path) => [path, ...foldersOf(path)]));
  const problems: string[] = [];
  for (const [path, { links }] of pages) {
    for (const { target, line } of links) {
      const why = brokenLink(path, target, { there, pages });
      if (why !== null) problems.push(`${path}:${line} links to ${target}: ${why}`);
    }
  }
  for (const path of paths) {
    if (path === OWN_TEST || ![".md", ...NAMING].includes(extname(path))) continue;
    for (const { target, line } of namesIn(await Deno.readTextFile(join(root, path)))) {
      if (!there.has(target)) problems.push(`${path}:${line} names ${target}: there is no such file`);
    }
  }
  return problems;
}

interface Link {
  target: string;
  /** From 1. */
  line: number;
}

interface Page {
  links: Link[];
  anchors: Set<string>;
}

/** Links and anchors of a Markdown page, without what stands in code. */
function readPage(text: string): Page {
  const links: Link[] = [];
  const anchors = new Set<string>();
  let fence: string | null = null;
  text.split("\n").forEach((line, i) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined && (fence === null || line.trim() === fence)) {
      fence = fence === null ? mark : null;
      return;
    }
    if (fence !== null) return;
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading !== undefined) anchors.add(freeAnchor(anchorOf(heading), anchors));
    for (const [, target] of line.replace(/(`+)(?!`).*?\1/g, "").matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)) {
      links.push({ target: target!, line: i + 1 });
    }
  });
  return { links, anchors };
}

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  const text = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return text.replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "").replaceAll(" ", "-");
}

function freeAnchor(anchor: string, taken: ReadonlySet<string>): string {
  for (let i = 0;; i++) {
    const name = i === 0 ? anchor : `${anchor}-${i}`;
    if (!taken.has(name)) return name;
  }
}

/** Why a link of a page leads nowhere; null if it leads somewhere, or out of the tree. */
function brokenLink(
  from: string,
  target: string,
  { there, pages }: { there: ReadonlySet<string>; pages: ReadonlyMap<string, Page> },
): string | null {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return null;
  const [path = "", anchor] = target.split("#");
  const to = path === "" ? from : normalize(join(dirname(from), path)).replace(/\/$/, "");
  if (!there.has(to)) return "there is no such file";
  if (anchor === undefined || pages.get(to)?.anchors.has(anchor)) return null;
  return `${to} has no heading of that name`;
}

/** The files and folders of docs/ that a text names, as paths from the root. */
function namesIn(text: string): Link[] {
  return text.split("\n").flatMap((line, i) =>
    // Targets of links are checked as such.
    [...line.replace(/\]\([^()\s]*\)/g, "]()").matchAll(/(?<![\w/.-])(?:\.\.\/)*(docs\/[\w/-]+(?:\.\w+)?)/g)]
      .map(([, name]) => ({ target: name!.replace(/\/$/, ""), line: i + 1 }))
      .filter(({ target }) => !SKIPPED.includes(target))
  );
}

/** The folders above a path. */
function foldersOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

/** The files below a folder, relative to the root. */
async function filesIn(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isFile, isDirectory } of Deno.readDir(join(root, folder))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (SKIPPED.includes(path)) continue;
    if (isDirectory) found.push(...await filesIn(root, path));
    else if (isFile) found.push(path);
  }
  return found.sort();
}
