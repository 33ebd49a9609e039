/** The WGSL of the two products of attention on a GPU, which blocked_attention.ts describes. @module */
import { unroll } from "../unroll.ts";
import { BLOCK, type BlockSizes, LANES, SIDE } from "./blocked_attention.ts";
import { columns, component, eachColumn } from "./blocked_attention_text.ts";

/**
 * The product of scores: declares {name}0 … {name}3, the dot products of the rows with the lane's columns. `rows` and
 * `block` load vec4 `d` of the row and of the token `slot`.
 */
export function scores(size: BlockSizes, { name, rows, block }: { name: string; rows: string; block: string }): string {
  const { rowsOfLane, chunk, chunks, vectors } = size;
  const padded = chunk * chunks > vectors;
  const load = (text: string): string => padded ? `select(vec4f(), ${text}, whole < N)` : text;
  const every = LANES / chunk;
  const guarded = (count: number, line: string): string => every === count ? line : `if (slot < ${count}u) { ${line} }`;
  return `
  ${eachColumn((j) => `var ${name}${j} = Rows();`)}
  for (var chunk = 0u; chunk < CHUNKS; chunk++) {
    workgroupBarrier();
    {
      let whole = chunk * CHUNK + slot_vector;
      let d = ${padded ? "min(whole, N - 1)" : "whole"};
      ${guarded(size.rows, `staged[row_line][row_place] = ${load(rows)};`)}
      ${guarded(BLOCK, `staged[column_line][column_place] = ${load(block)};`)}
    }
    workgroupBarrier();
    ${
    unroll(chunk, (e) =>
      `{
      ${unroll(rowsOfLane, (i) => `let a${i} = staged[down][${i * chunk + e}];`)}
      ${
        ["x", "y", "z", "w"].map((c) => `let ${c} = Rows(${unroll(rowsOfLane, (i) => `a${i}.${c}`, ", ")});`).join(
          "\n      ",
        )
      }
      ${
        eachColumn((j) =>
          `let b${j} = staged[SIDE + side][${j * chunk + e}];
      ${["x", "y", "z", "w"].map((c) => `${name}${j} = fma(Rows(b${j}.${c}), ${c}, ${name}${j});`).join("\n      ")}`
        )
      }
    }`)
  }
  }`;
}

/**
 * The product of sums: adds to {name}{i}_{c} the weights, which are in {weights}0 … {weights}3 and are lost, times the
 * vectors of the block's first `count` tokens. `load` gives vec4 `d` of the head at `at`, that of the token
 * first + step_token.
 */
export function addSums(
  size: BlockSizes,
  { name, weights, count, at, load }: {
    name: string;
    weights: string;
    count: string;
    at: string;
    load: (d: string) => string;
  },
): string {
  const { step, part, sums, across, lines, vectors } = size;
  const steps = SIDE / step;
  const lanes = LANES / step;
  const lineOf = (c: number): number => Math.floor(c * across / SIDE);
  const [first, ...others] = columns(weights);
  return `
  for (var first = 0u; first < ${count}; first += STEP) {
    workgroupBarrier();
    ${steps === 1 ? "{" : "if (first % SIDE == 0) {"}
      pass_rows(side, down, ${first});
      ${[first, ...others].slice(0, -1).map((to, j) => `${to} = ${others[j]};`).join(" ")}
    }
    {
      let at = ${at};
      ${
    unroll(Math.ceil(vectors / lanes), (i) => {
      const line = `staged[step_line + ${i * lanes / SIDE}u][step_place] = ${load(`step_vector + ${i * lanes}u`)};`;
      return (i + 1) * lanes > vectors ? `if (step_vector + ${i * lanes}u < N) { ${line} }` : line;
    })
  }
    }
    workgroupBarrier();
    ${
    unroll(step, (k) =>
      `{
      let w = passed[${steps === 1 ? `${k}` : `first % SIDE + ${k}u`}][first_sum / ${part}u];
      ${
        unroll(sums, (c) =>
          `let v${c} = staged[${k * lines + lineOf(c)}][across + ${c * across % SIDE}u];
      ${unroll(part, (i) => `${name}${i}_${c} = fma(vec4f(${component("w", part, i)}), v${c}, ${name}${i}_${c});`)}`)
      }
    }`)
  }
  }`;
}

/** Text for each of the lane's rows of sums that is there, with its number `row` in the tile. */
export function eachSummedRow({ part }: BlockSizes, text: (i: number) => string): string {
  return unroll(part, (i) => `
  {
    let row = first_row + first_sum + ${i}u;
    if (row <= last_row) {
      ${text(i)}
    }
  }`);
}

/** Stores the sums {name}{i}_{c}, with `value` made of each, into a buffer at `at`. */
export function storeSums(
  { sums, across, vectors }: BlockSizes,
  { buffer, at, value }: { buffer: string; at: string; value: (c: number) => string },
): string {
  return unroll(sums, (c) => {
    const store = `store_${buffer}(${at}, across + ${c * across}u, ${value(c)});`;
    return (c + 1) * across > vectors ? `if (across + ${c * across}u < N) { ${store} }` : store;
  });
}
