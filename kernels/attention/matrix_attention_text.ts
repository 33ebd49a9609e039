/** The WGSL of attention forward on a device's matrix units, which matrix_attention.ts describes. @module */
import { wgslNumber } from "./attention_text.ts";
import { BLOCK } from "./blocked_attention.ts";
import { HIDES_SOME, walkKeys } from "./blocked_attention_walk.ts";
import type { MatrixAttentionShape } from "./matrix_attention.ts";
import {
  combine,
  constants,
  eachKept,
  HIDDEN,
  hide,
  LEAST_FACTOR,
  LEAST_SCORE,
  memory,
  paramsOf,
  passes,
  queryEntry,
  storeKept,
  sumsAt,
  WEIGHTS_POWER,
} from "./matrix_attention_parts.ts";
import { addSums, scores, storeWeights } from "./matrix_attention_products.ts";

/** The buffers of these kernels. */
export const matrixAttentionBindings = {
  out: "readWrite",
  lse: "readWrite",
  halves: "read",
  powers: "read",
  first_slots: "read",
  places: "read",
  tiles: "read",
} as const;

/** Their uniforms, and those of the gradient's. */
export const matrixAttentionUniforms = {
  tile_count: "u32",
  heads: "u32",
  kv_heads: "u32",
  window: "u32",
  slots: "u32",
  chunks: "u32", // matrices along a head: a constant would have compilers unroll the loop, and run out of registers
} as const;

/** Forward: overwrites out and lse, by an online softmax over blocks of keys. */
export function matrixForward(shape: MatrixAttentionShape): string {
  const { scale, parts } = shape;
  return `// before: device/float16.wgsl, device/invocation.wgsl

${constants(shape)}
const SCALE = ${wgslNumber(scale * Math.LOG2E)}; // for powers of two

${paramsOf(matrixAttentionUniforms)}

@group(0) @binding(0) var<storage, read_write> out: array<vec4f>; // [tokens, heads, head size]
@group(0) @binding(1) var<storage, read_write> lse: array<f32>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> halves: array<f16>; // as attention_halves.wgsl writes them
@group(0) @binding(3) var<storage, read> powers: array<f32>;
@group(0) @binding(4) var<storage, read> first_slots: array<u32>;
@group(0) @binding(5) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(6) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(7) var<uniform> p: Params;

${memory(shape)}

${combine("row_max", "max(x, other)", shape)}
${combine("row_sum", "x + other", shape)}

${queryEntry(shape)}
  let power_stride = p.slots / DEPTH;
  let q_slot = first_slots[tile.x];
  let q_power = powers[kv_head * power_stride + q_slot / DEPTH] * SCALE;
  let plane = p.chunks * p.slots;
  let q_plane = plane * group_size;
  let q_first = kv_head * ${parts}u * q_plane + q_slot * group_size + first_row + band;
  let k_first = (p.heads + kv_head) * ${parts}u * plane;
  let v_first = (p.heads + p.kv_heads + kv_head) * ${parts}u * plane;
  var top = ${LEAST_SCORE};
  var sum = 0.0; // of the lane's own columns
  ${eachKept(shape, "out", (name) => `var ${name} = vec4f();`)}
  ${
    walkKeys(`let slot = first_slots[start];
    let undone = q_power * powers[(p.kv_heads + kv_head) * power_stride + slot / DEPTH];
    let factor = select(undone, ${LEAST_FACTOR}, undone < ${LEAST_FACTOR}); // where all scores are about 0
    let v_factor = powers[(2u * p.kv_heads + kv_head) * power_stride + slot / DEPTH] * ${2 ** -WEIGHTS_POWER};
    ${
      scores(
        shape,
        { array: "halves", first: "q_first", rows: "p.slots * group_size", plane: "q_plane" },
        { array: "halves", first: "k_first + slot", rows: "p.slots", plane: "plane" },
      )
    }
    ${softmax(shape)}
    ${
      passes(shape).map((pass) =>
        addSums(shape, pass, {
          name: "out",
          rowCount: "end - start",
          right: { array: "halves", first: "v_first", row: "slot", plane: "plane" },
          add: (kept, sums) => `${kept} * shrink + ${sums} * v_factor`,
        })
      ).join("\n")
    }`)
  }
  sum = row_sum(sum);
  if (first_row + own <= last_row) {
    let out_row = tokens * p.heads + head;
    if (part == 0) {
      lse[out_row] = (top + log2(sum)) * ${Math.LN2};
    }
    ${storeKept(shape, { name: "out", buffer: "out", at: "out_row * N", value: (kept) => `${kept} / sum` })}
  }
}
`;
}

/** Makes weights of the scores, and `shrink` of what was summed before. */
function softmax(shape: MatrixAttentionShape): string {
  const count = BLOCK / shape.rowLanes;
  const each = (body: string): string =>
    `for (var c = 0u; c < ${count / 4}u; c++) {
      ${body}
    }`;
  const s = sumsAt("sums_own + 4u * c");
  return `if (${HIDES_SOME}) {
      let first = start + part * ${count}u - lowest;
      ${hide(shape)}
    }
    var most = vec4f(${HIDDEN});
    ${each(`most = max(most, ${s});`)}
    let new_top = max(top, row_max(max(max(most.x, most.y), max(most.z, most.w))) * factor);
    let shrink = exp2(top - new_top);
    top = new_top;
    var four = vec4f();
    ${
    each(`let w = exp2(${s} * factor - top);
      four += w;
      ${storeWeights(shape, "weights_own + 4u * c", ` * ${2 ** WEIGHTS_POWER}.0`)}`)
  }
    sum = sum * shrink + ((four.x + four.y) + (four.z + four.w));
    workgroupBarrier();`;
}
