/** The WGSL of the attention kernels of a GPU for one head size, made of the parts in blocked_attention_text.ts. @module */
import { unroll } from "../unroll.ts";
import { LOWEST, params } from "./attention_text.ts";
import { type BlockedShape, blockSizes, LANES, SIDE } from "./blocked_attention.ts";
import { addSums, eachSummedRow, scores, storeSums } from "./blocked_attention_products.ts";
import {
  columns,
  component,
  declarations,
  eachColumn,
  eachSum,
  elementType,
  loader,
  main,
  storer,
} from "./blocked_attention_text.ts";
import { keyBlocks, mask, queryBlock } from "./blocked_attention_walk.ts";

/** Forward: overwrites out and lse, by an online softmax over blocks of keys. */
export function blockedForward(shape: BlockedShape): string {
  const { headDim } = shape;
  const size = blockSizes(headDim, 1);
  const element = elementType(headDim);
  return `${declarations(size, shape)}${params()}
@group(0) @binding(0) var<storage, read_write> out: array<${element}>; // [tokens, heads, head size]
@group(0) @binding(1) var<storage, read_write> lse: array<f32>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> qkv: array<${element}>; // [tokens, heads + 2 kv_heads, head size]
@group(0) @binding(3) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(4) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(5) var<uniform> p: Params;

${loader("qkv", headDim)}
${storer("out", headDim)}
${main(size)}
  ${queryBlock(size)}
  var top = Rows(${LOWEST});
  var sum = Rows(); // over the lane's own columns
  ${eachSum(size, (i, c) => `var out${i}_${c} = vec4f();`)}
  ${
    keyBlocks(`
    ${scores(size, { name: "s", rows: "load_qkv(q_at, d) * SCALE", block: "load_qkv(k_at, d)" })}
    ${mask("s")}
    var most = ${combined("max", "s")};
    pass_rows(side, down, most);
    workgroupBarrier();
    ${unroll(SIDE, (i) => `most = max(most, passed_rows(${i}, down));`)}
    let new_top = max(top, most);
    let shrink = exp(top - new_top);
    top = new_top;
    ${eachColumn((j) => `s${j} = exp(s${j} - top);`)}
    sum = sum * shrink + ((s0 + s1) + (s2 + s3));
    {
      let shrink_part = part_of(shrink, side);
      ${eachSum(size, (i, c) => `out${i}_${c} *= ${component("shrink_part", size.part, i)};`)}
    }
    ${
      addSums(size, {
        name: "out",
        weights: "s",
        count: "end - start",
        at: "min(step_at + first * token_stride, last_at) + p.kv_heads * STRIDE",
        load: (d) => `load_qkv(at, ${d})`,
      })
    }`)
  }
  workgroupBarrier();
  pass_rows(side, down, sum);
  workgroupBarrier();
  sum = passed_rows(0, down);
  for (var i = 1u; i < SIDE; i++) {
    sum += passed_rows(i, down);
  }
  let sum_part = part_of(sum, side);
  let lse_part = part_of(top + log(sum), side);
  ${
    eachSummedRow(size, (i) => `
      let out_row = (tile.x + row / group_size) * p.heads + kv_head * group_size + row % group_size;
      if (across == 0) {
        lse[out_row] = ${component("lse_part", size.part, i)};
      }
      ${
      storeSums(size, {
        buffer: "out",
        at: "out_row * STRIDE",
        value: (c) => `out${i}_${c} / ${component("sum_part", size.part, i)}`,
      })
    }`)
  }
}
`;
}

/** Backward for q: overwrites dqkv's q heads, and saves (lse, Σ dout · out) of each query for the kernel of k and v. */
export function blockedBackwardQuery(shape: BlockedShape): string {
  const { headDim } = shape;
  const size = blockSizes(headDim, 1);
  const element = elementType(headDim);
  return `${declarations(size, shape)}${params()}
@group(0) @binding(0) var<storage, read_write> dqkv: array<${element}>; // as qkv
@group(0) @binding(1) var<storage, read_write> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> dout: array<${element}>; // [tokens, heads, head size]
@group(0) @binding(3) var<storage, read> out: array<${element}>; // [tokens, heads, head size]
@group(0) @binding(4) var<storage, read> lse: array<f32>; // [tokens, heads]
@group(0) @binding(5) var<storage, read> qkv: array<${element}>; // [tokens, heads + 2 kv_heads, head size]
@group(0) @binding(6) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(7) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(8) var<uniform> p: Params;

fn sum_of(v: vec4f) -> f32 { return (v.x + v.y) + (v.z + v.w); }
${["dout", "out", "qkv"].map((name) => loader(name, headDim)).join("\n")}
${storer("dqkv", headDim)}
${main(size)}
  ${queryBlock(size)}
  let dout_at = (slot_token * p.heads + slot_head) * STRIDE;
  {
    var share = vec4f();
    for (var d = slot_vector; d < N; d += CHUNK) {
      share = fma(load_dout(dout_at, d), load_out(dout_at, d), share);
    }
    ${size.rows * size.chunk === LANES ? "{" : "if (slot < ROWS) {"}
      staged[row_line][row_place] = share;
    }
  }
  workgroupBarrier();
  var delta = Rows();
  ${
    unroll(size.chunk, (e) =>
      `delta += Rows(${unroll(size.rowsOfLane, (i) => `sum_of(staged[down][${i * size.chunk + e}])`, ", ")});`)
  }
  let rows_lse = Rows(${
    unroll(size.rowsOfLane, (i) => {
      const row = component("rows", size.rowsOfLane, i);
      return `lse[${component("tokens", size.rowsOfLane, i)} * p.heads + kv_head * group_size + ${row} % group_size]`;
    }, ", ")
  });
  ${eachSum(size, (i, c) => `var dq${i}_${c} = vec4f();`)}
  ${
    keyBlocks(`
    ${scores(size, { name: "s", rows: "load_qkv(q_at, d) * SCALE", block: "load_qkv(k_at, d)" })}
    ${mask("s")}
    ${eachColumn((j) => `s${j} = exp(s${j} - rows_lse);`)}
    ${scores(size, { name: "ds", rows: "load_dout(dout_at, d)", block: "load_qkv(k_at + p.kv_heads * STRIDE, d)" })}
    ${eachColumn((j) => `ds${j} = s${j} * (ds${j} - delta);`)}
    ${
      addSums(size, {
        name: "dq",
        weights: "ds",
        count: "end - start",
        at: "min(step_at + first * token_stride, last_at)",
        load: (d) => `load_qkv(at, ${d})`,
      })
    }`)
  }
  if (side == 0) {
    ${
    unroll(size.rowsOfLane, (i) =>
      `{
      let row = first_row + down * ${size.rowsOfLane}u + ${i}u;
      if (row <= last_row) {
        let saved_row = (tile.x + row / group_size) * p.heads + kv_head * group_size + row % group_size;
        saved[saved_row] = vec2f(${component("rows_lse", size.rowsOfLane, i)}, ${
        component("delta", size.rowsOfLane, i)
      });
      }
    }`)
  }
  }
  ${
    eachSummedRow(size, (i) => `
      let dq_at = (tile.x + row / group_size) * token_stride + (kv_head * group_size + row % group_size) * STRIDE;
      ${storeSums(size, { buffer: "dqkv", at: "dq_at", value: (c) => `dq${i}_${c} * SCALE` })}`)
  }
}
`;
}

/** The columns of a lane combined by a function of two. */
function combined(name: string, vector: string): string {
  const [a, b, c, d] = columns(vector);
  return `${name}(${name}(${a}, ${b}), ${name}(${c}, ${d}))`;
}
