/** WGSL that makes the entries of a KV cache and reads them. Kernels are generated with it. @module */
import type { Slice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import { eightText } from "../storage/storage_text.ts";

/** The 16-bit types that keys and values can be rounded to, two numbers to a word, the first in its lower half. */
export type RoundedStorage = "bf16" | "f16";

/** How keys and values are stored in a KV cache. */
export type CacheStorage = "f32" | RoundedStorage;

/** What a KV cache of rounded keys and values has besides them. */
export interface RoundedCache {
  /** What they are rounded to, to nearest even. */
  storage: RoundedStorage;
  /** u32 [1]: set to 1 where a key or value is beyond the largest number of the type, else left alone. */
  overflow: Slice;
}

/** Elements that an entry of a cache holds, for `V` of `width` elements in a head of `headDim`, which is even. */
export function entryElements(
  storage: CacheStorage,
  { headDim, width }: { headDim: number; width: 1 | 4 },
): number {
  if (storage === "f32") return width;
  return width === 1 ? 2 : headDim % 8 === 0 ? 8 : 4;
}

/**
 * The part that declares `Entry`, the element type of a cache of `elements` numbers each; `first` and, if it holds two
 * V, `second`, which give them as float32; `entry_of`, which makes an entry of its V, rounded; and, unless the numbers
 * are stored in full, `is_infinite`. Needs V.
 */
export function entryPart(storage: CacheStorage, elements: number): SourcePart {
  const text = storage === "f32"
    ? `alias Entry = V;
fn entry_of(a: V) -> Entry { return a; }
fn first(e: Entry) -> V { return e; }
`
    : `${eightText(storage)}${HALVES[storage]}
fn packed(v: vec4f) -> vec2u {
  let h = halves(bitcast<vec4u>(v));
  return h.xz | (h.yw << vec2u(16u));
}
${ENTRIES[elements]}
`;
  return { name: "kernels/attention/cache_text.ts (generated)", text };
}

/**
 * Declares `halves`, float32's bits to 16 bits, rounded to nearest even, in integers: WGSL leaves the rounding of its
 * own conversion to the device. NaN stays NaN.
 */
const HALVES: Readonly<Record<RoundedStorage, string>> = {
  bf16: `const INFINITE = 0x7f80u;
fn halves(u: vec4u) -> vec4u {
  let nearest = (u + vec4u(0x7fffu) + ((u >> vec4u(16u)) & vec4u(1u))) >> vec4u(16u);
  // The quiet bit keeps a NaN whose payload is in the dropped half from becoming infinite.
  let nan = (u >> vec4u(16u)) | vec4u(0x40u);
  return select(nearest, nan, (u & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}`,
  f16: `const INFINITE = 0x7c00u;
fn halves(u: vec4u) -> vec4u {
  let size = u & vec4u(0x7fffffffu);
  let normal = (size - vec4u(0x38000000u) + vec4u(0xfffu) + ((size >> vec4u(13u)) & vec4u(1u))) >> vec4u(13u);
  // Below binary16's normal numbers 2^-24 is the unit; from 25 dropped bits on nothing is left.
  let drop = min(vec4u(126u) - (size >> vec4u(23u)), vec4u(25u));
  let whole = (size & vec4u(0x7fffffu)) | vec4u(0x800000u);
  let tiny = (whole + (vec4u(1u) << (drop - vec4u(1u))) - vec4u(1u) + ((whole >> drop) & vec4u(1u))) >> drop;
  let number = min(select(normal, tiny, size < vec4u(0x38800000u)), vec4u(INFINITE));
  return select(number, vec4u(0x7e00u), size > vec4u(0x7f800000u)) | ((u >> vec4u(16u)) & vec4u(0x8000u));
}`,
};

/** Entries by the elements that they hold: two V of 4, one V of 4 (which no kernel makes), two V of 1. */
const ENTRIES: Readonly<Record<number, string>> = {
  8: `alias Entry = vec4u;
fn entry_of(a: V, b: V) -> Entry { return vec4u(packed(a), packed(b)); }
fn first(e: Entry) -> V { return widen(e.xy); }
fn second(e: Entry) -> V { return widen(e.zw); }
fn is_infinite(e: Entry) -> bool {
  let wanted = vec4u(INFINITE);
  return any((e & vec4u(0x7fffu)) == wanted) || any(((e >> vec4u(16u)) & vec4u(0x7fffu)) == wanted);
}`,
  4: `alias Entry = vec2u;
fn first(e: Entry) -> V { return widen(e); }`,
  2: `alias Entry = u32;
fn entry_of(a: V, b: V) -> Entry { return packed(vec4f(a, b, 0.0, 0.0)).x; }
fn first(e: Entry) -> V { return widen(vec2u(e, 0u)).x; }
fn second(e: Entry) -> V { return widen(vec2u(e, 0u)).y; }
fn is_infinite(e: Entry) -> bool {
  return any((vec2u(e, e >> 16u) & vec2u(0x7fffu)) == vec2u(INFINITE));
}`,
};
