/** The WGSL of attention's gradient for q on matrix units, which matrix_gradient.ts describes. @module */
import { BLOCK } from "./blocked_attention.ts";
import { HIDES_SOME, walkKeys } from "./blocked_attention_walk.ts";
import type { MatrixAttentionShape } from "./matrix_attention.ts";
import {
  eachKept,
  hide,
  LEAST_FACTOR,
  memory,
  paramsOf,
  passes,
  queryEntry,
  storeKept,
} from "./matrix_attention_parts.ts";
import { addSums, scores } from "./matrix_attention_products.ts";
import { matrixAttentionUniforms } from "./matrix_attention_text.ts";
import {
  DOUT_FACTORS,
  gradientParts,
  gradientsOf,
  MOST_WHOLE,
  narrowed,
  storedWeights,
  weightsOf,
} from "./matrix_gradient_text.ts";

/** The buffers of this kernel. */
export const matrixQueryBindings = {
  dqkv: "readWrite",
  saved: "read",
  halves: "read",
  gradients: "read",
  powers: "read",
  first_slots: "read",
  places: "read",
  tiles: "read",
} as const;

/** Backward for q: overwrites dqkv's q heads. */
export function matrixBackwardQuery(full: MatrixAttentionShape): string {
  const shape = narrowed(full, full.padded);
  // Lanes that keep more sums have no registers left for them.
  const holds = shape.padded <= MOST_WHOLE;
  const { parts, rowLanes } = shape;
  return `// before: device/float16.wgsl, device/invocation.wgsl

${gradientParts(shape)}

${paramsOf(matrixAttentionUniforms)}

@group(0) @binding(0) var<storage, read_write> dqkv: array<vec4f>; // [tokens, heads + 2 kv_heads, head size]
@group(0) @binding(1) var<storage, read> saved: array<vec2f>; // [tokens, heads], of attention_delta.wgsl
@group(0) @binding(2) var<storage, read> halves: array<f16>; // as attention_halves.wgsl writes them
@group(0) @binding(3) var<storage, read> gradients: array<f16>; // those of dout
@group(0) @binding(4) var<storage, read> powers: array<f32>;
@group(0) @binding(5) var<storage, read> first_slots: array<u32>;
@group(0) @binding(6) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(7) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(8) var<uniform> p: Params;

${memory(shape)}

${queryEntry(shape)}
  let own_saved = saved[tokens * p.heads + head];
  let power_stride = p.slots / DEPTH;
  let q_slot = first_slots[tile.x];
  let q_power = powers[kv_head * power_stride + q_slot / DEPTH] * SCORES_SCALE;
  let dout_power = powers[(3u * p.kv_heads + kv_head) * power_stride + q_slot / DEPTH];
  let plane = p.chunks * p.slots;
  let q_plane = plane * group_size;
  let q_first = kv_head * ${2 * parts}u * q_plane + q_slot * group_size + first_row + band; // and that of dout
  let k_first = (p.heads + kv_head) * ${2 * parts}u * plane;
  let k_rows_first = k_first + ${parts}u * plane;
  let v_first = (${2 * parts}u * (p.heads + p.kv_heads) + ${parts}u * kv_head) * plane;
  ${eachKept(shape, "dq", (name) => `var ${name} = vec4f();`)}
  ${
    walkKeys(`let slot = first_slots[start];
    let k_power = powers[(p.kv_heads + kv_head) * power_stride + slot / DEPTH];
    let undone_scores = q_power * k_power;
    let factor = select(undone_scores, ${LEAST_FACTOR}, undone_scores < ${LEAST_FACTOR});
    let v_power = powers[(2u * p.kv_heads + kv_head) * power_stride + slot / DEPTH];
    ${DOUT_FACTORS}
    ${
      scores(
        shape,
        { array: "halves", first: "q_first", rows: "p.slots * group_size", plane: "q_plane" },
        { array: "halves", first: "k_first + slot", rows: "p.slots", plane: "plane" },
      )
    }
    if (${HIDES_SOME}) {
      let first = start + part * ${BLOCK / rowLanes}u - lowest;
      ${hide(shape)}
    }
    ${holds ? "" : "{"}
    ${weightsOf(shape, { lse: () => "own_saved.x", stores: !holds })}
    ${holds ? "" : "}"}
    ${
      scores(
        shape,
        { array: "gradients", first: "q_first", rows: "p.slots * group_size", plane: "q_plane" },
        { array: "halves", first: "v_first + slot", rows: "p.slots", plane: "plane" },
      )
    }
    ${holds ? "" : storedWeights(shape)}
    ${gradientsOf(shape, () => "own_saved.y")}
    let dq_factor = k_power * SCALE;
    ${
      passes(shape).map((pass) =>
        addSums(shape, pass, {
          name: "dq",
          rowCount: "end - start",
          right: { array: "halves", first: "k_rows_first", row: "slot", plane: "plane" },
          add: (kept, sums) => `${kept} + ${sums} * undone * dq_factor`,
        })
      ).join("\n")
    }`)
  }
  if (first_row + own <= last_row) {
    let dq_at = (tokens * (p.heads + 2 * p.kv_heads) + head) * N;
    ${storeKept(shape, { name: "dq", buffer: "dqkv", at: "dq_at" })}
  }
}
`;
}
