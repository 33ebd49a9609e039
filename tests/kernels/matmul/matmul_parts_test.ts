/** Products that alone take longer than a submission should: the same bits in parts. */
import { deepEqual, equal } from "node:assert/strict";
import { Commands } from "../../../kernels/device/commands.ts";
import { Device } from "../../../kernels/device/device.ts";
import { Pace } from "../../../kernels/device/pace.ts";
import { type Matmul, matmul } from "../../../kernels/matmul/matmul.ts";
import { partsOf } from "../../../kernels/matmul/matmul_parts.ts";
import { device, guarded, randomF32, readU32, release } from "../../_shared/device.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";

/** Recorders of both families, whose pace nothing else learns from. */
const RECORDERS = (["cpu", "gpu"] as const).map((family) =>
  [
    family,
    new Commands(new Device(device.gpu, { info: device.info, family, subgroupSize: device.subgroupSize })),
  ] as const
);

/** The bits of c after a product within a budget of so many seconds, and its submissions. */
async function within(
  commands: Commands,
  budget: number,
  call: Omit<Matmul, "c"> & { old: Float32Array },
): Promise<{ bits: Uint32Array; submits: number }> {
  const { old, ...product } = call;
  const c = guarded(old);
  commands.device.pace = new Pace();
  commands.device.pace.budget = budget;
  const before = commands.submitCount;
  matmul(commands, { ...product, c });
  commands.submit();
  const submits = commands.submitCount - before;
  const bits = await readU32(c);
  release(c);
  return { bits, submits };
}

for (const [family, commands] of RECORDERS) {
  for (const mode of ["NN", "NT", "TN"] as const) {
    Deno.test(`matmul() ${mode} gives the same bits in parts, on a ${family}`, async () => {
      // On a GPU, blocks of k of a TN product depend on m where k is long.
      const { m, n, k } = { m: 300, n: 68, k: mode === "TN" && family === "gpu" ? 6600 : 660 };
      const [lda, ldb, ldc] = [(mode === "TN" ? m : k) + 4, (mode === "NT" ? k : n) + 8, n + 12];
      const a = guarded(randomF32((mode === "TN" ? k : m) * lda + 8, 1));
      const b = guarded(randomF32((mode === "NT" ? n : k) * ldb + 4, 2));
      const bias = guarded(randomF32(n, 3));
      const old = randomF32(m * ldc + 12, 4);
      const placed = { lda, ldb, ldc, aFirst: 8, bFirst: 4, cFirst: 12, scale: 0.3, accumulate: true };
      for (const more of [{}, { bias }, placed, { ...placed, bias }]) {
        const call = { mode, a, b, m, n, k, ...more, old };
        const whole = await within(commands, Infinity, call);
        const cut = await within(commands, 1e-12, call);
        deepEqual(cut.bits, whole.bits, JSON.stringify(Object.keys(more)));
        deepEqual([whole.submits, cut.submits], [1, 3]);
      }
      release(a, b, bias);
    });
  }

  Deno.test(`matmul() with a quantized b gives the same bits in parts, on a ${family}`, async () => {
    const { m, n, k } = { m: 300, n: 68, k: 640 };
    const a = guarded(randomF32(m * k, 1));
    const stored = storeMatrix("int4", randomF32(n * k, 2), { rows: n, columns: k });
    const [b, scales] = [guarded(stored.data), guarded(stored.scales!)];
    const call = {
      mode: "NT" as const,
      a,
      b,
      scales,
      bType: "int4" as const,
      m,
      n,
      k,
      old: new Float32Array(m * n),
    };
    const cut = await within(commands, 1e-12, call);
    deepEqual(cut.bits, (await within(commands, Infinity, call)).bits);
    equal(cut.submits, 3);
    release(a, b, scales);
  });
}

Deno.test("partsOf() cuts what takes too long into whole tiles, as few as it can", () => {
  const [, commands] = RECORDERS[0]!;
  commands.device.pace = new Pace();
  const { pace } = commands.device;
  const rows = (m: number, n: number, k: number): number[] =>
    partsOf(commands, { mode: "NT", m, n, k }).map(({ rows }) => rows);
  // At 10 GFLOP/s a quarter of a second is 2.5 GFLOP.
  deepEqual(rows(4096, 4096, 64), [4096]);
  deepEqual(rows(4096, 4096, 128), [2304, 1792]);
  deepEqual(rows(300, 4096, 4096), [128, 128, 44]);
  deepEqual(rows(128, 32768, 32768), [128]);
  pace.budget = Infinity;
  deepEqual(rows(4096, 4096, 128), [4096]);
});
