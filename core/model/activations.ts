/** Device buffers of a forward and a backward pass, made once for a capacity of tokens. @module */
import { checkBinding } from "../../kernels/device/binding.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { biasGradientScratchBytes } from "../../kernels/matmul/bias_gradient.ts";
import { headNormPartialBytes } from "../../kernels/norm/head_norm.ts";
import { rmsNormScratchBytes } from "../../kernels/norm/rms_norm.ts";
import type { ModelConfig } from "./families/family.ts";
import type { MemoryPart } from "./memory_parts.ts";
import { layerSegments, type Segment } from "./segments.ts";

/**
 * Activations that one layer has for its backward pass. In shapes, T is the number of tokens, D the hidden size, C
 * (heads + 2·kvHeads)·headDim, and I the intermediate size. All layers share the buffers `normed` and `activated`: the
 * backward pass computes them again, which costs about a hundredth of its time and saves a third of the memory.
 */
export interface LayerActivations {
  /** Input of the layer: [T, D]. */
  x: Slice;
  inputInvRms: Slice; // [T]
  /** Normed input of the attention, then of the MLP: [T, D]. */
  normed: Slice;
  /** q, k, v before the norm of the heads: [T, C]. It is the same buffer as `qkv` if there is no such norm. */
  qkvRaw: Slice;
  headInvRms: Slice | null; // [T, heads + kvHeads]
  /** q, k, v as attention reads them, after RoPE unless attention applies it: [T, C]. */
  qkv: Slice;
  attended: Slice; // [T, heads · headDim]
  lse: Slice; // [T, heads]
  /** Residual stream after the attention: [T, D]. */
  mid: Slice;
  midInvRms: Slice; // [T]
  gateUp: Slice; // [T, 2I]
  activated: Slice; // [T, I]
  /** Scratch of adapters, x·Aᵀ: [T, ranks]; null without adapters. */
  low: Slice | null;
}

/** All buffers of a forward pass. */
export interface ForwardBuffers {
  readonly capacity: number;
  /** The layers of a segment have buffers of their own, and share them with those of the other segments. */
  readonly segments: readonly Segment[];
  readonly layers: readonly LayerActivations[];
  /** Output of the last layer, before the last norm: [T, D]. */
  readonly last: Slice;
  readonly lastInvRms: Slice; // [T]
  /** Hidden states that the LM head reads: [T, D]. */
  readonly hidden: Slice;
  /** Output of a block, before it is added to the residual stream: [T, D]. */
  readonly projected: Slice;
}

/** Scratch of a backward pass. */
export interface BackwardBuffers {
  readonly dhidden: Slice; // [T, D]
  /** Gradient of the residual stream: [T, D]. */
  readonly dx: Slice;
  readonly dnormed: Slice; // [T, D]
  readonly dqkv: Slice; // [T, C]
  readonly dqkvRaw: Slice; // [T, C]
  readonly dattended: Slice; // [T, heads · headDim]
  readonly saved: Slice; // [T, heads, 2]
  readonly dgateUp: Slice; // [T, 2I]
  readonly dactivated: Slice; // [T, I]
  /** Partial sums of the norms', biases' and head norms' weight gradients. */
  readonly partials: Slice;
  /** Gradient of adapters' x·Aᵀ: [T, ranks]; null without adapters. */
  readonly dlow: Slice | null;
}

/** Bytes that the reductions of norm, bias and head norm gradients need over `rows` tokens. */
function partialBytes(config: ModelConfig, rows: number): number {
  const bias = Math.max(qkvColumns(config), 2 * config.intermediateSize, config.hiddenSize);
  return Math.max(
    rmsNormScratchBytes(rows, config.hiddenSize),
    biasGradientScratchBytes(rows, bias),
    headNormPartialBytes({ tokens: rows, headDim: config.headDim }),
  );
}

/** The largest number of tokens with which no buffer of a forward pass exceeds one binding of the device. */
export function maxForwardTokens(config: ModelConfig, { limits }: Pick<Device, "limits">): number {
  const widest = Math.max(2 * config.intermediateSize, qkvColumns(config), config.hiddenSize);
  return Math.max(1, Math.floor(limits.maxStorageBufferBindingSize / (4 * widest)));
}

/** Allocates buffers and frees them together. */
export class BufferSet {
  readonly device: Device;
  readonly #slices: Slice[] = [];

  constructor(device: Device) {
    this.device = device;
  }

  /** Allocates a buffer of `words` f32 or u32. Throws DeviceError if the device cannot hold or bind it. */
  words(words: number, label: string, part: MemoryPart = "activations"): Slice {
    checkBinding(this.device, { bytes: words * 4, label });
    const slice = this.device.alloc(words * 4, label, part);
    this.#slices.push(slice);
    return slice;
  }

  /** Frees all buffers of the set. */
  free(): void {
    for (const slice of this.#slices.splice(0)) this.device.free(slice);
  }
}

function hasHeadNorm(layers: ModelConfig["layers"]): boolean {
  return layers.some(({ attention }) => attention.headNorm);
}

/** Columns of the packed q, k, v: C of {@linkcode LayerActivations}. */
function qkvColumns(config: ModelConfig): number {
  return (config.numHeads + 2 * config.numKvHeads) * config.headDim;
}

/**
 * Allocates buffers for up to `capacity` tokens and adapters of up to `ranks` columns (0 for none). For a backward pass
 * `segment` says how many layers have buffers of their own. Without one it is null: all layers share one set, and the
 * residual stream goes back and forth between two buffers.
 */
export function forwardBuffers(
  set: BufferSet,
  { config, capacity, segment, ranks }: {
    config: ModelConfig;
    capacity: number;
    segment: number | null;
    ranks: number;
  },
): ForwardBuffers {
  const T = capacity;
  const D = config.hiddenSize;
  const { numLayers } = config;
  const own = segment ?? 1;
  const shared = {
    normed: set.words(T * D, "normed"),
    activated: set.words(T * config.intermediateSize, "activated"),
    low: ranks > 0 ? set.words(T * ranks, "low-rank") : null,
  };
  const place = (at: number): Omit<LayerActivations, "x"> => {
    const buffer = (words: number, name: string): Slice => set.words(words, `layer ${at} ${name}`);
    const qkv = buffer(T * qkvColumns(config), "qkv");
    const headNorm = hasHeadNorm(config.layers.filter((_, n) => (numLayers - 1 - n) % own === own - 1 - at));
    return {
      ...shared,
      inputInvRms: buffer(T, "input 1/rms"),
      qkvRaw: headNorm ? buffer(T * qkvColumns(config), "qkv raw") : qkv,
      headInvRms: headNorm ? buffer(T * (config.numHeads + config.numKvHeads), "head 1/rms") : null,
      qkv,
      attended: buffer(T * config.numHeads * config.headDim, "attended"),
      lse: buffer(T * config.numHeads, "attention log-sum-exp"),
      mid: buffer(T * D, "mid"),
      midInvRms: buffer(T, "mid 1/rms"),
      gateUp: buffer(T * 2 * config.intermediateSize, "gate and up"),
    };
  };
  const stream = (n: number): Slice => set.words(T * D, `residual ${n}`);
  const segments = layerSegments(numLayers, own);
  const places: Omit<LayerActivations, "x">[] = [];
  const inputs: Slice[] = [];
  const two: Slice[] = [];
  const layers = segments.flatMap(({ first, end }) =>
    Array.from({ length: end - first }, (_, i): LayerActivations => {
      const n = first + i;
      const at = own - (end - n);
      const x = segment === null ? two[n % 2] ??= stream(n) : n === first ? stream(n) : inputs[at] ??= stream(n);
      return { ...places[at] ??= place(at), x };
    })
  );
  return {
    capacity,
    segments,
    layers,
    last: segment === null ? two[numLayers % 2] ??= stream(numLayers) : stream(numLayers),
    lastInvRms: set.words(T, "last 1/rms"),
    hidden: set.words(T * D, "hidden"),
    projected: set.words(T * D, "projected"),
  };
}

/** Allocates the scratch of a backward pass over up to `capacity` tokens. */
export function backwardBuffers(
  set: BufferSet,
  { config, capacity, ranks }: { config: ModelConfig; capacity: number; ranks: number },
): BackwardBuffers {
  const T = capacity;
  const D = config.hiddenSize;
  const dqkv = set.words(T * qkvColumns(config), "dqkv");
  return {
    dhidden: set.words(T * D, "dhidden"),
    dx: set.words(T * D, "dx"),
    dnormed: set.words(T * D, "dnormed"),
    dqkv,
    dqkvRaw: hasHeadNorm(config.layers) ? set.words(T * qkvColumns(config), "dqkv raw") : dqkv,
    dattended: set.words(T * config.numHeads * config.headDim, "dattended"),
    saved: set.words(T * config.numHeads * 2, "attention backward"),
    dgateUp: set.words(T * 2 * config.intermediateSize, "dgate and dup"),
    dactivated: set.words(T * config.intermediateSize, "dactivated"),
    partials: set.words(partialBytes(config, T) / 4, "partial sums"),
    dlow: ranks > 0 ? set.words(T * ranks, "dlow-rank") : null,
  };
}
