/** Noise generators of low rank against PyTorch in float64 (goldens/noise_rank.py), from their first values on. @module */
import { loadConfig } from "../../core/config/load_config.ts";
import { runOptimize } from "../../core/loop/single_stages.ts";
import { createNoise } from "../../core/train/noise_generator.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { commands } from "../_shared/device.ts";
import { withFolder } from "../_shared/dnpo.ts";
import { assertTrajectory, type Logged, readJsonLines, readTensors, type Tensors } from "../_shared/trajectory.ts";
import { GOLDENS } from "./_golden.ts";
import golden from "./goldens/noise_rank.json" with { type: "json" };

const { settings, runs } = golden;

type Run = typeof runs[number];

/** Runs the golden's settings; returns what was logged, and the generator at the end. */
async function optimize({ model, rank, init, update, lora }: Run): Promise<{ log: Logged[]; noise: Tensors }> {
  return await withFolder(async (dir) => {
    const config = await loadConfig(undefined, {
      defaults: {
        model: `${GOLDENS}${model}`,
        pairs: `${GOLDENS}${model}/pairs.jsonl`,
        output_dir: `${dir}/run`,
        iteration: settings.iteration,
        training: {
          learning_rate: settings.learning_rate,
          per_device_train_batch_size: 1,
          gradient_accumulation_steps: settings.batch,
          max_steps: settings.steps,
          lr_scheduler_type: settings.schedule,
          warmup_steps: settings.warmup,
          weight_decay: settings.weight_decay,
          max_grad_norm: settings.max_grad_norm,
          beta: settings.beta,
          shuffle: false,
          seed: settings.seed,
          logging_steps: 1,
        },
        noise: {
          rank,
          init,
          update,
          noise_steps: settings.noise_steps,
          model_steps: settings.model_steps,
          learning_rate: settings.noise_learning_rate,
          max_variance: settings.max_variance,
          alpha: settings.alpha,
        },
        ...(lora && { lora: { r: settings.lora_r, lora_alpha: settings.lora_alpha } }),
      },
    });
    await runOptimize(config);
    return {
      log: await readJsonLines(`${dir}/run/metrics.jsonl`),
      noise: await readTensors(`${dir}/run/noise.safetensors`),
    };
  });
}

/** The generator that the run begins with. */
async function firstValues({ rank, init }: Run, ends: Tensors): Promise<(name: string) => Float32Array> {
  const [vocab, hidden] = [ends.get("bias")!.length, ends.get("down")!.length / rank];
  const { seed, iteration } = settings;
  const noise = await createNoise(commands, { shape: { vocab, hidden, rank }, init, seed, iteration });
  const read = await noise.download();
  noise.free();
  return read;
}

for (const run of runs) {
  const { model, rank, init, update, lora, log, moved } = run;
  const what = `${update} noise of rank ${rank} from ${init} on ${model}${lora ? " with adapters" : ""}`;
  Deno.test(`optimize gives the golden run of ${what}`, async () => {
    const done = await optimize(run);
    assertTrajectory(done.log, log, { label: what });
    const start = await firstValues(run, done.noise);
    for (const [name, norm] of Object.entries(moved)) {
      const from = start(name);
      const change = Math.sqrt(done.noise.get(name)!.reduce((sum, x, i) => sum + (x - from[i]!) ** 2, 0));
      assertClose(change, norm, { rtol: 1e-3, label: `${what}: norm of the update of ${name}` });
    }
  });
}
