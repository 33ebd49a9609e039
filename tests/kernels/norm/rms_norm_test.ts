import {
  addRmsNorm,
  rmsNorm,
  rmsNormBackward,
  rmsNormBackwardWeight,
  rmsNormScratchBytes,
} from "../../../kernels/norm/rms_norm.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { numericGradient } from "../../_shared/finite_difference.ts";

interface Sizes {
  rows: number;
  columns: number;
  eps: number;
}

/** y and 1/rms in float64. */
function reference(
  x: ArrayLike<number>,
  { weight, rows, columns, eps }: Sizes & { weight: ArrayLike<number> },
): { y: Float64Array; invRms: Float64Array } {
  const y = new Float64Array(rows * columns);
  const invRms = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += x[r * columns + c]! ** 2;
    invRms[r] = 1 / Math.sqrt(sum / columns + eps);
    for (let c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c]! * invRms[r]! * weight[c]!;
  }
  return { y, invRms };
}

/** dx and dweight in float64. */
function referenceBackward(
  dy: ArrayLike<number>,
  { x, weight, rows, columns, eps }: Sizes & { x: ArrayLike<number>; weight: ArrayLike<number> },
): { dx: Float64Array; dweight: Float64Array } {
  const { invRms } = reference(x, { weight, rows, columns, eps });
  const dx = new Float64Array(rows * columns);
  const dweight = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    let dot = 0;
    for (let c = 0; c < columns; c++) dot += weight[c]! * dy[r * columns + c]! * x[r * columns + c]!;
    for (let c = 0; c < columns; c++) {
      const i = r * columns + c;
      dx[i] = invRms[r]! * weight[c]! * dy[i]! - x[i]! * invRms[r]! ** 3 * dot / columns;
      dweight[c]! += dy[i]! * x[i]! * invRms[r]!;
    }
  }
  return { dx, dweight };
}

function larger(data: Float32Array, by: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length + by).fill(1e3);
  out.set(data);
  return out;
}

// Of the widest rows, lanes cannot keep all.
const cases = [[1, 1], [3, 7], [5, 64], [17, 33], [2, 1000], [70, 36], [300, 12], [2, 2051], [1, 4100]] as const;

for (const { family, commands } of families) {
  for (const [rows, columns] of cases) {
    Deno.test(`rmsNorm() matches the reference at ${rows}x${columns} (${family})`, async () => {
      const eps = 1e-5;
      const x = randomF32(rows * columns, 1);
      const weight = randomF32(columns, 2);
      const expected = reference(x, { weight, rows, columns, eps });
      const buffers = { y: guarded(rows * columns), invRms: guarded(rows), x: guarded(x), weight: guarded(weight) };
      rmsNorm(commands, { ...buffers, rows, columns, eps });
      commands.submit();
      assertClose(await readF32(buffers.y), expected.y, { rtol: 2e-6, atol: 1e-7, label: "y" });
      assertClose(await readF32(buffers.invRms), expected.invRms, { rtol: 2e-6, label: "inv_rms" });
      release(...Object.values(buffers));
    });

    Deno.test(`addRmsNorm() matches the reference at ${rows}x${columns} (${family})`, async () => {
      const eps = 1e-5;
      const [a, b, weight] = [1, 2, 3].map((seed) => randomF32(seed < 3 ? rows * columns : columns, seed));
      const sum = a!.map((value, i) => value + b![i]!);
      const expected = reference(sum, { weight: weight!, rows, columns, eps });
      const inputs = { a: guarded(a!), b: guarded(b!), weight: guarded(weight!) };
      const outputs = { sum: guarded(rows * columns), y: guarded(rows * columns), invRms: guarded(rows) };
      addRmsNorm(commands, { ...inputs, ...outputs, rows, columns, eps });
      commands.submit();
      assertClose(await readF32(outputs.sum), sum, { rtol: 0, label: "sum" });
      assertClose(await readF32(outputs.y), expected.y, { rtol: 2e-6, atol: 1e-7, label: "y" });
      assertClose(await readF32(outputs.invRms), expected.invRms, { rtol: 2e-6, label: "inv_rms" });
      release(...Object.values(inputs), ...Object.values(outputs));
    });

    Deno.test(`rmsNormBackward() matches the reference at ${rows}x${columns} (${family})`, async () => {
      const eps = 1e-5;
      const x = randomF32(rows * columns, 1);
      const weight = randomF32(columns, 2);
      const dy = randomF32(rows * columns, 3);
      const before = randomF32(rows * columns, 4);
      const dweightBefore = randomF32(columns, 5);
      const invRms = Float32Array.from(reference(x, { weight, rows, columns, eps }).invRms);
      const expected = referenceBackward(dy, { x, weight, rows, columns, eps });
      // Buffers may be larger than what is in use.
      const shared = {
        invRms: guarded(larger(invRms, 64)),
        x: guarded(larger(x, 64 * columns)),
        dy: guarded(larger(dy, 64 * columns)),
      };
      const weightBuffer = guarded(weight);
      const dx = guarded(new Float32Array(rows * columns).fill(NaN));
      const dxAdded = guarded(before);
      const dweight = guarded(dweightBefore);
      const scratch = guarded(rmsNormScratchBytes(rows, columns) / 4);
      rmsNormBackward(commands, { dx, ...shared, weight: weightBuffer, rows, columns });
      rmsNormBackward(commands, { dx: dxAdded, ...shared, weight: weightBuffer, rows, columns, accumulate: true });
      rmsNormBackwardWeight(commands, { dweight, scratch, ...shared, rows, columns });
      commands.submit();
      const scale = Math.sqrt(rows);
      assertClose(await readF32(dx), expected.dx, { rtol: 5e-6, atol: 2e-6, label: "dx" });
      assertClose(await readF32(dxAdded), expected.dx.map((d, i) => d + before[i]!), {
        rtol: 5e-6,
        atol: 2e-6,
        label: "dx added to",
      });
      assertClose(await readF32(dweight), expected.dweight.map((d, i) => d + dweightBefore[i]!), {
        rtol: 5e-6,
        atol: 5e-7 * scale,
        label: "dweight",
      });
      await readF32(scratch);
      release(...Object.values(shared), weightBuffer, dx, dxAdded, dweight, scratch);
    });
  }
}

Deno.test("the reference gradients of RMSNorm match finite differences", () => {
  const sizes = { rows: 3, columns: 7, eps: 1e-5 };
  const x = Float64Array.from(randomF32(21, 1));
  const weight = Float64Array.from(randomF32(7, 2));
  const dy = Float64Array.from(randomF32(21, 3));
  const loss = (): number => reference(x, { weight, ...sizes }).y.reduce((sum, y, i) => sum + y * dy[i]!, 0);
  const { dx, dweight } = referenceBackward(dy, { x, weight, ...sizes });
  assertClose(dx, numericGradient(loss, x), { rtol: 1e-6, atol: 1e-8 });
  assertClose(dweight, numericGradient(loss, weight), { rtol: 1e-6, atol: 1e-8 });
});
