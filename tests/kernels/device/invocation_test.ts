import { deepEqual, ok } from "node:assert/strict";
import { rope, ropeTable } from "../../../kernels/attention/rope.ts";
import { type Commands, grid } from "../../../kernels/device/commands.ts";
import { swiglu } from "../../../kernels/mlp/swiglu.ts";
import { rmsNorm } from "../../../kernels/norm/rms_norm.ts";
import { elementLanes } from "../../../kernels/vector.ts";
import { commands, guarded, limited, randomF32, readF32, release } from "../../_shared/device.ts";

/** Few enough for every grid here to be folded; 23 workgroups lie in rows of 5 with two too many. */
const folded = limited({ maxComputeWorkgroupsPerDimension: 5 });
const ROWS = 23;

/** Runs the work on both recorders, each with an output of its own. */
async function both(
  data: Float32Array<ArrayBuffer>,
  work: (commands: Commands, out: ReturnType<typeof guarded>) => void,
): Promise<Float32Array[]> {
  const results: Float32Array[] = [];
  for (const recorder of [commands, folded]) {
    const out = guarded(data);
    work(recorder, out);
    recorder.submit();
    results.push(await readF32(out));
    release(out);
  }
  return results;
}

Deno.test("grid() folds what passes the device's limit", () => {
  deepEqual(grid(folded.device, 5), [5, 1]);
  deepEqual(grid(folded.device, ROWS), [5, 5]);
});

Deno.test("a kernel with a workgroup for each row gives the same on a folded grid", async () => {
  const columns = 7;
  const inputs = { x: guarded(randomF32(ROWS * columns, 1)), weight: guarded(randomF32(columns, 2)) };
  const invRms = guarded(ROWS);
  const [flat, twice] = await both(
    new Float32Array(ROWS * columns).fill(NaN),
    (commands, y) => rmsNorm(commands, { ...inputs, y, invRms, rows: ROWS, columns, eps: 1e-6 }),
  );
  ok(flat!.every(Number.isFinite));
  deepEqual(twice, flat);
  release(invRms, ...Object.values(inputs));
});

Deno.test("a kernel with a lane for each element gives the same on a folded grid", async () => {
  // 12 elements a token, and 17 workgroups and a half.
  const tokens = Math.ceil(17.5 * elementLanes(commands.device) / 12);
  const sizes = { tokens, heads: 3, kvHeads: 1, headDim: 6 };
  const position = guarded(Uint32Array.from({ length: tokens }, (_, t) => t % 9));
  const table = guarded(ropeTable({ inverseFrequencies: Float64Array.of(1, 0.5, 0.1), maxPositions: 9 }));
  const [flat, twice] = await both(
    randomF32(tokens * 5 * 6, 3),
    (commands, qkv) => rope(commands, { ...sizes, qkv, position, table }),
  );
  deepEqual(twice, flat);
  release(position, table);
});

Deno.test("a kernel that walks over rows in strides gives the same on a grid of few rows", async () => {
  const inner = 4;
  const gateUp = guarded(randomF32(ROWS * 2 * inner, 4));
  const [flat, twice] = await both(
    new Float32Array(ROWS * inner).fill(NaN),
    (commands, act) => swiglu(commands, { act, gateUp, rows: ROWS, inner }),
  );
  ok(flat!.every(Number.isFinite));
  deepEqual(twice, flat);
  release(gateUp);
});
