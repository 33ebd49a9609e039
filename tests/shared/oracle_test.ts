/** `optimize` against the reference program in PyTorch (float64), step by step. @module */
import { runConfig, withFolder } from "../_shared/dnpo.ts";
import { type Architecture, makeArguments, oracle, parseLog, type Sizes } from "../_shared/oracle.ts";
import { DEFAULTS, optimizeConfig, oracleOptions, type RunSettings } from "../_shared/run_settings.ts";
import { assertTrajectory, assertUpdate, type Logged, readJsonLines, readTensors } from "../_shared/trajectory.ts";
import type { Tensors } from "../_shared/trajectory.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface Case {
  arch: Architecture;
  /** Seed of the random model. */
  model: number;
  sizes?: Sizes;
  settings: Partial<RunSettings>;
  /** Micro-batches of a step; every layout gives the same run. */
  accumulations?: number[];
}

const OTHER_SIZES = { hidden: 48, heads: 6, inter: 40, vocab: 131, rows: 12 };

const CASES: Case[] = [
  { arch: "llama", model: 1, settings: { noise: "none", batch: 4 }, accumulations: [1, 2, 4] },
  { arch: "llama", model: 1, settings: { batch: 4 }, accumulations: [1, 2, 4] },
  { arch: "llama", model: 2, settings: { noiseInit: "zeros", schedule: "linear", weightDecay: 0.1, seed: 7 } },
  { arch: "llama", model: 2, settings: { schedule: "cosine", warmup: 2, steps: 8, iteration: 3, seed: 4294967295 } },
  { arch: "llama", model: 3, settings: { noise: "none", batch: 1, schedule: "linear", warmup: 3, weightDecay: 0.1 } },
  {
    arch: "llama",
    model: 3,
    settings: { noise: "alternating", noiseSteps: 2, modelSteps: 2, batch: 4, steps: 4 },
    accumulations: [1, 2],
  },
  {
    arch: "llama",
    model: 4,
    sizes: { ...OTHER_SIZES, heads: 8 },
    settings: { batch: 8, beta: 0.5, alpha: 0.1 },
    accumulations: [1, 2, 4],
  },
  { arch: "llama", model: 5, settings: { batch: 1, maxVariance: 0.25, maxGradNorm: 0, noiseLearningRate: 0.05 } },
  { arch: "gqa", model: 1, settings: {} },
  { arch: "gqa", model: 2, sizes: OTHER_SIZES, settings: { noise: "none", batch: 3, schedule: "cosine" } },
  { arch: "mistral", model: 1, settings: { weightDecay: 0.1 } },
  { arch: "mistral", model: 2, sizes: { layers: 3 }, settings: { noise: "none" } },
  { arch: "qwen2", model: 1, settings: {} },
  { arch: "qwen2", model: 2, sizes: OTHER_SIZES, settings: { noise: "none", weightDecay: 0.1 } },
  { arch: "qwen3", model: 1, settings: { noise: "alternating", iteration: 1 } },
  { arch: "qwen3", model: 2, sizes: OTHER_SIZES, settings: { batch: 4 }, accumulations: [2] },
  { arch: "qwen3", model: 3, settings: { noise: "none" } },
];

/** Final weights and noise generator are to be within this share of the update's norm. */
const UPDATE = 2e-3;

interface Run {
  log: Logged[];
  weights: Tensors;
  noise: Tensors | null;
}

for (const { arch, model: seed, sizes = {}, settings: given, accumulations = [1] } of CASES) {
  const settings: RunSettings = { ...DEFAULTS, ...given };
  const layouts = accumulations.map((n) => `${settings.batch / n}x${n}`).join(" = ");
  const varied = Object.entries({ ...sizes, ...given }).filter(([name]) => name !== "batch").map((item) =>
    item.join(" ")
  );
  const name = `optimize agrees with the oracle: ${[arch, `model ${seed}`, `batch ${layouts}`, ...varied].join(", ")}`;
  sharedTest(name, () =>
    withFolder(async (dir) => {
      const program = sharedPath("oracle/oracle.py");
      const model = `${dir}/model`;
      await oracle(program, makeArguments(model, { arch, seed, sizes }));
      const expected: Run = {
        log: parseLog(
          await oracle(program, [
            "train",
            model,
            `${model}/pairs.jsonl`,
            `${dir}/oracle`,
            ...oracleOptions(settings, model),
          ]),
        ),
        weights: await readTensors(`${dir}/oracle/model.safetensors`),
        noise: settings.noise === "none" ? null : await readTensors(`${dir}/oracle/noise.safetensors`),
      };
      const start = await readTensors(`${model}/model.safetensors`);
      const noiseStart = settings.noiseInit === "file"
        ? await readTensors(`${model}/noise_init.safetensors`)
        : new Map();
      const runs: Run[] = [];
      for (const accumulation of accumulations) {
        const outputDir = `${dir}/run-${accumulation}`;
        await runConfig("optimize", optimizeConfig(settings, { model, outputDir, accumulation }));
        runs.push({
          log: await readJsonLines(`${outputDir}/metrics.jsonl`),
          weights: await readTensors(`${outputDir}/model/model.safetensors`),
          noise: settings.noise === "none" ? null : await readTensors(`${outputDir}/noise.safetensors`),
        });
      }
      for (const [i, run] of runs.entries()) {
        const layout = `${settings.batch / accumulations[i]!}x${accumulations[i]}`;
        assertRun(run, { expected, start, noiseStart }, { label: layout, rtol: 1e-4, most: UPDATE });
        // Among layouts nothing but the order of a few sums differs.
        const first = { expected: runs[0]!, start, noiseStart };
        if (i > 0) assertRun(run, first, { label: `${layout} against the first layout`, rtol: 1e-4, most: UPDATE / 5 });
      }
    }));
}

function assertRun(
  run: Run,
  { expected, start, noiseStart }: { expected: Run; start: Tensors; noiseStart: Tensors },
  { label, rtol, most }: { label: string; rtol: number; most: number },
): void {
  assertTrajectory(run.log, expected.log, { label, rtol });
  assertUpdate(run.weights, { start, expected: expected.weights }, { label: `${label}: final weights`, most });
  if (run.noise && expected.noise) {
    const noise = { start: noiseStart, expected: expected.noise };
    assertUpdate(run.noise, noise, { label: `${label}: noise generator`, most });
  }
}
