/** The WGSL of a CPU's backward attention kernels for one head size, made of the parts in attention_text.ts. @module */
import { unroll } from "../unroll.ts";
import {
  type AttentionPhase,
  type AttentionShape,
  blockOf,
  head,
  keyLoop,
  keysAndValues,
  keyScores,
  lastBindings,
  loaders,
  MAIN,
  MASKED,
  QKV_ROW,
  queryOf,
  queryTile,
  vectorsOf,
  visit,
  walked,
  walkParams,
} from "./attention_text.ts";

/** Tokens of a block at least, where heads are large: more make the sums' updates fewer, and the text larger. */
export const BACKWARD_BLOCK = 2;

/** Backward for q: overwrites dqkv's q heads, and saves (lse, Σ dout · out) of each query for the kernel of k and v. */
export function attentionBackwardQuerySource(shape: AttentionShape): string {
  const [vectors, block] = [vectorsOf(shape), blockOf(shape, BACKWARD_BLOCK)];
  const stage = keysAndValues(shape);
  // Between parts of a walk the sums stay as they are, so that they have the bits of one walk.
  const factor = shape.cuts ? "select(1.0, SCALE, p.end >= blocks)" : "SCALE";
  const resume = unroll(vectors, (d) => `dq${d} = dqkv[q_row + ${d}u];`);
  return `${head(shape, block)}${walkParams(shape)}
@group(0) @binding(0) var<storage, read_write> dqkv: array<V>; // as qkv
@group(0) @binding(1) var<storage, read_write> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> dout: array<V>; // [tokens, heads, N]
@group(0) @binding(3) var<storage, read> out: array<V>; // [tokens, heads, N]
@group(0) @binding(4) var<storage, read> lse: array<f32>; // [tokens, heads]
@group(0) @binding(5) var<storage, read> qkv: array<V>; // [tokens, heads + 2 kv_heads, N]
@group(0) @binding(6) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(7) var<storage, read> tiles: array<vec2u>; // [tile_count]
${lastBindings(shape, ["qkv"], 8)}
${loaders(stage)}
${MAIN}
  ${queryTile("tile")}
  let tiles_end = tile.x + tile.y;
  ${queryOf(shape, "")}
  ${unroll(vectors, (d) => `let dout${d} = dout[row * N + ${d}u];`)}
  let row_lse = lse[row];
  let delta = ${unroll(vectors, (d) => `product(dout${d}, out[row * N + ${d}u])`, " + ")};
  ${unroll(vectors, (d) => `var dq${d} = V(0.0);`)}
  ${
    keyLoop(
      visit(shape, {
        stage,
        block,
        body: (visited) =>
          `${keyScores({ block, vectors, rows: [""] }, visited)}
    ${
            unroll(block, (i) =>
              `let dscore${i} = exp(score_${i} - row_lse) * (${
                unroll(vectors, (d) => `product(dout${d}, ${visited.b(i, d)})`, " + ")
              } - delta);`)
          }
    ${unroll(vectors, (d) => `dq${d} += ${unroll(block, (i) => `dscore${i} * ${visited.a(i, d)}`, " + ")};`)}`,
      }),
      { rows: [""], resume: shape.cuts ? resume : undefined },
    )
  }
  if (lane < tile.y) {
    saved[row] = vec2f(row_lse, delta);
    ${unroll(vectors, (d) => `dqkv[q_row + ${d}u] = dq${d} * ${factor};`)}
  }
}
`;
}

/**
 * Backward for k and v: overwrites dqkv's k and v heads. The lanes hold keys, and the workgroup walks over the queries
 * from the tile's first token to the segment's query_end, for each q head of the group.
 */
export function attentionBackwardKeySource(shape: AttentionShape): string {
  const [vectors, block] = [vectorsOf(shape), blockOf(shape, BACKWARD_BLOCK)];
  const stage: AttentionPhase = {
    a: `${walked(shape, "qkv", `${QKV_ROW}head) * N + d`)} * SCALE`,
    b: walked(shape, "dout", "(token * p.heads + head) * N + d"),
    extras: [
      ["saved", "vec2f", "return saved[token * p.heads + head];"],
      // Without a window positions play no part, so their load is left out.
      ["position", "u32", "if (WINDOWED) { return position[token]; } return 0u;"],
    ],
  };
  const { cuts } = shape;
  const [firstMember, endMember] = cuts ? ["p.first_member", "p.end_member"] : ["0u", "group_size"];
  const [first, last] = cuts ? ["tile.x + p.first * BLOCK", "min(end, tile.x + p.end * BLOCK)"] : ["tile.x", "end"];
  const resume = unroll(vectors, (d) => `dk${d} = dqkv[k_row + ${d}u];\n    dv${d} = dqkv[v_row + ${d}u];`);
  return `${head(shape, block)}${walkParams(shape)}
override WINDOWED: bool = true;
@group(0) @binding(0) var<storage, read_write> dqkv: array<V>; // as qkv
@group(0) @binding(1) var<storage, read> saved: array<vec2f>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> dout: array<V>; // [tokens, heads, N]
@group(0) @binding(3) var<storage, read> qkv: array<V>; // [tokens, heads + 2 kv_heads, N]
@group(0) @binding(4) var<storage, read> position: array<u32>; // [tokens]
@group(0) @binding(5) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(6) var<storage, read> tiles: array<vec2u>; // [tile_count]
${lastBindings(shape, ["qkv", "dout"], 7)}
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
    unroll(vectors, (d) =>
      `let k${d} = ${walked(shape, "qkv", `k_row + ${d}u`)};
  let v${d} = ${walked(shape, "qkv", `v_row + ${d}u`)};
  var dk${d} = V(0.0);
  var dv${d} = V(0.0);`)
  }
  let group_size = p.heads / p.kv_heads;
  ${cuts ? `if (p.first > 0u || p.first_member > 0u) {\n    ${resume}\n  }` : ""}
  for (var member = ${firstMember}; member < ${endMember}; member++) {
    head = kv_head * group_size + member;
    for (var start = ${first}; start < ${last}; start += BLOCK) {
      ${
    visit(shape, {
      stage,
      block,
      body: ({ a, b }) => `
    ${
        unroll(block, (i) =>
          `let query${i} = start + ${i}u;
    let weight${i} = exp(select(${MASKED}, ${unroll(vectors, (d) => `product(${a(i, d)}, k${d})`, " + ")},
      query${i} < end && query${i} >= key && position${i} < key_position + p.window) - saved${i}.x);
    let dscore${i} = weight${i} * (${unroll(vectors, (d) => `product(${b(i, d)}, v${d})`, " + ")} - saved${i}.y);`)
      }
    ${
        unroll(vectors, (d) =>
          `dk${d} += ${unroll(block, (i) => `dscore${i} * ${a(i, d)}`, " + ")};
    dv${d} += ${unroll(block, (i) => `weight${i} * ${b(i, d)}`, " + ")};`)
      }`,
    })
  }
    }
  }
  if (lane < tile.y) {
    ${unroll(vectors, (d) => `dqkv[k_row + ${d}u] = dk${d};\n    dqkv[v_row + ${d}u] = dv${d};`)}
  }
}
`;
}
