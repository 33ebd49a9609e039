/**
 * The parts of the WGSL of a CPU's attention kernels for one head size.
 *
 * The text is generated because WGSL does not unroll loops, and the accumulators (a V for each 4 elements of a head)
 * must be named variables to stay in registers. All three kernels have one shape: a workgroup is one subgroup and takes
 * a tile of rows, or two, each lane holds the vectors of one row of each, and all lanes walk over the other side's tokens
 * in blocks. Each lane loads some of a block's vectors, and subgroupBroadcast gives them to all lanes where they are used.
 * Loads are the main cost on a CPU: they read images, which llvmpipe reads faster than buffers (decision 0079). GPUs have
 * kernels of another make (blocked_attention.ts), for a lane has not that many registers there.
 *
 * @module
 */
import { IMAGE_WIDTH } from "../device/slice.ts";
import { unroll } from "../unroll.ts";

/** What the text depends on. */
export interface AttentionShape {
  /** The rows of a tile, and the size of a workgroup. */
  lanes: number;
  headDim: number;
  /** Factor on the scores before the softmax. */
  scale: number;
  /** Whether qkv, and the dout that is walked over, are read from images, a V to a texel. */
  images: boolean;
  /** Whether the backward walks are cut: a dispatch takes a part, and goes on from the sums of the part before. */
  cuts: boolean;
}

/**
 * The side that is walked over, with two vectors per token (k and v, or q and dout): WGSL that loads V `d` of `token`.
 */
export interface AttentionPhase {
  a: string;
  b: string;
  /** Further values per token: name, WGSL type and the text that loads them. */
  extras?: readonly (readonly [name: string, type: string, load: string])[];
}

/** A block of tokens that is visited: WGSL of its vectors `d` of token `i`. */
export interface Visited {
  a(i: number, d: number): string;
  b(i: number, d: number): string;
}

/** The score of a hidden key: so far below LOWEST that exp(MASKED - LOWEST) is 0, but far from overflow. */
export const MASKED = "-2.0e30";
/** The start of the running maximum of scores. */
export const LOWEST = "-1.0e30";

/** Elements of a V: 4, or 1 if the head size is not a multiple of 4. */
export function vectorWidth(headDim: number): 1 | 4 {
  return headDim % 4 === 0 ? 4 : 1;
}

/** The factor on the scores that attention has by default. */
export function defaultScale(headDim: number): number {
  return 1 / Math.sqrt(headDim);
}

/** A number as WGSL has it: a whole one is not to be an integer. */
export function wgslNumber(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** The V of a head. */
export function vectorsOf({ headDim }: Pick<AttentionShape, "headDim">): number {
  return headDim / vectorWidth(headDim);
}

/** The tokens of a block: `least`, or as many as one load of all lanes covers. */
export function blockOf(shape: Pick<AttentionShape, "lanes" | "headDim">, least: number): number {
  return Math.max(least, Math.floor(shape.lanes / vectorsOf(shape)));
}

/** Module-scope text: sizes. */
export function head(shape: AttentionShape, block: number): string {
  return `// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

const N = ${vectorsOf(shape)}u;
const LANES = ${shape.lanes}u;
const BLOCK = ${block}u;
const SCALE = ${wgslNumber(shape.scale)};
`;
}

/**
 * Text that loads the `block` tokens from `start` on and runs `body`; indices beyond `end - 1` are replaced by it. The
 * extras' {name}{i} are the values of token i, whose index is `start + i`.
 */
export function visit(
  { lanes, headDim }: AttentionShape,
  { stage, block, body }: { stage: AttentionPhase; block: number; body: (visited: Visited) => string },
): string {
  const vectors = vectorsOf({ headDim });
  const extras = stage.extras ?? [];
  // Where a value is used, not before: values that wait for their use would be spilled.
  const of = (name: string) => (i: number, d: number): string => {
    const at = i * vectors + d;
    return `subgroupBroadcast(${name}_lane${Math.floor(at / lanes)}, ${at % lanes}u)`;
  };
  return `
    ${
    unroll(Math.ceil(block * vectors / lanes), (r) =>
      `let e${r} = lane + ${r * lanes}u;
    let a_lane${r} = load_a(min(start + e${r} / N, end - 1), e${r} % N);
    let b_lane${r} = load_b(min(start + e${r} / N, end - 1), e${r} % N);`)
  }
    ${extras.map(([name]) => `let ${name}_lane = load_${name}(min(start + lane, end - 1));`).join("\n")}
    ${
    unroll(block, (i) => extras.map(([name]) => `let ${name}${i} = subgroupBroadcast(${name}_lane, ${i}u);`).join("\n"))
  }
    ${body({ a: of("a"), b: of("b") })}`;
}

/** The functions that {@linkcode visit} calls. Their bodies use the parameters `token` and `d`. */
export function loaders({ a, b, extras = [] }: AttentionPhase): string {
  return `
var<private> head: u32;
var<private> kv_head: u32;
fn load_a(token: u32, d: u32) -> V { return ${a}; }
fn load_b(token: u32, d: u32) -> V { return ${b}; }
${extras.map(([name, type, load]) => `fn load_${name}(token: u32) -> ${type} { ${load} }`).join("\n")}
`;
}

/** The start of the entry point, with `lane` and the workgroup's `index`. */
export const MAIN = `
@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let lane = local.x;
  let index = group_index(id.group, id.groups);`;

/** The uniform record, with further fields after those that all kernels have. */
export function params(more: readonly string[] = []): string {
  const names = ["tile_count", "heads", "kv_heads", "window", ...more];
  return `
struct Params {
${unroll(names.length, (i) => `  ${names[i]}: u32,`)}
}
`;
}

/** The uniform record of a walk that may be cut (walk_parts.ts). */
export function walkParams({ cuts }: Pick<AttentionShape, "cuts">): string {
  return params(cuts ? ["first", "end", "first_member", "end_member"] : []);
}

/** The index of a token's head in qkv, to be completed by the head's number: `${QKV_ROW}number)`. */
export const QKV_ROW = "(token * (p.heads + 2 * p.kv_heads) + ";

/** The start of the kernels whose lanes hold queries: a tile's number `at`, the tile itself by `name`, the heads, the `place`. */
export function queryTile(name: string): string {
  return `
  if (index >= p.tile_count * p.heads) {
    return;
  }
  let at = index / p.heads;
  let ${name} = tiles[at];
  head = index % p.heads;
  kv_head = head / (p.heads / p.kv_heads);
  let place = places[${name}.x];`;
}

/** A query of this lane, that of the tile `tile{r}`: t{r}, its row of out, and its q as q{r}_{d}. */
export function queryOf(shape: AttentionShape, r: string): string {
  return `
  let t${r} = tile${r}.x + min(lane, tile${r}.y - 1);
  let row${r} = t${r} * p.heads + head;
  let q_row${r} = (t${r} * (p.heads + 2 * p.kv_heads) + head) * N;
  ${unroll(vectorsOf(shape), (d) => `let q${r}_${d} = ${walked(shape, "qkv", `q_row${r} + ${d}u`)} * SCALE;`)}`;
}

/**
 * The walk of queries t{r} over their keys, the last of which is before `tiles_end`: blocks from the prefix's start, then
 * blocks from the segment's start, so that the order of a token's sums depends on its own row alone. A key is visible if
 * key < end, key <= t and key + p.window > newest; newest - key is the distance between the positions of query and key. A
 * walk that is cut goes on by `resume`, unless it has ended.
 */
export function keyLoop(
  body: string,
  { rows, resume }: { rows: readonly string[]; resume?: string | undefined },
): string {
  const [first, end] = resume === undefined ? ["0u", "blocks"] : ["p.first", "min(blocks, p.end)"];
  return `
  let prefix_blocks = (place.z - place.y + BLOCK - 1) / BLOCK;
  let blocks = prefix_blocks + (tiles_end - place.x + BLOCK - 1) / BLOCK;${
    resume === undefined ? "" : `
  if (p.first > 0u) {
    if (p.first >= blocks) {
      return;
    }
    ${resume}
  }`
  }
  for (var block = ${first}; block < ${end}; block++) {
    let in_prefix = block < prefix_blocks;
    let start = select(place.x + (block - prefix_blocks) * BLOCK, place.y + block * BLOCK, in_prefix);
    let end = select(tiles_end, place.z, in_prefix);
    ${each(rows, (r) => `let newest${r} = select(t${r}, place.z + t${r} - place.x, in_prefix);`)}
    ${body}
  }`;
}

/** Joins the texts of a lane's rows. */
export function each(rows: readonly string[], text: (row: string) => string): string {
  return rows.map(text).join("\n    ");
}

/** Text that loads V `at` of an array that may be an image; its buffer stays bound, so that both have one list. */
export function walked({ images }: AttentionShape, name: string, at: string): string {
  return images ? `texel(${name}_image, ${at})` : `${name}[${at}]`;
}

/** The last bindings, from `first` on: the images of these arrays, if they are read from such, and the uniform record. */
export function lastBindings({ images }: AttentionShape, names: readonly string[], first: number): string {
  if (!images) return `@group(0) @binding(${first}) var<uniform> p: Params;`;
  return `${unroll(names.length, (i) => `@group(0) @binding(${first + i}) var ${names[i]}_image: texture_2d<f32>;`)}
@group(0) @binding(${first + names.length}) var<uniform> p: Params;
fn texel(image: texture_2d<f32>, at: u32) -> V {
  return textureLoad(image, vec2u(at % ${IMAGE_WIDTH}u, at / ${IMAGE_WIDTH}u), 0);
}`;
}

/** The walk over keys and values. */
export function keysAndValues(shape: AttentionShape): AttentionPhase {
  return {
    a: walked(shape, "qkv", `${QKV_ROW}p.heads + kv_head) * N + d`),
    b: walked(shape, "qkv", `${QKV_ROW}p.heads + p.kv_heads + kv_head) * N + d`),
  };
}

/** The scores of this lane's queries with a block's keys, score{r}_{i}; hidden keys get MASKED. */
export function keyScores(
  { block, vectors, rows }: { block: number; vectors: number; rows: readonly string[] },
  { a }: Visited,
): string {
  const part = (i: number, d: number): string => {
    const sums = rows.map((r) =>
      d === 0 ? `dot${r}_${i} = product(q${r}_0, a);` : `dot${r}_${i} += product(q${r}_${d}, a);`
    );
    return `{ let a = ${a(i, d)}; ${sums.join(" ")} }`;
  };
  return `
    ${each(rows, (r) => unroll(block, (i) => `var dot${r}_${i}: f32;`))}
    ${unroll(vectors, (d) => unroll(block, (i) => part(i, d)))}
    ${unroll(block, (i) => `let key${i} = start + ${i}u;`)}
    ${
    each(rows, (r) =>
      unroll(block, (i) =>
        `let score${r}_${i} = select(${MASKED}, dot${r}_${i},
      key${i} < end && key${i} <= t${r} && key${i} + p.window > newest${r});`))
  }`;
}
