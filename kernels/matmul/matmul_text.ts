/** What the generated matmul kernels share: bindings, loads and stores. @module */
import { IMAGE_WIDTH } from "../device/slice.ts";

/** Which operand is stored transposed: c = a·b, a·bᵀ, or aᵀ·b. */
export type MatmulMode = "NN" | "NT" | "TN";

/** How b is stored. Two bf16 share a u32, the first in its lower half. */
export type MatmulBType = "f32" | "bf16";

/** How a kernel reads and writes its buffers. Each combination has a text of its own. */
export interface MatmulAccess {
  mode: MatmulMode;
  bType: MatmulBType;
  /** a is read four elements at once: its rows start at multiples of 4. */
  aVec: boolean;
  /** As `aVec`, for b. */
  bVec: boolean;
  /** b is bf16 and read eight elements at once: its rows start at multiples of 8. */
  bWide: boolean;
  /** As `aVec`, for c, with n a multiple of 4. */
  cVec: boolean;
  /** Blocks of k may end within a step; reads past the end count as 0. */
  ragged: boolean;
  /** a is read from an image, four elements to a texel. */
  aImage: boolean;
  /** As `aImage`, for b. A bf16 b must be wide, and has eight elements to a texel. */
  bImage: boolean;
  /** a and b may begin within their buffers, and the sums are multiplied by a scale. */
  placed: boolean;
}

/**
 * The uniforms of every matmul kernel. A workgroup's z adds z blocks to its k, and z times c_block to its place in c.
 * Only a placed text reads a_first, b_first and scale.
 */
export const matmulUniforms = {
  m: "u32",
  n: "u32",
  k_first: "u32",
  k_last: "u32",
  k_block: "u32",
  lda: "u32",
  ldb: "u32",
  ldc: "u32",
  c_block: "u32",
  accumulate: "u32",
  add_bias: "u32",
  a_first: "u32",
  b_first: "u32",
  c_first: "u32",
  scale: "f32",
} as const;

/**
 * The bindings, the uniforms, and functions: `load_a4` and `load_b4` load four consecutive elements from an index (for
 * a wide b, `load_b8` loads eight, and `widen` takes a half of its result), `load_c4` and `store_c4` four columns of a
 * row, masked to n, and `load_bias4` their biases.
 */
export function matmulHeader({ bType, aVec, bVec, bWide, cVec, aImage, bImage, placed }: MatmulAccess): string {
  const aElement = aVec ? "vec4f" : "f32";
  const bElement = bType === "f32" ? (bVec ? "vec4f" : "f32") : bWide ? "vec4u" : bVec ? "vec2u" : "u32";
  const from = (name: string): string => placed ? `  let at = first + p.${name}_first;\n` : "";
  const index = placed ? "first" : "at";
  const four = (name: string): string => `vec4f(${name}[at], ${name}[at + 1u], ${name}[at + 2u], ${name}[at + 3u])`;
  const texel = (name: string, per: number): string =>
    `textureLoad(${name}, vec2u(at / ${per}u % ${IMAGE_WIDTH}u, at / ${per * IMAGE_WIDTH}u), 0)`;
  const loadA = aImage ? texel("a", 4) : aVec ? "a[at / 4u]" : four("a");
  const loadB4 = bType === "f32"
    ? (bImage ? texel("b", 4) : bVec ? "b[at / 4u]" : four("b"))
    : `widen(${bVec ? "b[at / 4u]" : "vec2u(b[at / 2u], b[at / 2u + 1u])"})`;
  const loadB = bWide
    ? `fn load_b8(${index}: u32) -> vec4u {\n${from("b")}  return ${bImage ? texel("b", 8) : "b[at / 8u]"};\n}`
    : `fn load_b4(${index}: u32) -> vec4f {\n${from("b")}  return ${loadB4};\n}`;
  const columns = [0, 1, 2, 3];
  const loadC = cVec
    ? "return c[at / 4u];"
    : `return vec4f(${columns.map((q) => `c[at + min(${q}u, p.n - 1u - column)]`).join(", ")});`;
  const storeC = cVec
    ? "if (column < p.n) { c[at / 4u] = v; }"
    : columns.map((q) => `if (column + ${q}u < p.n) { c[at + ${q}u] = v[${q}]; }`).join("\n  ");
  return `struct Params {
${Object.entries(matmulUniforms).map(([name, type]) => `  ${name}: ${type},`).join("\n")}
}

@group(0) @binding(0) var<storage, read_write> c: array<${cVec ? "vec4f" : "f32"}>; // [m, n], rows ldc apart
@group(0) @binding(1) ${
    aImage ? "var a: texture_2d<f32>" : `var<storage, read> a: array<${aElement}>`
  }; // rows lda apart
@group(0) @binding(2) ${
    bImage ? `var b: texture_2d<${bType === "f32" ? "f32" : "u32"}>` : `var<storage, read> b: array<${bElement}>`
  }; // rows ldb apart
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [n] if add_bias is 1
@group(0) @binding(4) var<uniform> p: Params;

fn load_a4(${index}: u32) -> vec4f {
${from("a")}  return ${loadA};
}

fn widen(w: vec2u) -> vec4f {
  return vec4f(bitcast<vec2f>(w << vec2u(16u)), bitcast<vec2f>(w & vec2u(0xffff0000u))).xzyw;
}

${loadB}

fn load_c4(at: u32, column: u32) -> vec4f {
  ${loadC}
}

fn store_c4(at: u32, column: u32, v: vec4f) {
  ${storeC}
}

fn load_bias4(column: u32) -> vec4f {
  return vec4f(${columns.map((q) => `bias[min(column + ${q}u, p.n - 1u)]`).join(", ")});
}
`;
}
