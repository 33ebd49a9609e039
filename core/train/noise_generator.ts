/** The noise generator W_σ, b_σ: its layout and initial values. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import { uniformFill } from "../../kernels/random/uniform_fill.ts";
import { openSafetensorsAt, type Weights } from "../checkpoint/stored_weights.ts";
import type { NoiseConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import type { ModelConfig } from "../model/families/family.ts";
import type { ParameterShape } from "../model/families/model_tensors.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { type ParameterLayout, planParameters } from "../model/parameter_layout.ts";
import type { Parameters } from "../model/parameters.ts";
import { type LayoutLimits, layoutLimits } from "../model/plan_decoder.ts";

/**
 * Sizes of the generator: weight [vocab, hidden] and bias [vocab]; with a rank the weight is the product of up
 * [vocab, rank] and down [rank, hidden].
 */
export interface NoiseShape {
  vocab: number;
  hidden: number;
  rank?: number;
}

/** Sizes of the generator for a model of this shape. */
export function noiseShape(
  { vocabSize: vocab, hiddenSize: hidden }: Pick<ModelConfig, "vocabSize" | "hiddenSize">,
  { rank }: Pick<NoiseConfig, "rank">,
): NoiseShape {
  return { vocab, hidden, ...(rank !== undefined && { rank }) };
}

/** The noise generator on the device, and the reference whose logits it disturbs. */
export interface NoiseGenerator {
  readonly reference: Parameters;
  readonly values: ParameterBuffers;
  readonly gradients: ParameterBuffers;
  readonly settings: NoiseConfig;
}

/** Name of the tensor that makes the noise's logits: it is multiplied with h, or with a rank with what `down` makes of h. */
export function weightName({ rank }: { rank?: number }): "weight" | "up" {
  return rank === undefined ? "weight" : "up";
}

/** The generator's tensors. */
export function noiseTensors({ vocab, hidden, rank }: NoiseShape): ParameterShape[] {
  const bias = { name: "bias", shape: [vocab] };
  if (rank === undefined) return [{ name: "weight", shape: [vocab, hidden] }, bias];
  return [{ name: "down", shape: [rank, hidden] }, { name: "up", shape: [vocab, rank] }, bias];
}

/** Throws a UserError for a rank that the generator's weight cannot have. */
export function checkRank({ vocab, hidden, rank = 1 }: NoiseShape): void {
  const most = Math.min(vocab, hidden);
  if (rank > most) {
    throw new UserError(
      `Cannot make a noise generator of rank ${rank}: its weight is [${vocab}, ${hidden}], expected noise.rank of at most ${most}`,
    );
  }
}

/** Plans the generator's buffers. Throws a UserError for a rank that the weight cannot have. */
export function planNoise(shape: NoiseShape, limits: LayoutLimits): ParameterLayout {
  checkRank(shape);
  return planParameters(noiseTensors(shape).map((tensor) => [tensor]), limits);
}

/** What a generator begins with, and the seed and iteration that it is drawn by. */
export interface NoiseStart {
  shape: NoiseShape;
  /** `zeros`, `linear`, or the path of a safetensors file. */
  init: string;
  seed: number;
  iteration: number;
}

/** Whether a value of `noise.init` is the path of a file. */
export function isNoiseFile(init: string): boolean {
  return init !== "zeros" && init !== "linear";
}

/**
 * Makes a generator on the device. Throws a UserError for a rank that is too high, and if the file has no `weight` and
 * `bias` (with a rank: `down`, `up` and `bias`) of the right shapes.
 */
export async function createNoise(commands: Commands, start: NoiseStart): Promise<ParameterBuffers> {
  const { device } = commands;
  const { vocab: vocabSize, hidden: hiddenSize } = start.shape;
  const layout = planNoise(start.shape, layoutLimits(device, { vocabSize, hiddenSize }));
  const file = isNoiseFile(start.init) ? await openInit(start.init, layout) : null;
  const values = new ParameterBuffers(device, { layout, label: "noise", part: "noise generator" });
  try {
    if (file) await upload(values, file);
    else drawFirst(commands, values, start);
  } catch (error) {
    values.free();
    throw error;
  }
  return values;
}

/**
 * Records initial values as in PyTorch's `nn.Linear`: uniform ±1/√inputs, drawn with Philox purpose 1 at counter
 * (element >> 2, 0, 0, 0), row by row, in the tensors' order (docs/method.md, "The random numbers"). Of `zeros`, `down`
 * alone is drawn: if both factors of the weight were zero, so would be their gradients.
 */
function drawFirst(
  commands: Commands,
  values: ParameterBuffers,
  { shape: { hidden, rank }, init, seed, iteration }: NoiseStart,
): void {
  const key = philoxKey(seed, { iteration, purpose: "noiseInit" });
  let first = 0;
  for (const [name, { elements: count }] of values.layout.places) {
    const inputs = name === "down" ? hidden : rank ?? hidden;
    if (init === "linear" || name === "down") {
      uniformFill(commands, { out: values.view(name), count, first, key, bound: 1 / Math.sqrt(inputs) });
    }
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
