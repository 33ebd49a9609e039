/** The noise generator W_σ, b_σ: its layout and initial values. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import { uniformFill } from "../../kernels/random/uniform_fill.ts";
import { openSafetensorsAt, type Weights } from "../checkpoint/stored_weights.ts";
import type { NoiseConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
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

/** What a generator begins with, and the seed and iteration that it is drawn by. */
export interface NoiseStart {
  shape: NoiseShape;
  /** `zeros`, `linear`, or the path of a safetensors file. */
  init: string;
  seed: number;
  iteration: number;
}

/** Makes a generator on the device. Throws a UserError if the file has no `weight` and `bias` of the right shapes. */
export async function createNoise(commands: Commands, start: NoiseStart): Promise<ParameterBuffers> {
  const { device } = commands;
  const layout = planNoise(start.shape, device.limits.maxStorageBufferBindingSize);
  const isFile = start.init !== "zeros" && start.init !== "linear";
  const file = isFile ? await openInit(start.init, layout) : null;
  const values = new ParameterBuffers(device, { layout, label: "noise", part: "noise generator" });
  try {
    if (file) await upload(values, file);
    else if (start.init === "linear") drawLinear(commands, values, start);
  } catch (error) {
    values.free();
    throw error;
  }
  return values;
}

/**
 * Records initial values as in PyTorch's `nn.Linear`: uniform (2u − 1)/√hidden, drawn with Philox purpose 1 at counter
 * (element >> 2, 0, 0, 0), weight row by row, then bias (docs/method.md, "The random numbers").
 */
function drawLinear(
  commands: Commands,
  values: ParameterBuffers,
  { shape: { hidden }, seed, iteration }: NoiseStart,
): void {
  const key = philoxKey(seed, { iteration, purpose: "noiseInit" });
  let first = 0;
  for (const name of ["weight", "bias"]) {
    const count = values.place(name).elements;
    uniformFill(commands, { out: values.view(name), count, first, key, bound: 1 / Math.sqrt(hidden) });
    first += count;
  }
  commands.submit();
}

/** Opens the file of `noise.init`, which must hold the generator's tensors. */
async function openInit(path: string, { places }: ParameterLayout): Promise<Weights> {
  const file = await openSafetensorsAt(path);
  for (const [name, { shape }] of places) {
    const found = file.tensors.get(name)?.shape;
    if (found?.join() === shape.join()) continue;
    throw new UserError(
      `Cannot load "${name}" from ${path}: shape is ${found ? `[${found.join(", ")}]` : "not there"}, expected [${
        shape.join(", ")
      }] from the model (noise.init)`,
    );
  }
  return file;
}

async function upload(values: ParameterBuffers, file: Weights): Promise<void> {
  for (const name of values.layout.places.keys()) {
    let first = 0;
    for await (const piece of file.streamFloat32(name)) {
      values.writePart(name, first, piece);
      first += piece.length;
    }
  }
}
