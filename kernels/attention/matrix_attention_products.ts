/** The WGSL of the products of attention on matrix units, which matrix_attention.ts describes. @module */
import { addProduct, declareSums, loadFactor, storeSums } from "../device/subgroup_matrix.ts";
import { unroll } from "../unroll.ts";
import { BLOCK } from "./blocked_attention.ts";
import { type MatrixAttentionShape, SUMS_STRIDE, WEIGHTS_STRIDE } from "./matrix_attention.ts";
import { type Pass, sumsAt } from "./matrix_attention_parts.ts";

/** Statements that add the products of two factors' parts, each given as its high and low one, to sums. */
function addParts(sums: string, left: string, right: string, parts: 1 | 2): string {
  const own = addProduct(sums, `${left}_0`, `${right}_0`);
  if (parts === 1) return own;
  return [addProduct(sums, `${left}_1`, `${right}_0`), addProduct(sums, `${left}_0`, `${right}_1`), own].join("\n");
}

/** The loads of a factor's parts. */
function loadParts(
  { unit, parts }: MatrixAttentionShape,
  name: string,
  { side, array, first, plane }: { side: "left" | "right"; array: string; first: string; plane: string },
): string {
  return unroll(parts, (part) => {
    const line = part === 0 ? first : `${first} + ${plane}`;
    const place = { array, first: `(${line}) * DEPTH`, stride: unit.k, byColumns: side === "right" };
    return `let ${name}_${part} = ${loadFactor(side, unit, place)};`;
  });
}

/**
 * Heads in float16: an array, the line of its first row, and how many lines there are from matrix to matrix along the head,
 * and from part to part. In lines of DEPTH numbers: compilers load whole lines where a place is a multiple of a constant.
 */
export interface HeadLines {
  array: string;
  first: string;
  rows: string;
  plane: string;
}

/** Products of the subgroup's rows with the block's, in workgroup memory. */
export function scores(shape: MatrixAttentionShape, left: HeadLines, right: HeadLines): string {
  const { unit, parts, scoreColumns } = shape;
  const { n } = unit;
  const across = scoreColumns / n;
  return `workgroupBarrier();
    for (var column = 0u; column < BLOCK; column += ${scoreColumns}u) {
      ${unroll(across, (j) => declareSums(`s${j}`, unit))}
      for (var chunk = 0u; chunk < p.chunks; chunk++) {
        let left_chunk = ${left.first} + chunk * ${left.rows};
        let right_chunk = ${right.first} + chunk * ${right.rows} + column;
        ${loadParts(shape, "left", { ...left, side: "left", first: "left_chunk" })}
        ${
    unroll(across, (j) =>
      `{
          ${loadParts(shape, "right", { ...right, side: "right", first: `right_chunk + ${j * n}u` })}
          ${addParts(`s${j}`, "left", "right", parts)}
        }`)
  }
      }
      ${unroll(across, (j) => storeBand(`s${j}`, `column + ${j * n}u`))}
    }
    workgroupBarrier();`;
}

function storeBand(name: string, column: string): string {
  return storeSums(name, {
    array: "sums",
    first: `band * ${SUMS_STRIDE}u + ${column}`,
    stride: SUMS_STRIDE,
  });
}

/** Stores four neighbours of a lane's weights in float16: `w`, times a factor. */
export function storeWeights({ rows, parts }: MatrixAttentionShape, at: string, factor: string): string {
  const store = (at: string, value: string): string =>
    `{
        let halves = vec4<f16>(${value}${factor});
        ${unroll(4, (q) => `weights[${at} + ${q}u] = halves[${q}];`)}
      }`;
  return `let high = ${parts === 1 ? "eleven_bits" : "first_bits"}(w);
      ${store(at, "high")}
      ${parts === 1 ? "" : store(`${at} + ${rows * WEIGHTS_STRIDE}u`, "(w - high)")}`;
}

/** The other factor of a sum: rows of a block along which numbers lie side by side. */
export interface RowLines {
  array: string;
  /** The line of the head, and the block's first row. */
  first: string;
  row: string;
  plane: string;
}

/**
 * Adds the weights times some columns of the block's first `count` rows to what the lanes keep of them. `add` gives what is
 * kept from what was and the sums.
 */
export function addSums(
  shape: MatrixAttentionShape,
  { first, count, index }: Pass,
  { name, rowCount, right, add }: {
    name: string;
    rowCount: string;
    right: RowLines;
    add: (kept: string, sums: string) => string;
  },
): string {
  const { unit, parts, rows, rowLanes } = shape;
  const { n } = unit;
  const across = count / n;
  const own = count / rowLanes;
  const weights = (part: number): string => {
    // Compilers that see it to be within the array check nothing, and load whole lines.
    const at = `band * ${WEIGHTS_STRIDE}u + ${part * rows * WEIGHTS_STRIDE}u + step % ${BLOCK / unit.k}u * DEPTH`;
    return `let w_${part} = ${loadFactor("left", unit, { array: "weights", first: at, stride: WEIGHTS_STRIDE })};`;
  };
  return `{
      ${unroll(across, (j) => declareSums(`sums${j}`, unit))}
      let steps = (${rowCount} + DEPTH - 1u) / DEPTH;
      for (var step = 0u; step < steps; step++) {
        let line = ${right.first} + (${right.row} / DEPTH + step) * PADDED + ${first}u;
        ${unroll(parts, weights)}
        ${
    unroll(across, (j) =>
      `{
          ${loadParts(shape, "right", { ...right, side: "right", first: `line + ${j * n}u` })}
          ${addParts(`sums${j}`, "w", "right", parts)}
        }`)
  }
      }
      ${index === 0 ? "" : "workgroupBarrier();"}
      ${unroll(across, (j) => storeBand(`sums${j}`, `${j * n}u`))}
    }
    workgroupBarrier();
    {
      let at = own * ${SUMS_STRIDE}u + part * ${own}u;
      ${
    unroll(own / 4, (c) => {
      const kept = `${name}${index}_${c}`;
      return `${kept} = ${add(kept, sumsAt(`at + ${4 * c}u`))};`;
    })
  }
    }`;
}
