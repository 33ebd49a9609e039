/** The table of known keys, and the known key that an unknown one was probably meant to be. @module */
import type { z } from "zod";
import { configSchema } from "./config_schema.ts";
import { factsOf, type KeyFacts, textOf } from "./keys/key.ts";
import { unlikeness } from "./nearest_word.ts";

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

/** Our keys by the names that TRL or Hugging Face's libraries have for them, if these differ from ours. */
function keysByForeignName(): Map<string, string> {
  const found = new Map<string, string>();
  for (const { path, facts } of knownKeys().values()) {
    for (const [, name] of (facts.hf ?? []).map((place) => place.split("."))) {
      if (name !== undefined && !found.has(name)) found.set(name, path);
    }
  }
  return found;
}

/**
 * The known key that the unknown `key` inside `parent` (dotted, "" at the top) was probably meant to be: the one that
 * has this name in TRL or Hugging Face's libraries, else the nearest in spelling, with keys inside `parent` preferred.
 */
export function nearestKey(parent: string, key: string): string {
  // No known key is as long as this; comparing more of the word would only cost time.
  const word = key.slice(0, 64).toLowerCase().replaceAll("-", "_");
  const foreign = keysByForeignName().get(word);
  if (foreign !== undefined) return foreign;
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
