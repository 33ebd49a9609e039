/**
 * The sizes of the attention kernels of a GPU, for one head size.
 *
 * A workgroup owns a block of rows (queries, or keys) and walks over the other side's tokens, {@linkcode BLOCK} at a
 * time, by two products:
 *
 * - scores: the rows' dot products with the block's tokens. Both sides pass through workgroup memory in chunks of the
 *   head. The lanes stand in a square, {@linkcode SIDE} across and down; each has the scores of a few neighbouring rows
 *   with every 16th token.
 * - sums: the weights that come of the scores, times the other side's vectors, {@linkcode BlockSizes.step} tokens at a
 *   time. Both pass through workgroup memory. Each lane has the sums of some of the rows that it has scores of, and
 *   every 16th or 8th vec4 of the head.
 *
 * So a lane holds the same few numbers whatever the head size is: one that holds whole heads has too few registers, on
 * all GPUs from head size 64 on.
 *
 * @module
 */

/** Lanes of a workgroup: the most that WebGPU grants everywhere. */
export const LANES = 256;
/** Lanes along each side of the scores. */
export const SIDE = 16;
/** Tokens of the other side that are taken at a time. */
export const BLOCK = 64;
/** Columns of scores that a lane has. */
export const COLUMNS: number = BLOCK / SIDE;
/** Tokens of a tile, all whose query heads of a group are walked with together. */
export const TILE = 64;

/** The most vec4s of a head that a chunk has. */
const MOST_CHUNK = 4;
/**
 * Lines of workgroup memory, of 16 vec4s each: for the rows of each sixteenth of the lanes, and for the columns; or for
 * a step of the sums.
 */
export const STAGED_LINES: number = 2 * SIDE;

/** What the text depends on. */
export interface BlockedShape {
  headDim: number;
  /** Factor on the scores before the softmax. */
  scale: number;
}

/** Sizes of the text for one head size and number of rows. */
export interface BlockSizes {
  /** Rows of a block: 16, 32 or 64. */
  rows: number;
  /** vec4s of a head; the last one is filled up with zeros. */
  vectors: number;
  /** Chunks of a head. */
  chunks: number;
  /** vec4s of a chunk. */
  chunk: number;
  /** Rows that a lane has scores of: 1, 2 or 4. */
  rowsOfLane: number;
  /** Lanes that share a row's sums: 8 or 16. */
  across: number;
  /** Rows that a lane has sums of: 1, 2 or 4. */
  part: number;
  /** vec4s of each row's sums that a lane has. */
  sums: number;
  /** Tokens of the other side in a step of the sums: 16, 8, 4, 2 or 1. */
  step: number;
  /** Lines of workgroup memory that a token of a step takes. */
  lines: number;
}

/**
 * The sizes for `headDim`. A block has as many rows as leave a lane no more than 64 sums, if `outputs` vectors of them
 * are kept for each row, and fewer where that leaves an AMD GPU half of its waves.
 */
export function blockSizes(headDim: number, outputs: 1 | 2): BlockSizes {
  const elements = headDim * outputs;
  const rows = elements <= 128 ? 64 : elements <= 512 ? 32 : 16;
  const vectors = Math.ceil(headDim / 4);
  const chunks = Math.ceil(vectors / MOST_CHUNK);
  const chunk = Math.ceil(vectors / chunks);
  const rowsOfLane = rows / SIDE;
  const across = lanesAcross(rows, vectors);
  const lines = Math.ceil(vectors / SIDE);
  let step = SIDE;
  while (step > 1 && step * lines > STAGED_LINES) step /= 2;
  return {
    rows,
    vectors,
    chunks,
    chunk,
    rowsOfLane,
    across,
    part: rows * across / LANES,
    sums: Math.ceil(vectors / across),
    step,
    lines,
  };
}

/** The number of lanes across with the fewest instructions for a token: vec4s that are not there cost as others do. */
function lanesAcross(rows: number, vectors: number): number {
  const costs = [16, 8].filter((across) => rows * across >= LANES).map((across) => {
    const loads = 1 + Math.ceil(vectors / across);
    return { across, cost: (rows * across / LANES) * 4 * Math.ceil(vectors / across) + loads };
  });
  return costs.reduce((best, one) => one.cost < best.cost ? one : best).across;
}
