/** The table of known keys, and the nearest of them to a misspelt one. @module */
import { configJsonSchema } from "./config_schema.ts";

/** A known key: its dotted path without list positions, and whether it holds a number. */
export interface KnownKey {
  /** Such as `training.beta`. */
  path: string;
  /** Whether a number is what it holds, alone or in a list. */
  numeric: boolean;
}

/** What is read of a JSON Schema here. */
interface Node {
  type?: string;
  properties?: Record<string, Node>;
  anyOf?: Node[];
  items?: Node;
}

function collect(node: Node, path: string, found: Map<string, KnownKey>): void {
  if (node.type === "number" || node.type === "integer") found.set(path, { path, numeric: true });
  for (const branch of node.anyOf ?? []) collect(branch, path, found);
  if (node.items) collect(node.items, path, found);
  for (const [key, value] of Object.entries(node.properties ?? {})) {
    const inner = path === "" ? key : `${path}.${key}`;
    if (!found.has(inner)) found.set(inner, { path: inner, numeric: false });
    collect(value, inner, found);
  }
}

let table: Map<string, KnownKey> | undefined;

/** All known keys by path, in the schema's order. */
export function knownKeys(): Map<string, KnownKey> {
  if (table === undefined) {
    table = new Map();
    collect(configJsonSchema() as Node, "", table);
  }
  return table;
}

/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** How unlike a known name a word is: edits, or 1 for initials (`lr`) and parts of the name (`batch_size`). */
function unlikeness(word: string, name: string): number {
  const edits = editDistance(word, name);
  const parts = name.split("_");
  const abbreviated = (parts.length > 1 && word === parts.map((part) => part[0]).join("")) ||
    (word.length >= 3 && name.includes(word));
  return abbreviated ? Math.min(1, edits) : edits;
}

/** The one of `words` that `word` is a slip of, or undefined. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  const typed = word.slice(0, 64).toLowerCase().replaceAll("-", "_");
  const shared = (name: string): number => {
    let length = 0;
    while (length < name.length && name[length] === typed[length]) length++;
    return length;
  };
  const [nearest] = words.map((name) => ({ name, distance: unlikeness(typed, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || shared(b.name) - shared(a.name));
  return nearest && nearest.distance <= Math.max(1, typed.length / 3) ? nearest.name : undefined;
}

/** The known key nearest to the unknown `key` inside `parent` (dotted, "" at the top). Its own room is preferred. */
export function nearestKey(parent: string, key: string): string {
  // A key is a word: comparing more of it than this would only cost time.
  const word = key.slice(0, 64).toLowerCase().replaceAll("-", "_");
  let nearest = "";
  let least = Infinity;
  for (const path of knownKeys().keys()) {
    const cut = path.lastIndexOf(".");
    const elsewhere = path.slice(0, Math.max(cut, 0)) === parent ? 0 : 1.5;
    const distance = unlikeness(word, path.slice(cut + 1)) + elsewhere;
    if (distance < least) {
      least = distance;
      nearest = path;
    }
  }
  return nearest;
}
