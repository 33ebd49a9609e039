/** The normalizer that sentencepiece compiles: a table of texts and what each becomes. @module */
import type { TokenizerPart } from "./tokenizer_part.ts";

/** The longest cluster of characters, in bytes, that is looked up as a whole. */
const MAX_CLUSTER = 5;

const encoder = new TextEncoder();

/**
 * Reads a normalizer `Precompiled`. As in Rust's library, a cluster of characters becomes what the shortest entry at
 * its beginning says; longer clusters are taken apart. Throws a UserError if the table is broken.
 */
export function readPrecompiled(part: TokenizerPart): (text: string) => string {
  const charsMap = part.text("precompiled_charsmap");
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(charsMap), (char) => char.charCodeAt(0));
  } catch {
    throw part.refusal("precompiled_charsmap", "base64");
  }
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? 0 : view.getUint32(0, true);
  if (size % 4 !== 0 || size === 0 || size + 4 > bytes.length) throw part.refusal("precompiled_charsmap", "a table");
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + size);
  const known = new Map<string, string | null>();
  const lookUp = (text: string): string | null => {
    const there = known.get(text);
    if (there !== undefined) return there;
    const at = shortestEntry(units, encoder.encode(text));
    const found = at === null ? null : textAt(texts, at);
    if (known.size < MAX_KNOWN) known.set(text, found);
    return found;
  };
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  return (text) => {
    let result = "";
    const add = (cluster: string): void => {
      const whole = cluster.length <= MAX_CLUSTER && encoder.encode(cluster).length <= MAX_CLUSTER
        ? lookUp(cluster)
        : null;
      if (whole !== null) result += whole;
      else for (const char of cluster) result += lookUp(char) ?? char;
    };
    for (const [run, others] of text.matchAll(ASCII_OR_NOT)) {
      if (others === undefined) { for (const char of run) add(char); }
      else for (const { segment } of segmenter.segment(run)) add(segment);
    }
    return result;
  };
}

/**
 * Runs of ASCII, in which each character is a cluster; and others, with the ASCII around them that may belong to a
 * cluster.
 */
// deno-lint-ignore no-control-regex
const ASCII_OR_NOT = /[\0-\x0c\x0e-\x7f]+(?![^\0-\x7f])|([^]+?[\0-\x0c\x0e-\x7f](?=[\0-\x0c\x0e-\x7f])|[^]+)/gu;

/** The most texts whose entries are kept. */
const MAX_KNOWN = 1 << 14;

/** The value of the shortest entry that `key` begins with; null if there is none. */
function shortestEntry(units: Uint32Array, key: Uint8Array): number | null {
  let at = offsetOf(units[0]!);
  for (const byte of key) {
    if (byte === 0) return null;
    at ^= byte;
    const unit = units[at];
    if (unit === undefined || (unit & 0x800000ff) !== byte) return null;
    at ^= offsetOf(unit);
    if ((unit & 0x100) !== 0) return (units[at] ?? 0) & 0x7fffffff;
  }
  return null;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/** The text that begins at `at` and ends before a zero byte. */
function textAt(texts: Uint8Array, at: number): string {
  const end = texts.indexOf(0, at);
  return new TextDecoder().decode(texts.subarray(at, end === -1 ? texts.length : end));
}
