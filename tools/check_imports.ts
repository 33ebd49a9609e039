/** Checks that imports run downwards only, and never in a circle. @module */
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Rooms of core/ from the top down. A room imports from its own level and from those below; no room imports upwards. A
 * folder within a room is a part of it, unless it is listed here by itself.
 */
const CORE_LEVELS: readonly (readonly string[])[] = [
  ["plan", "engine", "watch"],
  ["loop"],
  ["evaluate", "export", "report"],
  ["train", "label", "generate"],
  ["run"],
  ["device", "model", "benchmark"],
  ["data", "checkpoint"],
  ["data/tokenizer"],
  ["data/formats", "model/families", "config", "hub", "server", "cluster"],
  ["files"],
];

/** Rooms of kernels/ from the top down; "." holds the files beside the folders. */
const KERNEL_LEVELS: readonly (readonly string[])[] = [
  ["tune.ts"],
  ["attention", "lm_head", "loss", "matmul", "mlp", "norm", "optimizer", "random", "rows", "sampling", "storage"],
  ["."],
  ["device"],
];

/** What each part of the tree may import besides itself, by the names that `placeOf` gives. */
const IMPORT_RULES: Readonly<Record<string, readonly string[]>> = {
  "mod.ts": ["core", "core/*.ts", "kernels"],
  "engine.ts": ["core", "core/*.ts", "kernels"],
  "cli": ["core", "core/*.ts", "kernels", "deno.json"],
  "core": ["core/*.ts", "kernels", "deno.json"],
  "core/*.ts": [],
  "kernels": [],
  "examples": ["mod.ts", "engine.ts"],
  "bench": ["mod.ts", "engine.ts", "cli", "core", "core/*.ts", "kernels", "deno.json"],
};

const ROOTS = ["mod.ts", "engine.ts", "cli", "core", "kernels", "examples", "bench"];

/** One import of one file of the project by another; paths relative to the root, with `/`. */
interface Import {
  from: string;
  to: string;
  /** Line of the import in `from`, from 1. */
  line: number;
}

/** Every violation under `root`, one line each: `file:line imports file: rule`; empty if all is well. */
export async function checkImports(root: string): Promise<string[]> {
  const { imports, errors } = await readImports(root);
  const problems = [...errors];
  for (const edge of imports) {
    const rule = brokenRule(edge);
    if (rule !== null) problems.push(`${edge.from}:${edge.line} imports ${edge.to}: ${rule}`);
  }
  const cycle = findCycle(imports.map(({ from, to }) => [from, to]));
  if (cycle !== null) problems.push(`cycle of files: ${cycle.join(" > ")}`);
  const rooms = imports.flatMap(({ from, to }): [string, string][] => {
    const [a, b] = [roomOf(from), roomOf(to)];
    return a === null || b === null || a === b || placeOf(from) !== placeOf(to) ? [] : [[a, b]];
  });
  const roomCycle = findCycle(rooms);
  if (roomCycle !== null) problems.push(`cycle of rooms: ${roomCycle.join(" > ")}`);
  return problems;
}

function placeOf(path: string): string {
  if (/^core\/[^/]+\.ts$/.test(path)) return "core/*.ts";
  return path.split("/")[0]!;
}

/** The levels of the tree that `path` is in. */
function levelsOf(path: string): readonly (readonly string[])[] {
  return path.startsWith("kernels/") ? KERNEL_LEVELS : CORE_LEVELS;
}

/** The room of a file of core/ or kernels/, such as `core/data/formats`: the deepest that the levels name, or null. */
function roomOf(path: string): string | null {
  const [top, ...rest] = path.split("/");
  if (top !== "core" && top !== "kernels") return null;
  const known = levelsOf(path).flat();
  for (let length = rest.length; length > 0; length--) {
    const room = rest.slice(0, length).join("/");
    if (known.includes(room)) return `${top}/${room}`;
  }
  if (rest.length === 1) return known.includes(".") ? `${top}/.` : null;
  return `${top}/${rest[0]}`;
}

function brokenRule({ from, to }: Import): string | null {
  const [a, b] = [placeOf(from), placeOf(to)];
  if (a === b && (a === "core" || a === "kernels")) return brokenRoomRule(from, to);
  if (a === b) return null;
  const allowed = IMPORT_RULES[a];
  if (allowed === undefined) return `${a} has no rule in tools/check_imports.ts`;
  return allowed.includes(b) ? null : `${a} may import ${allowed.join(", ") || "nothing else of the project"}`;
}

function brokenRoomRule(from: string, to: string): string | null {
  const levels = levelsOf(from);
  const levelOf = (path: string): number => {
    const room = roomOf(path)?.split("/").slice(1).join("/") ?? "";
    return levels.findIndex((rooms) => rooms.includes(room));
  };
  const [a, b] = [levelOf(from), levelOf(to)];
  const stray = a === -1 ? from : b === -1 ? to : null;
  if (stray !== null) return `${stray} is in no known room of ${placeOf(from)}/ (${levels.flat().join(", ")})`;
  return a <= b ? null : `${roomOf(from)} is below ${roomOf(to)}`;
}

/** The first cycle of a directed graph, its first node repeated at the end; null if there is none. */
export function findCycle(edges: readonly (readonly [string, string])[]): string[] | null {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of edges) next.set(from, (next.get(from) ?? new Set()).add(to));
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string[] | null => {
    const at = path.indexOf(node);
    if (at !== -1) return [...path.slice(at), node];
    if (done.has(node)) return null;
    path.push(node);
    for (const to of next.get(node) ?? []) {
      const cycle = visit(to);
      if (cycle !== null) return cycle;
    }
    path.pop();
    done.add(node);
    return null;
  };
  for (const node of next.keys()) {
    const cycle = visit(node);
    if (cycle !== null) return cycle;
  }
  return null;
}

interface Graph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { code?: Target; type?: Target }[];
  }[];
}
interface Target {
  specifier?: string;
  span: { start: { line: number } };
}

/** Imports between the files under `root`, as Deno resolves them, including type-only and dynamic ones. */
async function readImports(root: string): Promise<{ imports: Import[]; errors: string[] }> {
  const seen = new Set<string>();
  const imports: Import[] = [];
  const errors: string[] = [];
  const local = (specifier: string): string | null => {
    if (!specifier.startsWith("file:")) return null;
    const path = relative(root, fileURLToPath(specifier));
    return path.startsWith("..") ? null : path.split(sep).join("/");
  };
  for (const file of await listModules(root)) {
    if (seen.has(file)) continue;
    for (const module of (await readGraph(root, file)).modules) {
      const from = local(module.specifier);
      if (from === null || seen.has(from)) continue;
      seen.add(from);
      if (module.error !== undefined) errors.push(`${from}: ${module.error.split("\n")[0]}`);
      for (const { code, type } of module.dependencies ?? []) {
        const target = code ?? type;
        const to = local(target?.specifier ?? "");
        if (to !== null) imports.push({ from, to, line: target!.span.start.line + 1 });
      }
    }
  }
  return { imports, errors };
}

/** The modules under `root`, with entry points first, so that one graph covers most files. */
async function listModules(root: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(join(root, folder))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (path.endsWith(".ts")) files.push(path);
    }
  };
  for (const name of ROOTS) {
    const info = await Deno.stat(join(root, name)).catch(() => null);
    if (info?.isFile) files.push(name);
    else if (info?.isDirectory) await walk(name);
  }
  const entries = ["mod.ts", "engine.ts", "cli/main.ts"];
  const rank = (path: string): number => entries.includes(path) ? entries.indexOf(path) : entries.length;
  return files.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

async function readGraph(root: string, file: string): Promise<Graph> {
  const args = ["info", "--json", file];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
