/** `optimize` against the goldens of METHOD's reference program (PyTorch, float64), one for each architecture. @module */
import assert, { equal } from "node:assert/strict";
import { assertClose } from "../_shared/assert_close.ts";
import { runConfig, withFolder } from "../_shared/dnpo.ts";
import { ARCHITECTURES } from "../_shared/oracle.ts";
import { optimizeConfig } from "../_shared/run_settings.ts";
import { assertTrajectory, readJsonLines, readTensors, type Tensors } from "../_shared/trajectory.ts";
import { type Golden, goldenPath, GOLDENS, sketchDistance, sketchUpdate, type UpdateSketch } from "./_golden.ts";

/** Final weights are to be within this share of the update's norm. */
const UPDATE = 2e-3;

for (const arch of ARCHITECTURES) {
  Deno.test(`optimize gives the golden run of ${arch}`, () =>
    withFolder(async (dir) => {
      const golden: Golden = JSON.parse(await Deno.readTextFile(goldenPath(arch)));
      const model = `${GOLDENS}${arch}`;
      const outputDir = `${dir}/run`;
      await runConfig("optimize", optimizeConfig(golden.settings, { model, outputDir, accumulation: 3 }));
      assertTrajectory(await readJsonLines(`${outputDir}/metrics.jsonl`), golden.log, { label: arch });
      const weights = await readTensors(`${outputDir}/model/model.safetensors`);
      assertSketch(sketchUpdate(await readTensors(`${model}/model.safetensors`), weights), golden.weights, "weights");
      const noise = await readTensors(`${outputDir}/noise.safetensors`);
      assertSketch(sketchUpdate(await readTensors(`${model}/noise_init.safetensors`), noise), golden.noise, "noise");
    }));
}

Deno.test("sketchDistance() estimates how far two changes are apart", () => {
  const tensors = (scale: number): Tensors =>
    new Map([["a", Float32Array.from({ length: 5000 }, (_, i) => scale * Math.sin(i * i))]]);
  const zero = tensors(0);
  const [one, more] = [sketchUpdate(zero, tensors(1)), sketchUpdate(zero, tensors(1.01))];
  assertClose(sketchDistance(one, more), 0.01 * one.norm, { rtol: 0.3 });
  equal(sketchDistance(one, one), 0);
});

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
