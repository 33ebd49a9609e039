import { biasGradient, biasGradientScratchBytes } from "../../../kernels/matmul/bias_gradient.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { guarded, randomF32, readF32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

for (const { family, commands } of families) {
  for (const [rows, columns] of [[1, 1], [64, 36], [65, 7], [130, 300], [4097, 20]] as const) {
    Deno.test(`biasGradient() adds the sums over ${rows} rows of ${columns} (${family})`, async () => {
      const dy = randomF32(rows * columns, 1);
      const before = randomF32(columns, 2);
      const expected = Float64Array.from(before);
      for (let i = 0; i < dy.length; i++) expected[i % columns]! += dy[i]!;
      // Buffers may be larger than what is in use.
      const larger = new Float32Array(dy.length + 64 * columns).fill(1e3);
      larger.set(dy);
      const buffers = {
        dbias: guarded(before),
        scratch: guarded(biasGradientScratchBytes(rows, columns) / 4),
        dy: guarded(larger),
      };
      biasGradient(commands, { ...buffers, rows, columns });
      commands.submit();
      assertClose(await readF32(buffers.dbias), expected, { rtol: 2e-6, atol: 5e-7 * Math.sqrt(rows) });
      await readF32(buffers.scratch);
      release(...Object.values(buffers));
    });
  }
}
