/** Training on matrix units: float32x3 against the goldens as they stand, float16 against float32. @module */
import { equal, ok } from "node:assert/strict";
import type { DeviceFamily } from "../../kernels/device/tuning.ts";
import { device } from "../_shared/device.ts";
import { runConfig, withFolder } from "../_shared/dnpo.ts";
import { ARCHITECTURES } from "../_shared/oracle.ts";
import { optimizeConfig } from "../_shared/run_settings.ts";
import { assertUpdate, readJsonLines, readTensors } from "../_shared/trajectory.ts";
import { type Golden, goldenPath, GOLDENS } from "./_golden.ts";
import { assertGolden } from "./_run.ts";

const STEPS = 20;
/** The most that a loss may differ in float16. */
const LOSS = 2e-3;
/** The most that final weights may, as a share of the update's norm. */
const UPDATE = 0.02;

if (device.matrix !== null) {
  for (const arch of ARCHITECTURES) {
    Deno.test(`optimize in float32x3 gives the golden run of ${arch}`, () =>
      assertGolden(arch, device.family, { precision: "float32x3" }));
  }

  // Attention is on matrix units in the kernels for GPUs alone.
  Deno.test("optimize in float32x3 gives the golden run of gqa with a GPU's kernels", () =>
    assertGolden("gqa", "gpu", { precision: "float32x3" }));

  const float16 = (family: DeviceFamily): Promise<void> =>
    withFolder(async (dir) => {
      const { settings }: Golden = JSON.parse(await Deno.readTextFile(goldenPath("gqa")));
      const model = `${GOLDENS}gqa`;
      const run = async (precision: string) => {
        const outputDir = `${dir}/${precision}`;
        const config = optimizeConfig({ ...settings, steps: STEPS }, { model, outputDir, accumulation: 3 });
        const env = { DNPO_KERNELS: family };
        await runConfig("optimize", config, { set: [`training.precision=${precision}`], env });
        return {
          lines: await readJsonLines(`${outputDir}/metrics.jsonl`),
          weights: await readTensors(`${outputDir}/model/model.safetensors`),
        };
      };
      const [full, half] = [await run("float32"), await run("float16")];
      const losses = full.lines.filter(({ loss }) => loss !== undefined);
      equal(losses.length, STEPS);
      for (const [i, { step, loss }] of losses.entries()) {
        const got = half.lines[i]!.loss!;
        ok(Math.abs(got - loss!) <= LOSS, `step ${step}: loss is ${got} in float16, ${loss} in float32`);
      }
      const start = await readTensors(`${model}/model.safetensors`);
      assertUpdate(half.weights, { start, expected: full.weights }, { label: "weights in float16", most: UPDATE });
      ok(half.lines.some(({ loss }, i) => loss !== full.lines[i]!.loss), "float16 gives float32's bits");
    });

  for (const family of ["cpu", "gpu"] as const) {
    Deno.test(`optimize in float16 goes where float32 goes over twenty steps of gqa (${family})`, () =>
      float16(family));
  }
} else {
  console.log("optimize on matrix units: NOT RUN, the device grants none");
}
