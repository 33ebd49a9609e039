/** The WGSL that both kernels of attention's gradient on matrix units have; matrix_gradient.ts describes them. @module */
import { unroll } from "../unroll.ts";
import { wgslNumber } from "./attention_text.ts";
import { BLOCK } from "./blocked_attention.ts";
import { type MatrixAttentionShape, WEIGHTS_STRIDE } from "./matrix_attention.ts";
import { combine, constants, sumsAt, WEIGHTS_POWER } from "./matrix_attention_parts.ts";
import { storeWeights } from "./matrix_attention_products.ts";

/** The most numbers of a row that its lanes together keep beside four matrices of sums. */
export const MOST_WHOLE = 128;

/** The shape for rows of which `kept` numbers are kept: with more, half as many columns are summed together. */
export function narrowed(shape: MatrixAttentionShape, kept: number): MatrixAttentionShape {
  const columns = 2 * shape.unit.n;
  const isWhole = [columns, shape.padded % columns].every((count) => count / shape.rowLanes % 4 === 0);
  if (kept <= MOST_WHOLE || !isWhole) return shape;
  return { ...shape, columns: Math.min(shape.columns, columns), scoreColumns: Math.min(shape.scoreColumns, columns) };
}

/** Constants and functions. */
export function gradientParts(shape: MatrixAttentionShape): string {
  return `${constants(shape)}
const SCALE = ${wgslNumber(shape.scale)};
const SCORES_SCALE = ${wgslNumber(shape.scale * Math.LOG2E)}; // for powers of two

${combine("row_max", "max(x, other)", shape, "u32")}

// As an integer, of which that of a number that is not finite is the largest.
fn magnitude(x: vec4f) -> u32 {
  let bits = bitcast<vec4u>(x) & vec4u(0x7fffffffu);
  return max(max(bits.x, bits.y), max(bits.z, bits.w));
}`;
}

/** Four numbers for each of these many columns, or the same for all. */
type OfColumns = (c: number) => string;

/** Text for each four of the scores that a lane has of its row. */
function eachFour({ rowLanes }: MatrixAttentionShape, text: (c: number) => string): string {
  return unroll(BLOCK / rowLanes / 4, text);
}

/** Declares the weights w0, w1, … of the scores; with `stores` they are stored in float16 too. */
export function weightsOf(
  shape: MatrixAttentionShape,
  { lse, stores }: { lse: OfColumns; stores: boolean },
): string {
  return eachFour(shape, (c) =>
    `let w${c} = exp2(${sumsAt(`sums_own + ${4 * c}u`)} * factor - ${lse(c)});${
      stores
        ? `
    {
      let w = w${c};
      ${storeWeights(shape, `weights_own + ${4 * c}u`, ` * ${2 ** WEIGHTS_POWER}.0`)}
    }`
        : ""
    }`);
}

/** Reads the weights w0, w1, … that were stored. */
export function storedWeights(shape: MatrixAttentionShape): string {
  const { rows, parts } = shape;
  const read = (c: number, part: number): string => {
    const at = `weights_own + ${4 * c + part * rows * WEIGHTS_STRIDE}u`;
    return `vec4f(vec4<f16>(${unroll(4, (q) => `weights[${at} + ${q}u]`, ", ")}))`;
  };
  return eachFour(
    shape,
    (c) => `let w${c} = (${unroll(parts, (part) => read(c, part), " + ")}) * ${2 ** -WEIGHTS_POWER};`,
  );
}

/**
 * Declares the factors that undo a product of dout and v, the smaller one first: their product may be too small for a number,
 * and the product of sums and the larger one too large. One that is NaN stays.
 */
export const DOUT_FACTORS = `let dout_is_least = dout_power < v_power;
    let least_power = select(v_power, dout_power, dout_is_least);
    let other_power = select(dout_power, v_power, dout_is_least);`;

/**
 * Makes gradients of scores of the weights and the sums, which are products of dout and v, and stores them in float16. A
 * row's largest is 2^14 ≤ |x| < 2^15 then; `undone` undoes it, apart from the other factor's power: their product may be too
 * small for a number.
 */
export function gradientsOf(shape: MatrixAttentionShape, delta: OfColumns): string {
  return `${
    eachFour(shape, (c) =>
      `let g${c} = w${c} * (${sumsAt(`sums_own + ${4 * c}u`)} * least_power * other_power - ${delta(c)});`)
  }
    var most = 0u;
    ${eachFour(shape, (c) => `most = max(most, magnitude(g${c}));`)}
    // From 29 on, so that both powers are normal numbers.
    let exponent = i32(max(row_max(most) >> 23u, 29u)) - 141;
    let undone = power(exponent);
    let scale = power(-exponent);
    ${
    eachFour(shape, (c) =>
      `{
      let w = g${c} * scale;
      ${storeWeights(shape, `weights_own + ${4 * c}u`, "")}
    }`)
  }
    workgroupBarrier();`;
}
