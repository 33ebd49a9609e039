/** What an error says of a key that a config cannot have. @module */
import { keysElsewhere, knownKeys, nearestKey } from "./config_keys.ts";
import { answerWithoutKey } from "./foreign/foreign_answers.ts";
import { ourName } from "./foreign/foreign_names.ts";

/**
 * The answer to the unknown `key` inside `parent` (dotted, "" at the top): what another program's key is called here or
 * that there is none, where a known key belongs, or the nearest known one. It ends the line `KEY: unknown key, …`.
 */
export function answerTo(parent: string, key: string): string {
  const word = key.toLowerCase().replaceAll("-", "_");
  const theirs = ourName(parent, word);
  if (theirs !== undefined) return `here it is ${theirs}`;
  const answer = answerWithoutKey(word);
  if (answer !== undefined) return answer;
  const elsewhere = keysElsewhere(key);
  if (elsewhere.length > 0) return `here it is ${elsewhere.slice(0, 3).join(" or ")}`;
  const nearest = nearestKey(parent, key);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  const inside = keysOf(parent);
  return inside.length > 0 && inside.length <= 12
    ? `expected one of ${inside.join(", ")}`
    : 'expected one that "dnpo config" prints';
}

function keysOf(parent: string): string[] {
  return [...knownKeys().keys()].filter((path) => path.startsWith(`${parent}.`)).map((path) =>
    path.slice(parent.length + 1)
  ).filter((key) => !key.includes("."));
}
