/** What the generated matmul kernels share: bindings, loads and stores. @module */
import { isQuantized, type Storage, STORAGE_FACTS } from "../storage/storage.ts";
import { eightText, type LevelLookup, scaleText } from "../storage/storage_text.ts";
import { scalesLoader } from "./matmul_span.ts";

/** Which operand is stored transposed: c = a·b, a·bᵀ, or aᵀ·b. */
export type MatmulMode = "NN" | "NT" | "TN";

/** How a kernel reads and writes its buffers. Each combination has a text of its own. */
export interface MatmulAccess {
  /** TT, aᵀ·bᵀ, only of a turned product. */
  mode: MatmulMode | "TT";
  /** Rows of the tile are columns of c. */
  turned: boolean;
  bType: Storage;
  /** a is read four elements at once: its rows start at multiples of 4. */
  aVec: boolean;
  /** As `aVec`, for b. */
  bVec: boolean;
  /** b is not f32 and read eight elements at once: its rows start at multiples of 8. */
  bWide: boolean;
  /** Elements of k whose codes and scales a lane loads at once; 0 where it loads eight (matmul_span.ts). */
  bSpan: number;
  /** As `aVec`, for c, with n, or m if it is turned, a multiple of 4. */
  cVec: boolean;
  /** Blocks of k may end within a step; reads past the end count as 0. */
  ragged: boolean;
  /** a is read from an image, four elements to a texel. */
  aImage: boolean;
  /** As `aImage`, for b. A b that is not f32 must be wide. */
  bImage: boolean;
  /** How a kernel looks up the levels of nf4. */
  levels: LevelLookup;
  /** a and b may begin within their buffers, and the sums are multiplied by a scale. */
  placed: boolean;
}

/**
 * The uniforms of every matmul kernel. A workgroup's z adds z blocks to its k, and z times c_block to its place in c.
 * Only a placed text reads a_first, b_first and scale; a_line and b_line are the binary logarithms of the texels of an
 * image's line.
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
  a_line: "u32",
  b_line: "u32",
} as const;

/** A buffer of a matmul kernel. */
export type MatmulBinding = "c" | "a" | "b" | "bias" | "scales";

/** The names of the buffers in their order; only a quantized b has scales. */
export function matmulBindings({ bType }: Pick<MatmulAccess, "bType">): MatmulBinding[] {
  return isQuantized(bType) ? ["c", "a", "b", "bias", "scales"] : ["c", "a", "b", "bias"];
}

/**
 * The bindings, the uniforms, and functions: `load_a4` and `load_b4` load four consecutive elements from an index (for
 * a wide b, `load_b8` loads eight, or `load_texel` and `load_scales` the codes and scales of several, and `low` and
 * `high` make an eight's halves), `load_c4` and `store_c4` four columns of a row, masked to n, and `load_bias4` their
 * biases.
 */
export function matmulHeader(access: MatmulAccess): string {
  const { bType, turned, aVec, bWide, bSpan, cVec, aImage, bImage, placed } = access;
  // Of a turned product the neighbours in c are rows of the tile.
  const width = turned ? "p.m" : "p.n";
  const aElement = aVec ? "vec4f" : "f32";
  const from = (name: string): string => placed ? `  let at = first + p.${name}_first;\n` : "";
  const index = placed ? "first" : "at";
  const loadA = aImage ? `return ${texel("a", 4)};` : aVec ? "return a[at / 4u];" : `return ${fourOf("a")};`;
  const { element: bElement, load } = loadB(access);
  const scales = isQuantized(bType);
  const loader = (name: string, type: string, text: string): string =>
    `fn ${name}(${index}: u32) -> ${type} {\n${from("b")}  ${text}\n}\n`;
  const loadOfB = !bWide
    ? loader("load_b4", "vec4f", load)
    : bSpan === 0 && !dealsCodes(access)
    ? loader("load_b8", "Eight", load)
    : loader("load_texel", "vec4u", load) + loader("load_scales", ...scalesLoader(bType, bSpan));
  const columns = [0, 1, 2, 3];
  const loadC = cVec
    ? "return c[at / 4u];"
    : `return vec4f(${columns.map((q) => `c[at + min(${q}u, ${width} - 1u - column)]`).join(", ")});`;
  const storeC = cVec
    ? `if (column < ${width}) { c[at / 4u] = v; }`
    : columns.map((q) => `if (column + ${q}u < ${width}) { c[at + ${q}u] = v[${q}]; }`).join("\n  ");
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
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [${width.slice(2)}] if add_bias is 1
${
    scales
      ? `@group(0) @binding(4) var<storage, read> scales: array<u32>; // one for each group of b\n`
      : ""
  }@group(0) @binding(${matmulBindings(access).length}) var<uniform> p: Params;

fn load_a4(${index}: u32) -> vec4f {
${from("a")}  ${loadA}
}

${bType === "f32" ? "" : eightText(bType, access.levels)}
${scales ? scaleText(bType) : ""}
${loadOfB}

fn load_c4(at: u32, column: u32) -> vec4f {
  ${loadC}
}

fn store_c4(at: u32, column: u32, v: vec4f) {
  ${storeC}
}

fn load_bias4(column: u32) -> vec4f {
  return vec4f(${columns.map((q) => `bias[min(column + ${q}u, ${width} - 1u)]`).join(", ")});
}
`;
}

/** Whether lanes load b's codes together (matmul_dealt.ts). */
export function dealsCodes({ mode, bType, bImage }: MatmulAccess): boolean {
  return mode === "NN" && isQuantized(bType) && bImage;
}

function fourOf(name: string): string {
  return `vec4f(${name}[at], ${name}[at + 1u], ${name}[at + 2u], ${name}[at + 3u])`;
}

/** The texel of an image that holds element `at`, `per` elements to a texel. */
function texel(name: string, per: number): string {
  const at = `at / ${per}u`;
  return `textureLoad(${name}, vec2u((${at}) & ((1u << p.${name}_line) - 1u), (${at}) >> p.${name}_line), 0)`;
}

/** The element type of b's buffer, and the statements that load four elements of it, or if it is wide eight, or their codes. */
function loadB(access: MatmulAccess): { element: string; load: string } {
  const { bType, bVec, bWide, bSpan, bImage } = access;
  const perTexel = 128 / STORAGE_FACTS[bType].bits;
  const wideTexel = texel("b", perTexel);
  if (bSpan > 0 || dealsCodes(access)) {
    return { element: "vec4u", load: `return ${bImage ? wideTexel : `b[at / ${perTexel}u]`};` };
  }
  switch (bType) {
    case "f32":
      return {
        element: bVec ? "vec4f" : "f32",
        load: `return ${bImage ? texel("b", 4) : bVec ? "b[at / 4u]" : fourOf("b")};`,
      };
    case "bf16":
    case "f16":
      if (bWide) return { element: "vec4u", load: `return ${bImage ? wideTexel : "b[at / 8u]"};` };
      return bVec
        ? { element: "vec2u", load: "return widen(b[at / 4u]);" }
        : { element: "u32", load: "return widen(vec2u(b[at / 2u], b[at / 2u + 1u]));" };
    case "int8":
      if (!bWide) return { element: "u32", load: "return low(Eight(b[at / 4u], 0u, scale_at(at)));" };
      return { element: "vec2u", load: "return Eight(b[at / 8u], scale_at(at));" };
    case "int4":
    case "int4z":
    case "nf4":
      if (!bWide) return { element: "u32", load: "return low(Eight(b[at / 8u] >> ((at & 4u) * 4u), scale_at(at)));" };
      return { element: "u32", load: "return Eight(b[at / 8u], scale_at(at));" };
  }
}
