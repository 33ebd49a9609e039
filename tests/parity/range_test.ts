/**
 * A whole optimizer step on numbers from 1e-30 to 1e30, on matrix units: a model whose matrices are multiplied by powers of
 * two that cancel has the gradients of the model without, by these powers. @module
 */
import { ok } from "node:assert/strict";
import { folderDigests } from "../../core/checkpoint/folder_identity.ts";
import { StoppedError } from "../../core/error.ts";
import { LineLog } from "../../core/files/json_lines.ts";
import { createAdapter } from "../../core/model/lora_adapter.ts";
import { type AnyModel, freeModel, loadModel } from "../../core/model/model.ts";
import type { ParameterBuffers } from "../../core/model/parameter_buffers.ts";
import { optimize } from "../../core/train/optimize.ts";
import { pairRows } from "../../core/train/training_rows.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import { pairIds, settingsOf, withFolder } from "../core/_tiny.ts";
import { commands, device } from "../_shared/device.ts";
import { writeTinyModel } from "../_shared/tiny_model.ts";
import { readTensors, type Tensors } from "../_shared/trajectory.ts";

/** The most that a tensor's gradient may differ by, as a share of its norm. */
const BOUNDS = { float32x3: 2e-4, float16: 2e-2 } as const;

/** Norms that are multiplied by 2^exponent or its inverse, with the matrices that read what they give. */
const SCALED: readonly [names: RegExp, sign: 1 | -1][] = [
  [/layers\.0\.input_layernorm|layers\.0\.mlp\.(gate|up)_proj|lm_head/, 1],
  [/layers\.1\.post_attention_layernorm|layers\.1\.self_attn\.[qkv]_proj/, 1],
  [/layers\.0\.post_attention_layernorm|layers\.0\.self_attn\.[qkv]_proj|model\.norm/, -1],
  [/layers\.1\.input_layernorm|layers\.1\.mlp\.(gate|up)_proj/, -1],
];

/** The power of two of a parameter in a model of `exponent`. */
function powerOf(name: string, exponent: number): number {
  if (name.includes("lora")) return 1;
  return 2 ** (exponent * (SCALED.find(([names]) => names.test(name))?.[1] ?? 0));
}

/** What is trained: all weights, or adapters of matrices that have no powers. */
const CASES = [
  // The squares of the gradients have to be numbers too.
  { what: "all weights", exponent: 50, adapters: false },
  { what: "adapters", exponent: 100, adapters: true },
] as const;

const LORA = {
  ...{ r: 4, lora_alpha: 8, lora_dropout: 0, use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
  target_modules: ["o_proj", "down_proj"],
};

/** The model, with adapters whose B is not zero. */
async function load(folder: string, adapters: boolean): Promise<{ model: AnyModel; trained: ParameterBuffers }> {
  const model = await loadModel(device, folder);
  if (!adapters) return { model, trained: model.weights };
  const fresh = { settings: LORA, base: null, init: "gaussian", seed: 1, iteration: 0 } as const;
  const adapter = createAdapter(device, model.config, fresh);
  for (const { up } of adapter.plan.modules) {
    const length = adapter.values.place(up.name).elements;
    adapter.values.write(up.name, Float32Array.from({ length }, (_, i) => (i * 7 % 11 - 5) / 50));
  }
  return { model: { ...model, adapter }, trained: adapter.values };
}

/** The first moments after one step, which are a tenth of the gradients, by the parameters' names; and the values. */
async function step(
  dir: string,
  { exponent, adapters, precision }: { exponent: number; adapters: boolean; precision: MatmulPrecision },
): Promise<{ gradients: Tensors; values: Tensors }> {
  const folder = `${dir}/${exponent}`;
  const change = (name: string, values: Float32Array): void =>
    values.forEach((value, i) => values[i] = value * powerOf(name, exponent));
  await writeTinyModel(folder, { change });
  const { model, trained } = await load(folder, adapters);
  const stateDir = `${dir}/${exponent}-${precision}`;
  try {
    await optimize({
      ...{ commands, model, reference: null, stateDir, data: pairRows(pairIds(8)) },
      settings: await settingsOf({
        noise: "none",
        training: { precision, per_device_train_batch_size: 8, max_steps: 2, max_grad_norm: 0, learning_rate: 1e-3 },
      }),
      files: await folderDigests(model.folder),
      referencePath: `${stateDir}-reference.safetensors`,
      openLog: () => LineLog.open(`${stateDir}.jsonl`, () => true),
      onProgress: () => {},
      // It stops after the first step, and saves it.
      signal: AbortSignal.abort(),
    });
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
  } finally {
    freeModel(model);
  }
  const state = await readTensors(`${stateDir}/step-1.safetensors`);
  const tensorsOf = (chunks: string): Tensors =>
    new Map([...trained.layout.places].map(([name, { chunk, offset, elements }]) => [
      name,
      state.get(`${chunks}.${chunk}`)!.subarray(offset / 4, offset / 4 + elements),
    ]));
  return { gradients: tensorsOf("policy.moment0"), values: tensorsOf("policy.values") };
}

if (device.matrix !== null) {
  for (const precision of ["float32x3", "float16"] as const) {
    for (const { what, exponent, adapters } of CASES) {
      const name =
        `a step in ${precision} on ${what} loses no gradient of numbers from 2^-${exponent} to 2^${exponent}`;
      Deno.test(name, () =>
        withFolder(async (dir) => {
          const { gradients: expected } = await step(dir, { exponent: 0, adapters, precision: "float32" });
          const { gradients, values } = await step(dir, { exponent, adapters, precision });
          for (const [name, own] of expected) {
            const power = powerOf(name, exponent);
            const norm = Math.sqrt(own.reduce((sum, x) => sum + x * x, 0));
            // The gradient of a parameter that is 2^e times as large is 2^-e times as large.
            const error = Math.sqrt(gradients.get(name)!.reduce((sum, x, i) => sum + (x * power - own[i]!) ** 2, 0));
            ok(norm > 0, `${name}: there is no gradient`);
            ok(error <= BOUNDS[precision] * norm, `${name}: the gradient differs by ${error / norm} of its norm`);
            ok(values.get(name)!.every(Number.isFinite), `${name} is not finite`);
          }
        }));
    }
  }
} else {
  console.log("steps on matrix units: NOT RUN, the device grants none");
}
