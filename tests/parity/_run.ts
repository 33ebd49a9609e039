/** A run of `optimize`, held against its golden. @module */
import assert, { equal } from "node:assert/strict";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import type { DeviceFamily } from "../../kernels/device/tuning.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { runConfig, withFolder } from "../_shared/dnpo.ts";
import type { Architecture } from "../_shared/oracle.ts";
import { optimizeConfig } from "../_shared/run_settings.ts";
import { assertTrajectory, readJsonLines, readTensors } from "../_shared/trajectory.ts";
import { type Golden, goldenPath, GOLDENS, sketchDistance, sketchUpdate, type UpdateSketch } from "./_golden.ts";

/** Final weights are to be within this share of the update's norm. */
const UPDATE = 2e-3;

/** Runs the golden's settings with one family of kernels and precision, and throws where the numbers differ. */
export async function assertGolden(
  arch: Architecture,
  family: DeviceFamily,
  { precision = "float32" }: { precision?: MatmulPrecision } = {},
): Promise<void> {
  await withFolder(async (dir) => {
    const golden: Golden = JSON.parse(await Deno.readTextFile(goldenPath(arch)));
    const model = `${GOLDENS}${arch}`;
    const outputDir = `${dir}/run`;
    const config = optimizeConfig(golden.settings, { model, outputDir, accumulation: 3 });
    await runConfig("optimize", config, {
      set: [`training.precision=${precision}`],
      env: { DNPO_KERNELS: family },
    });
    equal(JSON.parse(await Deno.readTextFile(`${outputDir}/kernels.json`)).family, family);
    assertTrajectory(await readJsonLines(`${outputDir}/metrics.jsonl`), golden.log, { label: arch });
    const weights = await readTensors(`${outputDir}/model/model.safetensors`);
    assertSketch(sketchUpdate(await readTensors(`${model}/model.safetensors`), weights), golden.weights, "weights");
    const noise = await readTensors(`${outputDir}/noise.safetensors`);
    assertSketch(sketchUpdate(await readTensors(`${model}/noise_init.safetensors`), noise), golden.noise, "noise");
  });
}

function assertSketch(actual: UpdateSketch, expected: UpdateSketch, label: string): void {
  const most = UPDATE * expected.norm;
  assertClose(actual.norm, expected.norm, { atol: most, label: `${label}: norm of the update` });
  assert.deepEqual(Object.keys(actual.tensors), Object.keys(expected.tensors));
  for (const [name, norm] of Object.entries(expected.tensors)) {
    assertClose(actual.tensors[name]!, norm, { atol: most, label: `${label}: norm of the update of ${name}` });
  }
  const distance = sketchDistance(actual, expected);
  assert(distance <= most, `${label}: about ${distance} from the golden, expected at most ${most}`);
}
