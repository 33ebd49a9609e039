/** The WGSL of attention's gradient for k and v on a GPU, made of the parts in blocked_attention_text.ts. @module */
import { unroll } from "../unroll.ts";
import { MASKED, params } from "./attention_text.ts";
import { type BlockedShape, blockSizes, SIDE } from "./blocked_attention.ts";
import { addSums, eachSummedRow, scores, storeSums } from "./blocked_attention_products.ts";
import {
  component,
  declarations,
  eachColumn,
  eachSum,
  elementType,
  loader,
  main,
  storer,
} from "./blocked_attention_text.ts";

/**
 * Backward for k and v: overwrites dqkv's k and v heads. The rows are keys, and the workgroup walks over the queries
 * from the block's first key to the segment's query_end: for each token the q heads of the group in turn.
 */
export function blockedBackwardKey(shape: BlockedShape): string {
  const { headDim } = shape;
  const size = blockSizes(headDim, 2);
  const element = elementType(headDim);
  const keyPositions = unroll(
    size.rowsOfLane,
    (i) => `position[${component("keys", size.rowsOfLane, i)}] + p.window`,
    ", ",
  );
  return `${declarations(size, shape)}${params()}
override WINDOWED: bool = true; // Without a window positions play no part, so they are not loaded.
@group(0) @binding(0) var<storage, read_write> dqkv: array<${element}>; // as qkv
@group(0) @binding(1) var<storage, read> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> dout: array<${element}>; // [tokens, heads, head size]
@group(0) @binding(3) var<storage, read> qkv: array<${element}>; // [tokens, heads + 2 kv_heads, head size]
@group(0) @binding(4) var<storage, read> position: array<u32>; // [tokens]
@group(0) @binding(5) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(6) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(7) var<uniform> p: Params;

var<workgroup> queries: array<vec4u, BLOCK>; // of the block: token, position, and where q and dout begin
var<workgroup> saved_queries: array<vec2f, BLOCK>;

${["dout", "qkv"].map((name) => loader(name, headDim)).join("\n")}
${storer("dqkv", headDim)}
${main(size)}
  let blocks_of_tile = TILE / ROWS;
  if (index >= p.tile_count * p.kv_heads * blocks_of_tile) {
    return;
  }
  let tile = tiles[index / (p.kv_heads * blocks_of_tile)];
  let kv_head = index / blocks_of_tile % p.kv_heads;
  let first_row = index % blocks_of_tile * ROWS;
  if (first_row >= tile.y) {
    return;
  }
  let last_row = min(first_row + ROWS, tile.y) - 1;
  let first_key = tile.x + first_row;
  let last_key = tile.x + last_row;
  let end = places[tile.x].w;
  let keys = min(RowIds(first_key + down * ${size.rowsOfLane}u) + COUNTED, RowIds(last_key));
  var hidden_from = RowIds(); // the first position whose queries are too far from a key
  if (WINDOWED) {
    hidden_from = RowIds(${keyPositions});
  }
  let k_at = min(first_key + slot, last_key) * token_stride + (p.heads + kv_head) * STRIDE;
  ${eachSum(size, (i, c) => `var dk${i}_${c} = vec4f();\nvar dv${i}_${c} = vec4f();`)}
  let query_count = (end - first_key) * group_size;
  for (var start = 0u; start < query_count; start += BLOCK) {
    let count = min(query_count - start, BLOCK);
    if (WINDOWED) {
      let nearest = first_key + start / group_size;
      let farthest = first_key + (start + count - 1) / group_size;
      // Along a segment positions grow.
      if (places[nearest].x == places[farthest].x && position[nearest] >= position[last_key] + p.window) {
        continue;
      }
    }
    let query = min(start + slot, query_count - 1);
    let query_token = first_key + query / group_size;
    let query_head = kv_head * group_size + query % group_size;
    let q_at = query_token * token_stride + query_head * STRIDE;
    let dout_row = query_token * p.heads + query_head;
    if (slot_vector == 0 && slot < BLOCK) {
      queries[slot] = vec4u(query_token, position[select(0, query_token, WINDOWED)], q_at, dout_row * STRIDE);
      // A query that is not there has no weight.
      saved_queries[slot] = select(vec2f(-(${MASKED}), 0.0), saved[dout_row], slot < count);
    }
    ${scores(size, { name: "s", rows: "load_qkv(k_at, d)", block: "load_qkv(q_at, d) * SCALE" })}
    ${
    eachColumn((j) =>
      `{
      let query = queries[side + ${SIDE * j}u];
      let seen = (RowIds(query.x) >= keys) & ((RowIds(query.y) < hidden_from) | ${
        size.rowsOfLane === 1 ? "!WINDOWED" : `vec${size.rowsOfLane}<bool>(!WINDOWED)`
      });
      s${j} = exp(select(Rows(${MASKED}), s${j}, seen) - saved_queries[side + ${SIDE * j}u].x);
    }`
    )
  }
    ${
    scores(size, {
      name: "ds",
      rows: "load_qkv(k_at + p.kv_heads * STRIDE, d)",
      block: "load_dout(dout_row * STRIDE, d)",
    })
  }
    ${eachColumn((j) => `ds${j} = s${j} * (ds${j} - saved_queries[side + ${SIDE * j}u].y);`)}
    ${
    addSums(size, {
      name: "dv",
      weights: "s",
      count: "count",
      at: "queries[first + step_token].w",
      load: (d) => `load_dout(at, ${d})`,
    })
  }
    ${
    addSums(size, {
      name: "dk",
      weights: "ds",
      count: "count",
      at: "queries[first + step_token].z",
      load: (d) => `load_qkv(at, ${d}) * SCALE`,
    })
  }
  }
  ${
    eachSummedRow(size, (i) => `
      let dk_at = (tile.x + row) * token_stride + (p.heads + kv_head) * STRIDE;
      ${storeSums(size, { buffer: "dqkv", at: "dk_at", value: (c) => `dk${i}_${c}` })}
      ${storeSums(size, { buffer: "dqkv", at: "dk_at + p.kv_heads * STRIDE", value: (c) => `dv${i}_${c}` })}`)
  }
}
`;
}
