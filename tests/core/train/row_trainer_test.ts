import { deepEqual, equal, ok } from "node:assert/strict";
import { countBuilt } from "../../_shared/built_kernels.ts";
import { device } from "../../_shared/device.ts";
import { withTinyModel } from "../_tiny.ts";
import { run } from "./_optimize.ts";

// The file's only device has no kernels before.
Deno.test("an optimize stage builds all its kernels together, those of the reference and those of a step", () =>
  withTinyModel(async ({ dir }) => {
    using built = countBuilt(device);
    const counts: number[][] = [];
    const { lines } = await run(dir, {
      noise: { update: "joint", learning_rate: 1e-2 },
      onStep: () => counts.push([built.ahead, built.atFirstUse]),
    });
    const [[ahead, atFirstUse]] = counts as [[number, number]];
    ok(ahead > 20, `${ahead} kernels`);
    equal(atFirstUse, 0);
    deepEqual(new Set(counts.map(String)).size, 1, "no step needs more");
    equal(lines.length, 4);
  }));
