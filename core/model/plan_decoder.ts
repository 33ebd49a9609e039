/** Where a decoder's parameters lie: which of them act as one matrix, and what one binding must hold. @module */
import type { Device } from "../../kernels/device/device.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { tileRows } from "../../kernels/lm_head/lm_head_tiles.ts";
import { modelTensors } from "./families/families.ts";
import type { ModelConfig } from "./families/family.ts";
import { elementsOf, type LinearTensors, type ParameterShape } from "./families/model_tensors.ts";
import {
  isTrainedGroup,
  type ParameterLayout,
  planParameters,
  type PlanParametersOptions,
} from "./parameter_layout.ts";

/** What the limits of a device say of how parameters may lie on it. */
export type LayoutLimits = Required<Pick<PlanParametersOptions, "maxBindingBytes" | "maxBufferBytes" | "cutRows">>;

/** The limits of a device for the parameters of a model of these sizes. */
export function layoutLimits(
  device: Device,
  { vocabSize: vocab, hiddenSize: hidden }: Pick<ModelConfig, "vocabSize" | "hiddenSize">,
): LayoutLimits {
  const { maxStorageBufferBindingSize: maxBindingBytes, maxBufferSize: maxBufferBytes } = device.limits;
  return { maxBindingBytes, maxBufferBytes, cutRows: tileRows(device, { vocab, hidden }) };
}

/**
 * Plans the buffers of a decoder's parameters. Throws DeviceError if a matrix of a layer is larger than one binding, or
 * RangeError if only a part of the tensors that act as one is trained: of a matrix, or of the norms of q and k.
 */
export function planDecoder(config: ModelConfig, options: PlanParametersOptions): ParameterLayout {
  const { bound, windowed } = decoderGroups(config);
  const { embedding, head } = windowed;
  const { maxBindingBytes, maxBufferBytes = Infinity } = options;
  const most = Math.min(maxBindingBytes, maxBufferBytes);
  for (const group of bound) checkBound(group, { bytes: 4 * elementsOfGroup(group), maxBindingBytes: most });
  // One kernel makes the gradients of both.
  for (const { headNorms } of modelTensors(config).layers) {
    if (headNorms) isTrainedGroup([headNorms.q, headNorms.k], options.isTrained);
  }
  // The embedding and the LM head are read in windows, however large they are and in however many buffers.
  return planParameters([[embedding], ...bound, ...head === embedding ? [] : [[head]]], options);
}

/** The tensors of a decoder, those that act as one together. */
export interface DecoderGroups {
  /** Bound to kernels as a whole. */
  bound: (readonly ParameterShape[])[];
  /** Read in windows, however large they are. Tied, the two are the same. */
  windowed: { embedding: ParameterShape; head: ParameterShape };
}

/** The groups of a decoder's tensors. */
export function decoderGroups(config: ModelConfig): DecoderGroups {
  const { embedding, layers, finalNorm, head } = modelTensors(config);
  const linear = ({ weights, biases }: LinearTensors): (readonly ParameterShape[])[] => [weights, biases];
  const bound = [
    ...layers.flatMap(({ attentionNorm, qkv, headNorms, output, mlpNorm, gateUp, down }) => [
      [attentionNorm],
      ...linear(qkv),
      ...headNorms === null ? [] : [[headNorms.q], [headNorms.k]],
      ...linear(output),
      [mlpNorm],
      ...linear(gateUp),
      ...linear(down),
    ]),
    [finalNorm],
  ].filter((group) => group.length > 0);
  return { bound, windowed: { embedding, head } };
}

/** Elements of all tensors of a group. */
export function elementsOfGroup(group: readonly ParameterShape[]): number {
  return group.reduce((sum, shape) => sum + elementsOf(shape), 0);
}

/** Throws DeviceError if the `bytes` of a group are more than one binding. */
export function checkBound(
  group: readonly ParameterShape[],
  { bytes, maxBindingBytes }: { bytes: number; maxBindingBytes: number },
): void {
  if (bytes <= maxBindingBytes) return;
  throw new DeviceError(
    `Cannot hold ${
      group.map(({ name }) => `"${name}"`).join(", ")
    }: size is ${bytes} bytes, the device's largest binding is ${maxBindingBytes}; a GPU whose driver allows more is needed`,
    "memory",
  );
}
