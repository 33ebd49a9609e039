/** The WGSL of a block of queries and of its walk over its keys, for attention on a GPU. @module */
import { MASKED } from "./attention_text.ts";
import { type BlockSizes, SIDE } from "./blocked_attention.ts";
import { eachColumn } from "./blocked_attention_text.ts";

/**
 * The start of the kernels whose rows are queries: the block of the tile's rows, which are the query heads of the group
 * for each token in turn, so that short tiles fill their blocks.
 */
export const QUERY_ROWS = `let blocks_of_tile = TILE / ROWS * group_size;
  if (index >= p.tile_count * p.kv_heads * blocks_of_tile) {
    return;
  }
  let tile_index = index / (p.kv_heads * blocks_of_tile);
  let tile = tiles[tile_index];
  let kv_head = index / blocks_of_tile % p.kv_heads;
  let first_row = index % blocks_of_tile * ROWS;
  if (first_row >= tile.y * group_size) {
    return;
  }
  let last_row = min(first_row + ROWS, tile.y * group_size) - 1;
  let first_token = tile.x + first_row / group_size;
  let last_token = tile.x + last_row / group_size;
  let place = places[tile.x];`;

/** The same, with the rows that a lane has scores of, and the one that it loads a part of. */
export function queryBlock({ rowsOfLane }: BlockSizes): string {
  return `${QUERY_ROWS}
  let rows = min(RowIds(first_row + down * ${rowsOfLane}u) + COUNTED, RowIds(last_row));
  let tokens = RowIds(tile.x) + rows / RowIds(group_size);
  let slot_row = min(first_row + slot, last_row);
  let slot_token = tile.x + slot_row / group_size;
  let slot_head = kv_head * group_size + slot_row % group_size;
  let q_at = slot_token * token_stride + slot_head * STRIDE;`;
}

/**
 * The walk of a block of queries over its keys: blocks from the prefix's start, then blocks from the segment's start, so
 * that the order of a token's sums depends on its own row alone. Blocks that the window hides from all are passed over:
 * they would add nothing. A query sees the keys from `lowest` on, `seen` of them.
 */
export function walkKeys(body: string): string {
  return `
  let prefix_blocks = (place.z - place.y + BLOCK - 1) / BLOCK;
  let blocks = prefix_blocks + (last_token + 1 - place.x + BLOCK - 1) / BLOCK;
  for (var block = 0u; block < blocks; block++) {
    let in_prefix = block < prefix_blocks;
    let start = select(place.x + (block - prefix_blocks) * BLOCK, place.y + block * BLOCK, in_prefix);
    let end = min(start + BLOCK, select(last_token + 1, place.z, in_prefix));
    // Added to a query's token, this is the key of the same position.
    let shift = select(0u, place.z - place.x, in_prefix);
    if (end + p.window <= max(first_token + shift + 1, p.window)) {
      continue;
    }
    let lowest = max(tokens + RowIds(shift + 1), RowIds(p.window)) - RowIds(p.window);
    let seen = max(min(tokens + RowIds(1), RowIds(end)), lowest) - lowest;
    ${body}
  }`;
}

/** The walk with the keys that a lane loads. */
export function keyBlocks(body: string): string {
  return walkKeys(`let first_at = start * token_stride + (p.heads + kv_head) * STRIDE; // of k
    let last_at = first_at + (end - 1 - start) * token_stride;
    let k_at = min(first_at + slot * token_stride, last_at);
    let step_at = first_at + step_token * token_stride;
    ${body}`);
}

/** Whether some query of the block does not see all BLOCK keys. */
export const HIDES_SOME = "end < start + BLOCK || end > first_token + 1 || start + p.window <= last_token + shift";

/** Hides the keys that a query does not see, where there are such. */
export function mask(name: string): string {
  return `if (${HIDES_SOME}) {
      ${
    eachColumn((j) =>
      `${name}${j} = select(Rows(${MASKED}), ${name}${j}, RowIds(start + side + ${SIDE * j}u) - lowest < seen);`
    )
  }
    }`;
}
