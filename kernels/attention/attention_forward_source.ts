/** The WGSL of a CPU's forward attention kernel for one head size, made of the parts in attention_text.ts. @module */
import { unroll } from "../unroll.ts";
import {
  type AttentionShape,
  blockOf,
  each,
  head,
  keyLoop,
  keysAndValues,
  keyScores,
  lastBindings,
  loaders,
  LOWEST,
  MAIN,
  params,
  queryOf,
  queryTile,
  vectorsOf,
  visit,
} from "./attention_text.ts";

/** Keys of a block at least, where heads are large: more make the sums' updates fewer, and the text larger. */
export const FORWARD_BLOCK = 4;
/** A lane's queries, by their tiles. */
const ROWS = ["0", "1"] as const;

/**
 * Overwrites out and lse, by an online softmax over blocks of keys. A workgroup takes two tiles of a segment that follow
 * each other, so that what it loads serves two queries of each lane: that of every second tile has nothing to do.
 */
export function attentionSource(shape: AttentionShape): string {
  const [vectors, block] = [vectorsOf(shape), blockOf(shape, FORWARD_BLOCK)];
  const stage = keysAndValues(shape);
  const all = (text: (i: number) => string, separator: string): string => unroll(block, text, separator);
  return `${head(shape, block)}${params(["tokens"])}
@group(0) @binding(0) var<storage, read_write> out: array<V>; // [tokens, heads, N]
@group(0) @binding(1) var<storage, read_write> lse: array<f32>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> qkv: array<V>; // [tokens, heads + 2 kv_heads, N]
@group(0) @binding(3) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(4) var<storage, read> tiles: array<vec2u>; // [tile_count], and those that follow
${lastBindings(shape, ["qkv"], 5)}
${loaders(stage)}
${MAIN}
  ${queryTile("tile0")}
  if ((tile0.x - place.x) / LANES % 2u == 1u) {
    return;
  }
  let next = tile0.x + LANES;
  let has_next = next < p.tokens && places[min(next, p.tokens - 1u)].x == place.x;
  var tile1 = tile0;
  if (has_next) {
    tile1 = tiles[at + 1u];
  }
  let tiles_end = tile1.x + tile1.y;
  ${
    each(ROWS, (r) =>
      `${queryOf(shape, r)}
  var top${r} = ${LOWEST};
  var sum${r} = 0.0;
  ${unroll(vectors, (d) => `var out${r}_${d} = V(0.0);`)}`)
  }
  ${
    keyLoop(
      visit(shape, {
        stage,
        block,
        body: (visited) =>
          `${keyScores({ block, vectors, rows: ROWS }, visited)}
    ${
            each(ROWS, (r) =>
              `var new_top${r} = top${r};
    ${all((i) => `new_top${r} = max(new_top${r}, score${r}_${i});`, "\n")}
    let shrink${r} = exp(top${r} - new_top${r});
    ${all((i) => `let weight${r}_${i} = exp(score${r}_${i} - new_top${r});`, "\n")}
    top${r} = new_top${r};
    sum${r} = sum${r} * shrink${r} + (${all((i) => `weight${r}_${i}`, " + ")});`)
          }
    ${
            unroll(vectors, (d) =>
              `{
      ${all((i) => `let b${i} = ${visited.b(i, d)};`, "\n")}
      ${
                each(ROWS, (r) =>
                  `out${r}_${d} = out${r}_${d} * shrink${r} + (${all((i) => `weight${r}_${i} * b${i}`, " + ")});`)
              }
    }`)
          }`,
      }),
      { rows: ROWS },
    )
  }
  ${
    each(ROWS, (r) =>
      `if (lane < tile${r}.y${r === "1" ? " && has_next" : ""}) {
    lse[row${r}] = top${r} + log(sum${r});
    ${unroll(vectors, (d) => `out[row${r} * N + ${d}u] = out${r}_${d} / sum${r};`)}
  }`)
  }
}
`;
}
