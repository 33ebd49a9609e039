/**
 * Writes the WGSL of the attention kernels for one head size.
 *
 * The text is generated because WGSL unrolls nothing and the accumulators (one Vector of registers for each 4 elements
 * of a head) must be named variables. All three kernels have one shape: a workgroup takes a tile of rows, one row a
 * lane with its vectors in registers, and walks over the other side's tokens in blocks that all lanes read:
 *
 * - "subgroup" (workgroup = one subgroup): lanes load a block's vectors one each, and subgroupBroadcast hands each to
 *   all lanes. Loads are the cost on a CPU, so a block is as many tokens as one load of all lanes covers.
 * - "shared": lanes copy a block into workgroup memory, where all read the same address at a time.
 *
 * @module
 */

/** How a block's vectors reach all lanes. */
export type AttentionVariant = "subgroup" | "shared";

/** What the text depends on. */
export interface AttentionShape {
  variant: AttentionVariant;
  /** Rows of a tile and size of a workgroup. */
  lanes: number;
  headDim: number;
}

/** One side's two vectors per token (k and v, or q and dout): the WGSL that loads Vector `d` of `token`. */
interface Stage {
  a: string;
  b: string;
  /** Further values per token: name, WGSL type and the text that loads them. */
  extras?: readonly (readonly [name: string, type: string, load: string])[];
}

/** Added to masked scores: exp() of it less any top is 0, and it is no overflow. */
const MASKED = "-2.0e30";
const LOWEST = "-1.0e30";
/** Bytes of workgroup memory for a block; WebGPU grants 16 KiB everywhere. */
const SHARED_BYTES = 12 * 1024;

/** Unrolls `text` over 0 … count − 1. */
export function each(count: number, text: (i: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, i) => text(i)).join(separator);
}

/** Elements of a Vector: heads whose size is no multiple of 4 are worked on in scalars. */
export function vectorWidth(headDim: number): 1 | 4 {
  return headDim % 4 === 0 ? 4 : 1;
}

/** WGSL of the type Vector, and `product`, the sum of two Vectors' elementwise product. */
export function vectorSource(headDim: number): string {
  const [type, text] = vectorWidth(headDim) === 4 ? ["vec4f", "dot(a, b)"] : ["f32", "a * b"];
  return `alias Vector = ${type};\nfn product(a: Vector, b: Vector) -> f32 { return ${text}; }\n`;
}

/** Sizes that follow from a shape: vectors per head, tokens staged at a time, tokens unrolled at a time. */
function sizes({ variant, lanes, headDim }: AttentionShape): { vectors: number; block: number; unrolled: number } {
  const width = vectorWidth(headDim);
  const vectors = headDim / width;
  if (variant === "subgroup") {
    const block = Math.max(1, Math.floor(lanes / vectors));
    return { vectors, block, unrolled: block };
  }
  const unrolled = headDim <= 64 ? 4 : 2;
  const most = Math.floor(SHARED_BYTES / (2 * vectors * width * 4));
  return { vectors, unrolled, block: Math.max(unrolled, Math.min(16, Math.floor(most / unrolled) * unrolled)) };
}

/** Module-scope text: Vector, sizes, and the workgroup memory of the shared variant. */
function head(shape: AttentionShape, stage: Stage): string {
  const { vectors, block } = sizes(shape);
  const memory = [["a", "Vector", vectors], ["b", "Vector", vectors]] as [string, string, number][];
  for (const [name, type] of stage.extras ?? []) memory.push([name, type, 1]);
  return `${vectorSource(shape.headDim)}
const N = ${vectors}u;
const LANES = ${shape.lanes}u;
const BLOCK = ${block}u;
const SCALE = ${1 / Math.sqrt(shape.headDim)};
${
    shape.variant === "subgroup"
      ? ""
      : memory.map(([name, type, n]) => `var<workgroup> ${name}_shared: array<${type}, ${block * n}>;`).join("\n")
  }
`;
}

/**
 * Text that stages the block of tokens `start` … `start + BLOCK - 1` (indices are held below `end`) and runs `body` for
 * each group of unrolled tokens. In `body`, a{i}_{d}, b{i}_{d} and the extras' {name}{i} are token i's values and
 * `base + i` is its index.
 */
function visit(shape: AttentionShape, stage: Stage, body: string): string {
  const { vectors, unrolled } = sizes(shape);
  const { lanes, variant } = shape;
  const extras = stage.extras ?? [];
  if (variant === "subgroup") {
    const registers = Math.ceil(unrolled * vectors / lanes);
    const of = (name: string, i: number, d: number): string => {
      const at = i * vectors + d;
      return `subgroupBroadcast(${name}_lane${Math.floor(at / lanes)}, ${at % lanes}u)`;
    };
    return `
    let base = start;
    ${
      each(registers, (r) =>
        `let e${r} = lane + ${r * lanes}u;
    let a_lane${r} = load_a(min(start + e${r} / N, end - 1), e${r} % N);
    let b_lane${r} = load_b(min(start + e${r} / N, end - 1), e${r} % N);`)
    }
    ${extras.map(([name]) => `let ${name}_lane = load_${name}(min(start + lane, end - 1));`).join("\n")}
    ${
      each(unrolled, (i) =>
        each(vectors, (d) =>
          `let a${i}_${d} = ${of("a", i, d)};\nlet b${i}_${d} = ${of("b", i, d)};`) +
        extras.map(([name]) => `let ${name}${i} = subgroupBroadcast(${name}_lane, ${i}u);`).join("\n"))
    }
    ${body}`;
  }
  return `
    workgroupBarrier();
    for (var e = lane; e < BLOCK * N; e += LANES) {
      a_shared[e] = load_a(min(start + e / N, end - 1), e % N);
      b_shared[e] = load_b(min(start + e / N, end - 1), e % N);
    }
    ${
    extras.length === 0 ? "" : `for (var e = lane; e < BLOCK; e += LANES) {
      ${extras.map(([name]) => `${name}_shared[e] = load_${name}(min(start + e, end - 1));`).join("\n")}
    }`
  }
    workgroupBarrier();
    for (var offset = 0u; offset < BLOCK; offset += ${unrolled}u) {
      let base = start + offset;
      if (base >= end) {
        break;
      }
      ${
    each(unrolled, (i) =>
      each(vectors, (d) =>
        `let a${i}_${d} = a_shared[(offset + ${i}u) * N + ${d}u];
      let b${i}_${d} = b_shared[(offset + ${i}u) * N + ${d}u];`) +
      extras.map(([name]) => `let ${name}${i} = ${name}_shared[offset + ${i}u];`).join("\n"))
  }
      ${body}
    }`;
}

/** The functions that {@linkcode visit} calls; `token` and `d` are their parameters. */
function loaders({ a, b, extras = [] }: Stage): string {
  return `
var<private> head: u32;
var<private> kv_head: u32;
fn load_a(token: u32, d: u32) -> Vector { return ${a}; }
fn load_b(token: u32, d: u32) -> Vector { return ${b}; }
${extras.map(([name, type, load]) => `fn load_${name}(token: u32) -> ${type} { ${load} }`).join("\n")}
`;
}

const MAIN = `
@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let lane = local.x;
  let index = group.x + group.y * groups.x;`;

const PARAMS = `
struct Params {
  tile_count: u32,
  heads: u32,
  kv_heads: u32,
  window: u32,
}
`;

const QKV_ROW = "(token * (p.heads + 2 * p.kv_heads) + ";

/** Start of the kernels whose lanes hold queries: the tile, this lane's query `t` and its q. */
function queryTile({ vectors }: { vectors: number }): string {
  return `
  if (index >= p.tile_count * p.heads) {
    return;
  }
  let tile = tiles[index / p.heads];
  head = index % p.heads;
  kv_head = head / (p.heads / p.kv_heads);
  let place = places[tile.x];
  let t = tile.x + min(lane, tile.y - 1);
  let row = t * p.heads + head;
  let q_row = (t * (p.heads + 2 * p.kv_heads) + head) * N;
  ${each(vectors, (d) => `let q${d} = qkv[q_row + ${d}u] * SCALE;`)}`;
}

/**
 * The walk of a query tile over its keys: blocks from the prefix's start, then blocks from the segment's start, so that
 * a token's order of sums depends on its own row alone. Keys must fulfil base + i < end, base + i <= t and
 * base + i + p.window > newest, where newest - key is the distance between their positions.
 */
function keyLoop(body: string): string {
  return `
  let prefix_blocks = (place.z - place.y + BLOCK - 1) / BLOCK;
  let blocks = prefix_blocks + (tile.x + tile.y - place.x + BLOCK - 1) / BLOCK;
  for (var block = 0u; block < blocks; block++) {
    let in_prefix = block < prefix_blocks;
    let start = select(place.x + (block - prefix_blocks) * BLOCK, place.y + block * BLOCK, in_prefix);
    let end = select(tile.x + tile.y, place.z, in_prefix);
    let newest = select(t, place.z + t - place.x, in_prefix);
    ${body}
  }`;
}

const KEYS: Stage = {
  a: `qkv[${QKV_ROW}p.heads + kv_head) * N + d]`,
  b: `qkv[${QKV_ROW}p.heads + p.kv_heads + kv_head) * N + d]`,
};

/** The score of this lane's query with key i, hidden keys masked. */
function keyScore(i: number, vectors: number): string {
  return `let key${i} = base + ${i}u;
    let score${i} = select(${MASKED}, ${each(vectors, (d) => `product(q${d}, a${i}_${d})`, " + ")},
      key${i} < end && key${i} <= t && key${i} + p.window > newest);`;
}

/** Forward: out and lse, overwritten; online softmax over blocks of keys. */
export function attentionSource(shape: AttentionShape): string {
  const { vectors, unrolled } = sizes(shape);
  const scores = (name: string, separator: string): string => each(unrolled, (i) => `${name}${i}`, separator);
  return `${head(shape, KEYS)}${PARAMS}
@group(0) @binding(0) var<storage, read_write> out: array<Vector>; // [tokens, heads, N]
@group(0) @binding(1) var<storage, read_write> lse: array<f32>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> qkv: array<Vector>; // [tokens, heads + 2 kv_heads, N]
@group(0) @binding(3) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(4) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(5) var<uniform> p: Params;
${loaders(KEYS)}
${MAIN}
  ${queryTile({ vectors })}
  var top = ${LOWEST};
  var sum = 0.0;
  ${each(vectors, (d) => `var out${d} = Vector(0.0);`)}
  ${
    keyLoop(visit(
      shape,
      KEYS,
      `
    ${each(unrolled, (i) => keyScore(i, vectors))}
    var new_top = top;
    ${each(unrolled, (i) => `new_top = max(new_top, score${i});`)}
    let shrink = exp(top - new_top);
    ${each(unrolled, (i) => `let weight${i} = exp(score${i} - new_top);`)}
    top = new_top;
    sum = sum * shrink + (${scores("weight", " + ")});
    ${
        each(
          vectors,
          (d) => `out${d} = out${d} * shrink + (${each(unrolled, (i) => `weight${i} * b${i}_${d}`, " + ")});`,
        )
      }`,
    ))
  }
  if (lane < tile.y) {
    lse[row] = top + log(sum);
    ${each(vectors, (d) => `out[row * N + ${d}u] = out${d} / sum;`)}
  }
}
`;
}

/** Backward for q: writes dqkv's q heads, and (lse, sum of dout · out) of each query for the kernel of k and v. */
export function attentionBackwardQuerySource(shape: AttentionShape): string {
  const { vectors, unrolled } = sizes(shape);
  return `${head(shape, KEYS)}${PARAMS}
@group(0) @binding(0) var<storage, read_write> dqkv: array<Vector>; // as qkv
@group(0) @binding(1) var<storage, read_write> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> dout: array<Vector>; // [tokens, heads, N]
@group(0) @binding(3) var<storage, read> out: array<Vector>; // [tokens, heads, N]
@group(0) @binding(4) var<storage, read> lse: array<f32>; // [tokens, heads]
@group(0) @binding(5) var<storage, read> qkv: array<Vector>; // [tokens, heads + 2 kv_heads, N]
@group(0) @binding(6) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(7) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(8) var<uniform> p: Params;
${loaders(KEYS)}
${MAIN}
  ${queryTile({ vectors })}
  ${each(vectors, (d) => `let dout${d} = dout[row * N + ${d}u];`)}
  let row_lse = lse[row];
  let delta = ${each(vectors, (d) => `product(dout${d}, out[row * N + ${d}u])`, " + ")};
  ${each(vectors, (d) => `var dq${d} = Vector(0.0);`)}
  ${
    keyLoop(visit(
      shape,
      KEYS,
      `
    ${each(unrolled, (i) => keyScore(i, vectors))}
    ${
        each(unrolled, (i) =>
          `let dscore${i} = exp(score${i} - row_lse) * (${
            each(vectors, (d) => `product(dout${d}, b${i}_${d})`, " + ")
          } - delta);`)
      }
    ${each(vectors, (d) => `dq${d} += ${each(unrolled, (i) => `dscore${i} * a${i}_${d}`, " + ")};`)}`,
    ))
  }
  if (lane < tile.y) {
    saved[row] = vec2f(row_lse, delta);
    ${each(vectors, (d) => `dqkv[q_row + ${d}u] = dq${d} * SCALE;`)}
  }
}
`;
}

/**
 * Backward for k and v: writes dqkv's k and v heads. Lanes hold keys; walks over the queries from the tile's first
 * token to the segment's query_end, for each q head of the group.
 */
export function attentionBackwardKeySource(shape: AttentionShape): string {
  const { vectors, unrolled } = sizes(shape);
  const stage: Stage = {
    a: `qkv[${QKV_ROW}head) * N + d] * SCALE`,
    b: "dout[(token * p.heads + head) * N + d]",
    extras: [
      ["saved", "vec2f", "return saved[token * p.heads + head];"],
      // Without a window positions play no part: their load is left out.
      ["position", "u32", "if (WINDOWED) { return position[token]; } return 0u;"],
    ],
  };
  return `${head(shape, stage)}${PARAMS}
override WINDOWED: bool = true;
@group(0) @binding(0) var<storage, read_write> dqkv: array<Vector>; // as qkv
@group(0) @binding(1) var<storage, read> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> dout: array<Vector>; // [tokens, heads, N]
@group(0) @binding(3) var<storage, read> qkv: array<Vector>; // [tokens, heads + 2 kv_heads, N]
@group(0) @binding(4) var<storage, read> position: array<u32>; // [tokens]
@group(0) @binding(5) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(6) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(7) var<uniform> p: Params;
${loaders(stage)}
${MAIN}
  if (index >= p.tile_count * p.kv_heads) {
    return;
  }
  let tile = tiles[index / p.kv_heads];
  kv_head = index % p.kv_heads;
  let end = places[tile.x].w;
  let key = tile.x + min(lane, tile.y - 1);
  let key_position = load_position(key);
  let k_row = (key * (p.heads + 2 * p.kv_heads) + p.heads + kv_head) * N;
  let v_row = k_row + p.kv_heads * N;
  ${
    each(vectors, (d) =>
      `let k${d} = qkv[k_row + ${d}u];
  let v${d} = qkv[v_row + ${d}u];
  var dk${d} = Vector(0.0);
  var dv${d} = Vector(0.0);`)
  }
  let group_size = p.heads / p.kv_heads;
  for (var member = 0u; member < group_size; member++) {
    head = kv_head * group_size + member;
    for (var start = tile.x; start < end; start += BLOCK) {
      ${
    visit(
      shape,
      stage,
      `
    ${
        each(unrolled, (i) =>
          `let query${i} = base + ${i}u;
    let weight${i} = exp(select(${MASKED}, ${each(vectors, (d) => `product(a${i}_${d}, k${d})`, " + ")},
      query${i} < end && query${i} >= key && position${i} < key_position + p.window) - saved${i}.x);
    let dscore${i} = weight${i} * (${each(vectors, (d) => `product(b${i}_${d}, v${d})`, " + ")} - saved${i}.y);`)
      }
    ${
        each(vectors, (d) =>
          `dk${d} += ${each(unrolled, (i) => `dscore${i} * a${i}_${d}`, " + ")};
    dv${d} += ${each(unrolled, (i) => `weight${i} * b${i}_${d}`, " + ")};`)
      }`,
    )
  }
    }
  }
  if (lane < tile.y) {
    ${each(vectors, (d) => `dqkv[k_row + ${d}u] = dk${d};\n    dqkv[v_row + ${d}u] = dv${d};`)}
  }
}
`;
}
