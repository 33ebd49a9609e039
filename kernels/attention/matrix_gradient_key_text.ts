/** The WGSL of attention's gradient for k and v on matrix units, which matrix_gradient.ts describes. @module */
import { subgroupSizeAttribute } from "../device/subgroup_matrix.ts";
import { unroll } from "../unroll.ts";
import { BLOCK } from "./blocked_attention.ts";
import type { MatrixAttentionShape } from "./matrix_attention.ts";
import {
  eachKept,
  hide,
  LEAST_FACTOR,
  memory,
  ownRow,
  paramsOf,
  passes,
  storeKept,
  WEIGHTS_POWER,
} from "./matrix_attention_parts.ts";
import { addSums, scores } from "./matrix_attention_products.ts";
import { matrixAttentionUniforms } from "./matrix_attention_text.ts";
import {
  DOUT_FACTORS,
  gradientParts,
  gradientsOf,
  narrowed,
  storedWeights,
  weightsOf,
} from "./matrix_gradient_text.ts";

/** The buffers of this kernel. */
export const matrixKeyBindings = {
  dqkv: "readWrite",
  saved: "read",
  halves: "read",
  gradients: "read",
  powers: "read",
  places: "read",
  tiles: "read",
} as const;

/** Its uniforms. */
export const matrixKeyUniforms = {
  ...matrixAttentionUniforms,
  first_tile: "u32", // of tile_count whose keys are the rows,
  all_tiles: "u32", // among so many
} as const;

/** What a kernel computes: lanes have too few registers for both where heads are large. */
export type KeyOutputs = readonly ("dv" | "dk")[];

/**
 * Backward for k and v: overwrites dqkv's heads of v, of k, or both. The rows are keys, and the workgroup walks over the
 * tiles of queries from the keys' own to the segment's query_end: for each token the q heads of the group in turn.
 */
export function matrixBackwardKey(full: MatrixAttentionShape, outputs: KeyOutputs): string {
  const shape = narrowed(full, full.padded * outputs.length);
  const { unit: { m, lanes, saysLanes }, parts, rows, rowLanes } = shape;
  const threads = rows / m * lanes;
  const count = BLOCK / rowLanes;
  const [hasV, hasK] = [outputs.includes("dv"), outputs.includes("dk")];
  const ofColumns = (name: string) => (c: number): string =>
    `vec4f(${unroll(4, (q) => `${name}[part * ${count}u + ${4 * c + q}u]`, ", ")})`;
  return `// before: device/float16.wgsl, device/invocation.wgsl

${gradientParts(shape)}

${paramsOf(matrixKeyUniforms)}

@group(0) @binding(0) var<storage, read_write> dqkv: array<vec4f>; // [tokens, heads + 2 kv_heads, head size]
@group(0) @binding(1) var<storage, read> saved: array<vec2f>; // [tokens, heads], of attention_delta.wgsl
@group(0) @binding(2) var<storage, read> halves: array<f16>; // as attention_halves.wgsl writes them
@group(0) @binding(3) var<storage, read> gradients: array<f16>; // those of dout
@group(0) @binding(4) var<storage, read> powers: array<f32>;
@group(0) @binding(5) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(6) var<storage, read> tiles: array<vec2u>; // [all_tiles]
@group(0) @binding(7) var<uniform> p: Params;

${memory(shape)}
var<workgroup> lses: array<f32, BLOCK>; // of the block's queries
var<workgroup> deltas: array<f32, BLOCK>;

// Where the tokens of a tile begin.
fn slot_of(first: u32, index: u32) -> u32 {
  return (first + DEPTH - 1u) / DEPTH * DEPTH + DEPTH * index;
}

@compute @workgroup_size(${threads})${saysLanes ? ` ${subgroupSizeAttribute(lanes)}` : ""}
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
  id: Workgroup,
) {
  let index = group_index(id.group, id.groups);
  let group_size = p.heads / p.kv_heads;
  let blocks_of_tile = TILE / ROWS;
  if (index >= p.tile_count * p.kv_heads * blocks_of_tile) {
    return;
  }
  let tile_index = p.first_tile + index / (p.kv_heads * blocks_of_tile);
  let tile = tiles[tile_index];
  let kv_head = index / blocks_of_tile % p.kv_heads;
  let first_row = index % blocks_of_tile * ROWS;
  if (first_row >= tile.y) {
    return;
  }
  let last_row = min(first_row + ROWS, tile.y) - 1;
  let first_key = tile.x + first_row;
  let last_key = tile.x + last_row;
  let place = places[tile.x];
  ${ownRow(shape)}
  let key = first_key + own;
  let power_stride = p.slots / DEPTH;
  let k_slot = slot_of(tile.x, tile_index);
  let k_power = powers[(p.kv_heads + kv_head) * power_stride + k_slot / DEPTH] * SCORES_SCALE;
  let v_power = powers[(2u * p.kv_heads + kv_head) * power_stride + k_slot / DEPTH];
  let plane = p.chunks * p.slots;
  let q_plane = plane * group_size;
  let q_first = kv_head * ${2 * parts}u * q_plane; // and that of dout
  let q_rows_first = q_first + ${parts}u * q_plane;
  let k_first = (p.heads + kv_head) * ${2 * parts}u * plane + k_slot + first_row + band;
  let v_first = (${2 * parts}u * (p.heads + p.kv_heads) + ${parts}u * kv_head) * plane + k_slot + first_row + band;
  ${hasV ? eachKept(shape, "dv", (name) => `var ${name} = vec4f();`) : ""}
  ${hasK ? eachKept(shape, "dk", (name) => `var ${name} = vec4f();`) : ""}
  for (var other = tile_index; other < p.all_tiles; other++) {
    let query_tile = tiles[other];
    if (query_tile.x >= place.w) {
      break;
    }
    let query_place = places[query_tile.x];
    // Queries of other segments follow the keys' prefix with what lies between them left out.
    let gap = select(query_place.x - query_place.z, 0u, query_place.x == place.x);
    let far = p.window + gap; // from a key on, what is hidden by the window
    let query_rows = query_tile.y * group_size;
    let slot = slot_of(query_tile.x, other);
    let q_power = powers[kv_head * power_stride + slot / DEPTH];
    let dout_power = powers[(3u * p.kv_heads + kv_head) * power_stride + slot / DEPTH];
    let undone_scores = q_power * k_power;
    let factor = select(undone_scores, ${LEAST_FACTOR}, undone_scores < ${LEAST_FACTOR});
    ${hasK ? DOUT_FACTORS : ""}
    let token_end = max(min(key + far, query_tile.x + query_tile.y), query_tile.x) - query_tile.x;
    let lowest = (max(key, query_tile.x) - query_tile.x) * group_size;
    let seen = max(token_end * group_size, lowest) - lowest;
    for (var start = 0u; start < query_rows; start += BLOCK) {
      let end = min(start + BLOCK, query_rows);
      let nearest = query_tile.x + start / group_size;
      let farthest = query_tile.x + (end - 1) / group_size;
      if (farthest < first_key || nearest >= last_key + far) {
        continue;
      }
      let query_row = slot * group_size + start;
      for (var i = thread; i < BLOCK; i += ${threads}u) {
        let row = min(start + i, query_rows - 1);
        let own_saved = saved[(query_tile.x + row / group_size) * p.heads + kv_head * group_size + row % group_size];
        lses[i] = own_saved.x;
        deltas[i] = own_saved.y;
      }
      ${
    scores(
      shape,
      { array: "halves", first: "k_first", rows: "p.slots", plane: "plane" },
      { array: "halves", first: "q_first + query_row", rows: "p.slots * group_size", plane: "q_plane" },
    )
  }
      if (end < start + BLOCK || nearest < last_key || farthest >= first_key + far) {
        let first = start + part * ${count}u - lowest;
        ${hide(shape)}
      }
      {
        ${weightsOf(shape, { lse: ofColumns("lses"), stores: true })}
      }
      ${
    hasV
      ? `let dv_factor = dout_power * ${2 ** -WEIGHTS_POWER};
      workgroupBarrier();
      ${
        passes(shape).map((pass) =>
          addSums(shape, pass, {
            name: "dv",
            rowCount: "end - start",
            right: { array: "gradients", first: "q_rows_first", row: "query_row", plane: "q_plane" },
            add: (kept, sums) => `${kept} + ${sums} * dv_factor`,
          })
        ).join("\n")
      }`
      : ""
  }
      ${
    hasK
      ? `${
        scores(
          shape,
          { array: "halves", first: "v_first", rows: "p.slots", plane: "plane" },
          { array: "gradients", first: "q_first + query_row", rows: "p.slots * group_size", plane: "q_plane" },
        )
      }
      ${storedWeights(shape)}
      ${gradientsOf(shape, ofColumns("deltas"))}
      let dk_factor = q_power * SCALE;
      ${
        passes(shape).map((pass) =>
          addSums(shape, pass, {
            name: "dk",
            rowCount: "end - start",
            right: { array: "halves", first: "q_rows_first", row: "query_row", plane: "q_plane" },
            add: (kept, sums) => `${kept} + ${sums} * undone * dk_factor`,
          })
        ).join("\n")
      }`
      : ""
  }
    }
  }
  if (own <= last_row - first_row) {
    let dk_at = (key * (p.heads + 2 * p.kv_heads) + p.heads + kv_head) * N;
    ${hasK ? storeKept(shape, { name: "dk", buffer: "dqkv", at: "dk_at" }) : ""}
    ${hasV ? storeKept(shape, { name: "dv", buffer: "dqkv", at: "dk_at + p.kv_heads * N" }) : ""}
  }
}
`;
}
