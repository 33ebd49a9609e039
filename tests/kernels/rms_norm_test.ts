import { rmsNorm } from "../../kernels/rms_norm.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { commands, guarded, randomF32, readF32, release } from "../_shared/device.ts";

/** y and 1/rms in float64. */
function reference(
  x: ArrayLike<number>,
  { weight, rows, columns, eps }: { weight: ArrayLike<number>; rows: number; columns: number; eps: number },
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

const cases = [[1, 1], [3, 7], [5, 64], [17, 33], [2, 1000]] as const;

for (const [rows, columns] of cases) {
  Deno.test(`rmsNorm() matches the reference at ${rows}x${columns}`, async () => {
    const eps = 1e-5;
    const x = randomF32(rows * columns, 1);
    const weight = randomF32(columns, 2);
    const expected = reference(x, { weight, rows, columns, eps });
    const buffers = { y: guarded(rows * columns), invRms: guarded(rows), x: guarded(x), weight: guarded(weight) };
    rmsNorm(commands, { ...buffers, rows, columns, eps });
    assertClose(await readF32(buffers.y), expected.y, { rtol: 2e-6, atol: 1e-7, label: "y" });
    assertClose(await readF32(buffers.invRms), expected.invRms, { rtol: 2e-6, label: "inv_rms" });
    release(...Object.values(buffers));
  });
}
