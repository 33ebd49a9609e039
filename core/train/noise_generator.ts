/** The noise generator W_σ, b_σ: its layout and initial values. @module */
import type { Device } from "../../kernels/device/device.ts";
import { philox4x32 } from "../../kernels/random/philox.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import { openSafetensorsAt } from "../checkpoint/stored_weights.ts";
import type { NoiseConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { sha256 } from "../files/digest.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { type ParameterLayout, planParameters } from "../model/parameter_layout.ts";
import type { Parameters } from "../model/parameters.ts";

/** Sizes of the generator: weight [vocab, hidden], bias [vocab]. */
export interface NoiseShape {
  vocab: number;
  hidden: number;
}

/** The noise generator on the device, and the reference whose logits it disturbs. */
export interface NoiseGenerator {
  readonly reference: Parameters;
  readonly values: ParameterBuffers;
  readonly gradients: ParameterBuffers;
  readonly settings: NoiseConfig;
}

/** Plans the generator's buffers. */
export function planNoise({ vocab, hidden }: NoiseShape, maxBindingBytes: number): ParameterLayout {
  return planParameters(
    [[{ name: "weight", shape: [vocab, hidden] }], [{ name: "bias", shape: [vocab] }]],
    { maxBindingBytes },
  );
}

/**
 * Initial values as in PyTorch's `nn.Linear`: uniform (2u − 1)/√hidden, drawn with Philox purpose 1 at counter
 * (element >> 2, 0, 0, 0), weight row by row, then bias (docs/method.md, "The random numbers").
 */
export function linearInit(
  { vocab, hidden }: NoiseShape,
  { seed, iteration }: { seed: number; iteration: number },
): { weight: Float32Array<ArrayBuffer>; bias: Float32Array<ArrayBuffer> } {
  const key = philoxKey(seed, { iteration, purpose: "noiseInit" });
  const values = new Float32Array(vocab * (hidden + 1));
  const bound = 1 / Math.sqrt(hidden);
  for (let block = 0; block * 4 < values.length; block++) {
    const words = philox4x32([block, 0, 0, 0], key);
    for (let lane = 0; lane < 4 && block * 4 + lane < values.length; lane++) {
      values[block * 4 + lane] = (2 * (words[lane]! + 0.5) * 2 ** -32 - 1) * bound;
    }
  }
  return { weight: values.slice(0, vocab * hidden), bias: values.slice(vocab * hidden) };
}

/**
 * Makes a generator on the device. `init` is `zeros`, `linear`, or the path of a safetensors file; throws a UserError
 * if the file has no `weight` and `bias` of the right shapes, or is damaged.
 */
export async function createNoise(
  device: Device,
  { shape, init, seed, iteration }: { shape: NoiseShape; init: string; seed: number; iteration: number },
): Promise<ParameterBuffers> {
  const first = init === "zeros"
    ? null
    : init === "linear"
    ? linearInit(shape, { seed, iteration })
    : await readInit(shape, init);
  const layout = planNoise(shape, device.limits.maxStorageBufferBindingSize);
  const values = new ParameterBuffers(device, { layout, label: "noise", part: "noise generator" });
  if (first) {
    values.write("weight", first.weight);
    values.write("bias", first.bias);
  }
  return values;
}

/** The weight [vocab, hidden] and the bias [vocab]. */
type NoiseValues = Readonly<Record<"weight" | "bias", Float32Array<ArrayBuffer>>>;

/** The key of the values' SHA-256 in a file's header. */
const SUM = "dnpo_sha256";

async function readInit({ vocab, hidden }: NoiseShape, path: string): Promise<NoiseValues> {
  const file = await openSafetensorsAt(path);
  const read = (name: string, shape: number[]): Promise<Float32Array<ArrayBuffer>> => {
    const found = file.tensors.get(name)?.shape;
    if (found === undefined || found.join() !== shape.join()) {
      throw new UserError(
        `Cannot load "${name}" from ${path}: shape is ${found ? `[${found.join(", ")}]` : "not there"}, expected [${
          shape.join(", ")
        }] from the model (noise.init)`,
      );
    }
    return file.readFloat32(name);
  };
  const values = { weight: await read("weight", [vocab, hidden]), bias: await read("bias", [vocab]) };
  const { [SUM]: is } = await noiseMetadata(values);
  const { [SUM]: expected = is } = file.metadata;
  if (is === expected) return values;
  throw new UserError(
    `Cannot load the noise from ${path}: its values have the SHA-256 ${is}, expected ${expected} as in its header; ` +
      "the file is damaged, expected one as optimize saved it (noise.init)",
  );
}

/** What is kept in the header of a generator's file, by which damage is told where it is read as `noise.init`. */
export async function noiseMetadata({ weight, bias }: NoiseValues): Promise<{ [SUM]: string }> {
  const parts = [weight, bias].map(({ buffer, byteOffset, byteLength }) =>
    new Uint8Array(buffer, byteOffset, byteLength)
  );
  return { [SUM]: await sha256(...parts) };
}
