/** The table of known keys, and the known key that an unknown one was probably meant to be. @module */
import type { z } from "zod";
import { configSchema } from "./config_schema.ts";
import { factsOf, type KeyFacts, textOf } from "./keys/key.ts";
import { nearEnough, unlikeness } from "./nearest_word.ts";

/** A known key. */
export interface KnownKey {
  /** Its dotted path without list positions, such as `training.beta`. */
  path: string;
  /** Its description. */
  text: string;
  /** Its value if it is not set; undefined if it is then absent. */
  default: unknown;
  /** Whether it holds a number or a list of numbers. */
  numeric: boolean;
  /** The words that it accepts; empty if it accepts other values. */
  words: readonly string[];
  /** Further facts about it. */
  facts: KeyFacts;
}

/** A schema with the schemas it contains: the one it wraps, its items, its branches; but not the keys of mappings. */
function layersOf(schema: z.core.$ZodType): z.core.$ZodTypes[] {
  const layer = schema as z.core.$ZodTypes;
  const { def } = layer._zod;
  switch (def.type) {
    case "optional":
    case "default":
    case "prefault":
      return [layer, ...layersOf(def.innerType)];
    case "pipe":
      return [layer, ...layersOf(def.in)];
    case "array":
      return [layer, ...layersOf(def.element)];
    case "union":
      return [layer, ...def.options.flatMap(layersOf)];
    default:
      return [layer];
  }
}

function wordsOf(layer: z.core.$ZodTypes): string[] {
  const { def } = layer._zod;
  if (def.type === "boolean") return ["true", "false"];
  return def.type === "enum" ? Object.values(def.entries).map(String) : [];
}

function collect(schema: z.core.$ZodType, parent: string, found: Map<string, KnownKey>): void {
  for (const { _zod: { def } } of layersOf(schema)) {
    if (def.type !== "object") continue;
    for (const [name, value] of Object.entries(def.shape)) {
      const path = parent === "" ? name : `${parent}.${name}`;
      const layers = layersOf(value);
      const defaults = layers.map((layer) => layer._zod.def)
        .flatMap((def) => def.type === "default" || def.type === "prefault" ? [def.defaultValue] : []);
      const facts = factsOf(value);
      found.set(path, {
        path,
        text: textOf(value),
        default: defaults[0] ?? facts.filledIn,
        numeric: layers.some((layer) => layer._zod.def.type === "number"),
        words: [...new Set(layers.flatMap(wordsOf))],
        facts,
      });
      collect(value, path, found);
    }
  }
}

let table: Map<string, KnownKey> | undefined;

/** All known keys by path, in the schema's order. */
export function knownKeys(): Map<string, KnownKey> {
  if (table === undefined) {
    table = new Map();
    collect(configSchema, "", table);
  }
  return table;
}

/** The last step of a dotted path. */
function leafOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** How an unknown key is written in the tables of known ones; no known key is longer than what is kept. */
function normalized(key: string): string {
  return key.slice(0, 64).toLowerCase().replaceAll("-", "_");
}

/**
 * The known keys that have the name of the unknown `key` in another place. Those that TRL or Hugging Face's libraries
 * have under this name go before all others, and a key of a section before those inside it.
 */
export function keysElsewhere(key: string): string[] {
  const named = [...knownKeys().values()].filter(({ path }) => leafOf(path) === normalized(key));
  const theirs = named.filter(({ facts }) => facts.hf?.some((place) => !place.includes(".")));
  const found = (theirs.length > 0 ? theirs : named).map(({ path }) => path);
  const depth = Math.min(...found.map((path) => path.split(".").length));
  return found.filter((path) => path.split(".").length === depth);
}

/**
 * The known key that the unknown `key` inside `parent` (dotted, "" at the top) was probably meant to be: the nearest in
 * spelling, with keys inside `parent` preferred; undefined if none is near enough.
 */
export function nearestKey(parent: string, key: string): string | undefined {
  const word = normalized(key);
  let nearest: string | undefined;
  let least = Infinity;
  for (const path of knownKeys().keys()) {
    const isInside = path.slice(0, Math.max(path.lastIndexOf("."), 0)) === parent;
    const unlike = unlikeness(word, leafOf(path));
    // Where the section is right, half of a short word may be wrong.
    if (unlike > (isInside ? word.length / 2 : nearEnough(word)) || unlike >= word.length) continue;
    const distance = unlike + (isInside ? 0 : 1.5);
    if (distance < least) {
      least = distance;
      nearest = path;
    }
  }
  return nearest;
}
