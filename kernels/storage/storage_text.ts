/** WGSL that reads stored numbers as float32, each exactly. Kernels are generated with it. @module */
import type { SourcePart } from "../device/source.ts";
import { isQuantized, NF4_LEVELS, type Storage, STORAGE_FACTS } from "./storage.ts";

/**
 * Declares `Eight`, what a load of eight neighbours gives, and `low` and `high`, which make its first and last four
 * numbers:
 *
 * - of a 16-bit type, four words;
 * - of `int8`, two words of codes and the bits of the scale as f32; of `int4` and `nf4`, one and these; of `int4z`, one
 *   and the word of the scale.
 */
export function eightText(storage: Exclude<Storage, "f32">, levels: LevelLookup = "select"): string {
  switch (storage) {
    case "bf16":
      return `alias Eight = vec4u;
fn widen(w: vec2u) -> vec4f {
  return vec4f(bitcast<vec2f>(w << vec2u(16u)), bitcast<vec2f>(w & vec2u(0xffff0000u))).xzyw;
}
${HALVES}`;
    case "f16":
      return `alias Eight = vec4u;
fn widen(w: vec2u) -> vec4f {
  return from_halves(vec4u(w & vec2u(0xffffu), w >> vec2u(16u)).xzyw);
}
${FROM_HALVES}
${HALVES}`;
    case "int8":
      return `alias Eight = vec3u;
fn codes(w: u32) -> vec4f { return vec4f(vec4i(vec4u(w) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }
fn low(w: Eight) -> vec4f { return codes(w.x) * bitcast<f32>(w.z); }
fn high(w: Eight) -> vec4f { return codes(w.y) * bitcast<f32>(w.z); }
${FROM_HALVES}`;
    case "int4":
      // A code is put into the mantissa of the power of two at whose end it stands, which makes their sum of it: fewer
      // instructions than a shift and a conversion.
      return `alias Eight = vec2u;
const POWERS = vec4f(8388608.0, 524288.0, 32768.0, 2048.0);
fn codes(w: u32) -> vec4f {
  return bitcast<vec4f>((vec4u(w) & vec4u(0xfu, 0xf0u, 0xf00u, 0xf000u)) | bitcast<vec4u>(POWERS)) - (POWERS + vec4f(8.0));
}
fn low(w: Eight) -> vec4f { return codes(w.x) * bitcast<f32>(w.y); }
fn high(w: Eight) -> vec4f { return codes(w.x >> 16u) * bitcast<f32>(w.y); }
${FROM_HALVES}`;
    case "int4z":
      return `alias Eight = vec2u;
fn codes(w: vec4u, scale: u32) -> vec4f {
  let size = from_halves(vec4u(scale & 0xffffu, 0u, 0u, 0u)).x;
  return vec4f(vec4i(w & vec4u(15u)) - vec4i(i32(scale >> 16u))) * size;
}
fn low(w: Eight) -> vec4f { return codes(vec4u(w.x) >> vec4u(0u, 4u, 8u, 12u), w.y); }
fn high(w: Eight) -> vec4f { return codes(vec4u(w.x) >> vec4u(16u, 20u, 24u, 28u), w.y); }
${FROM_HALVES}`;
    case "nf4":
      return `alias Eight = vec2u;
fn one_level(w: u32) -> f32 {
${levelTree()}
}
fn chosen_level(w: vec4u) -> vec4f {
  let x = one_level(w.x);
  let y = one_level(w.y);
  let z = one_level(w.z);
  return vec4f(x, y, z, one_level(w.w));
}
${LEVEL_TEXTS[levels]}
fn low(w: Eight) -> vec4f { return level(vec4u(w.x) >> vec4u(0u, 4u, 8u, 12u)) * bitcast<f32>(w.y); }
fn high(w: Eight) -> vec4f { return level(vec4u(w.x) >> vec4u(16u, 20u, 24u, 28u)) * bitcast<f32>(w.y); }
`;
  }
}

/**
 * How nf4's levels are looked up: by selects, by a shuffle among exactly 8 lanes, or in workgroup memory. For the last
 * two a kernel calls `keep_levels` with its lane first, and for workgroup memory passes a barrier.
 */
export type LevelLookup = "select" | "shuffle" | "shared";

const LEVEL_TEXTS: Readonly<Record<LevelLookup, string>> = {
  select: "fn level(w: vec4u) -> vec4f { return chosen_level(w); }",
  shuffle: `var<private> lower_levels: f32;
var<private> upper_levels: f32;
fn keep_levels(lane: u32) {
  let levels = chosen_level(vec4u(lane, lane + 8u, 0u, 0u));
  lower_levels = levels.x;
  upper_levels = levels.y;
}
fn shuffled(level: f32, w: vec4u) -> vec4f {
  return vec4f(${["x", "y", "z", "w"].map((q) => `subgroupShuffle(level, w.${q})`).join(", ")});
}
fn level(w: vec4u) -> vec4f {
  let lane = w & vec4u(7u);
  return select(shuffled(lower_levels, lane), shuffled(upper_levels, lane), (w & vec4u(8u)) != vec4u());
}`,
  shared: `var<workgroup> levels: array<f32, 16>;
fn keep_levels(lane: u32) {
  if (lane < 16u) {
    levels[lane] = chosen_level(vec4u(lane)).x;
  }
}
fn level(w: vec4u) -> vec4f {
  let i = w & vec4u(15u);
  return vec4f(levels[i.x], levels[i.y], levels[i.z], levels[i.w]);
}`,
};

const HALVES = `fn low(w: Eight) -> vec4f { return widen(w.xy); }
fn high(w: Eight) -> vec4f { return widen(w.zw); }
`;

/**
 * Declares `from_halves`, binary16 to float32. Devices may flush binary16's smallest numbers to zero where they unpack
 * them, so these are made here.
 */
export const FROM_HALVES = `fn from_halves(h: vec4u) -> vec4f {
  let tiny = bitcast<vec4f>(((h & vec4u(0x3ffu)) << vec4u(13u)) + vec4u(0x38800000u)) - vec4f(0.00006103515625);
  let signed = bitcast<vec4f>(bitcast<vec4u>(tiny) | ((h & vec4u(0x8000u)) << vec4u(16u)));
  let words = h.xz | (h.yw << vec2u(16u));
  let others = vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
  return select(others, signed, (h & vec4u(0x7c00u)) == vec4u());
}
`;

/**
 * Statements that choose a code's level: selects, since an array with a computed index would be in memory. They go from
 * one end of the levels to the other, so that few intermediate values are alive at once.
 */
function levelTree(): string {
  const lines = [0, 1, 2, 3].map((bit) => `  let b${bit} = (w & ${1 << bit}u) != 0u;`);
  let count = 0;
  const tree = (from: number, bit: number): string => {
    if (bit < 0) return `${NF4_LEVELS[from]!.toPrecision(17)}f`;
    const low = tree(from, bit - 1);
    const high = tree(from + (1 << bit), bit - 1);
    lines.push(`  let v${count} = select(${low}, ${high}, b${bit});`);
    return `v${count++}`;
  };
  const value = tree(0, 3);
  return [...lines, `  return ${value};`].join("\n");
}

/**
 * Declares `scale_at`, which gives what `Eight` has of the scale of the group that holds element `at` of a quantized
 * matrix, and where a word has two scales `scales_at`, which gives both of the word that holds it; the scales lie in the
 * buffer `scales` of u32.
 */
export function scaleText(storage: Storage): string {
  const { group, scaleBytes } = STORAGE_FACTS[storage];
  return scaleBytes === 4
    ? `fn scale_at(at: u32) -> u32 { return scales[at / ${group}u]; }`
    : `fn scales_at(at: u32) -> vec2u {
  let word = scales[at / ${2 * group}u];
  return bitcast<vec4u>(from_halves(vec4u(word & 0xffffu, word >> 16u, 0u, 0u))).xy;
}
fn scale_at(at: u32) -> u32 {
  let word = scales[at / ${2 * group}u];
  return bitcast<u32>(from_halves(vec4u(select(word & 0xffffu, word >> 16u, (at & ${group}u) != 0u), 0u, 0u, 0u)).x);
}`;
}

/** The part that declares `element_at`, which gives an element of the matrix in the bindings `x` (u32) and `scales`. */
export function readerPart(storage: Storage): SourcePart {
  const value = {
    f32: "bitcast<f32>(x[at])",
    bf16: "widen(vec2u(x[at / 2u] >> (at % 2u * 16u), 0u)).x",
    f16: "widen(vec2u(x[at / 2u] >> (at % 2u * 16u), 0u)).x",
    int8: "low(Eight(x[at / 4u] >> (at % 4u * 8u), 0u, scale_at(at))).x",
    int4: "low(Eight(x[at / 8u] >> (at % 8u * 4u), scale_at(at))).x",
    int4z: "low(Eight(x[at / 8u] >> (at % 8u * 4u), scale_at(at))).x",
    nf4: "low(Eight(x[at / 8u] >> (at % 8u * 4u), scale_at(at))).x",
  }[storage];
  const text = `${storage === "f32" ? "" : eightText(storage)}
${isQuantized(storage) ? scaleText(storage) : ""}
fn element_at(at: u32) -> f32 { return ${value}; }
`;
  return { name: READER, text };
}

/**
 * The part that declares `eight_at`, which gives `Eight` of a matrix from element `at`, a multiple of 8, on; its codes
 * are in the binding `x`, an array of `EightCodes`, its scales in `scales`.
 */
export function eightReaderPart(storage: Exclude<Storage, "f32">): SourcePart {
  const words = STORAGE_FACTS[storage].bits / 4;
  const value = isQuantized(storage) ? "Eight(x[at / 8u], scale_at(at))" : "x[at / 8u]";
  const text = `${eightText(storage)}
alias EightCodes = ${words === 1 ? "u32" : `vec${words}u`};
${isQuantized(storage) ? scaleText(storage) : ""}
fn eight_at(at: u32) -> Eight { return ${value}; }
`;
  return { name: READER, text };
}

const READER = "kernels/storage/storage_text.ts (generated)";
