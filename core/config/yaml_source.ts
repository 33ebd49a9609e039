/** Reads a config's YAML file: plain values, and the line and column of each. @module */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, Node, Pair } from "yaml";
import { UserError } from "../error.ts";
import { fileSystem, isNotFound } from "../files/file_system.ts";
import { maskCredentials } from "../safe_text.ts";
import { isRecord } from "../values.ts";

/** A mapping of the config. It has no prototype, so that a key such as `__proto__` is only a key. */
export interface Mapping {
  [key: string]: unknown;
}

/** A path into the config: keys, and positions in lists. */
export type Path = readonly (string | number)[];

/** A config file that was read. */
export interface YamlSource {
  /** Its values, without those that are null. */
  values: Mapping;
  /** `FILE:LINE:COLUMN` of the value at a path (with `key`: of its key), or of the nearest thing around it. */
  locate(path: Path, options?: { key?: boolean }): string;
  /** The line of the key at a path, or of the nearest thing around it; counts from 1. */
  lineOf(path: Path): number;
}

/** Above any real config. The parser compares every key of a mapping with every other, so size must be limited. */
const MAX_BYTES = 1 << 15;
const MAX_DEPTH = 16;

/** Whether a value is a mapping, as opposed to a list or a scalar. */
export function isMapping(value: unknown): value is Mapping {
  return isRecord(value);
}

/** Copies plain data into mappings without prototype, leaving out nulls. Throws a UserError if it nests too deep. */
export function plain(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new UserError(`nested deeper than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (!isMapping(value)) return value;
  const tagged = Object.prototype.toString.call(value).slice(8, -1);
  if (tagged !== "Object") throw new UserError(`expected plain values, got a ${tagged}`);
  const copy: Mapping = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && item !== undefined) copy[key] = plain(item, depth + 1);
  }
  return copy;
}

/** The text of a config file. Throws a UserError if it cannot be read, is no UTF-8, or is larger than any real config. */
export async function readConfigText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    const info = await fileSystem().stat(file);
    if (!info.isFile) throw new UserError(`Cannot read config "${file}": it is no file, expected a YAML file`);
    if (info.size > MAX_BYTES) {
      throw new UserError(`Cannot read config "${file}": it has ${info.size} bytes, expected at most ${MAX_BYTES}`);
    }
    bytes = await fileSystem().readFile(file);
  } catch (error) {
    // A missing permission (NotCapable) is reported by its own message.
    if (error instanceof UserError || (error as Error).name === "NotCapable") throw error;
    throw new UserError(
      `Cannot read config "${file}": ${isNotFound(error) ? "there is no such file" : (error as Error).message}`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`Cannot read config "${file}": it is not UTF-8 text`);
  }
}

/** How a YAML file is read. */
export interface YamlOptions {
  /** Whether it is read by YAML 1.1, as Python reads it, where `no` is false, and only texts are keys. */
  isPython?: boolean;
  /** What stands for a float, given with its text. */
  float?: (source: string, value: number) => unknown;
}

/** Reads a YAML config file. Throws a UserError with line and column if it is not one YAML mapping. */
export async function readSource(file: string): Promise<YamlSource> {
  return parseSource(file, await readConfigText(file));
}

/** As {@linkcode readSource}, from the text of a file that was read. */
export function parseSource(file: string, text: string, { isPython = false, float }: YamlOptions = {}): YamlSource {
  const counter = new LineCounter();
  const version = isPython ? "1.1" : "1.2";
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, version });
  const at = (offset: number) => {
    const { line, col } = counter.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken) throw new UserError(`${at(broken.pos[0])} ${broken.message.split("\n")[0]}`);
  visit(document, {
    Pair(_, { key }) {
      if (!isPython || !isScalar(key) || typeof key.value === "string") return;
      const place = at(key.range?.[0] ?? 0);
      throw new UserError(`${place} the key is ${JSON.stringify(key.value)}, expected a text in quotes`);
    },
    Scalar(_, node) {
      if (float === undefined || typeof node.value !== "number" || !/[.eE]/.test(node.source ?? "")) return;
      node.value = float(node.source!, node.value);
    },
  });
  let values: unknown;
  try {
    values = plain(document.toJS()) ?? Object.create(null);
  } catch (error) {
    // An alias without an anchor, too many aliases, or an alias that contains itself.
    throw new UserError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  if (!isMapping(values)) {
    throw new UserError(
      `${at(document.contents?.range?.[0] ?? 0)} expected a mapping of settings, got ${show(values)}`,
    );
  }
  return {
    values,
    locate: (path, { key = false } = {}) => {
      const offset = offsetOf(document, path, key);
      return offset === undefined ? file : at(offset);
    },
    lineOf: (path) => counter.linePos(offsetOf(document, path, true) ?? 0).line,
  };
}

function pairOf(node: Node, key: string | number): Pair<Node, Node | null> | undefined {
  if (!isMap<Node, Node | null>(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function offsetOf(document: Document, path: Path, wantKey: boolean): number | undefined {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0];
  for (const [i, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (node === null) break;
    const pair = pairOf(node, step);
    const next: unknown = pair ? pair.value : isSeq(node) && typeof step === "number" ? node.items[step] : null;
    if (pair && ((wantKey && i === path.length - 1) || !next)) offset = pair.key.range?.[0] ?? offset;
    if (!next) break;
    node = next as Node;
    if (!(wantKey && i === path.length - 1 && pair)) offset = node.range?.[0] ?? offset;
  }
  return offset;
}

/** A value as an error message shows it: short, in one line. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isMapping(value)) return "a mapping";
  if (value === undefined || value === null) return "nothing";
  const text = maskCredentials(typeof value === "string" ? JSON.stringify(value) : String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
