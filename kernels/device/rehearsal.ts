/** A device that holds and computes nothing: what is allocated and recorded on it is counted. @module */
import { Device, OWN_PART } from "./device.ts";
import { type Image, type Slice, textureBytes } from "./slice.ts";

/** Bytes by part. */
export type PartBytes = ReadonlyMap<string, number>;

/**
 * Stands in for another device: the same limits, features, family and kernel variants, so that the same code allocates
 * the same buffers and records the same dispatches, without memory or work. What is read from it is zero.
 */
export class Rehearsal extends Device {
  readonly #live = new Map<string, number>();
  readonly #counts: { dispatches: number };
  #peak: PartBytes = new Map();
  #peakSum = 0;

  /** `real` is what it stands in for. */
  constructor(real: Pick<Device, "gpu" | "info" | "family" | "subgroupSize" | "lavapipe" | "limits" | "tuning">) {
    const counts = { dispatches: 0 };
    const { info, family, subgroupSize, lavapipe, limits } = real;
    super(standIn(real.gpu, counts), { info, family, subgroupSize, lavapipe, limits });
    this.#counts = counts;
    this.tuning = real.tuning;
    // How work is cut into submissions is nothing that it counts.
    this.pace.budget = Infinity;
  }

  /** Dispatches recorded so far. */
  get dispatches(): number {
    return this.#counts.dispatches;
  }

  /** The parts of the most that was live at once since the last {@linkcode restart}. */
  get peak(): PartBytes {
    return this.#peak;
  }

  /** Begins a new peak with what is live now. */
  restart(): void {
    this.#peak = new Map(this.#live);
    this.#peakSum = this.bytes;
  }

  override alloc(bytes: number, label: string, part?: string): Slice {
    const slice = super.alloc(bytes, label, part);
    this.#count(slice.buffer.part, slice.buffer.bytes);
    return slice;
  }

  override free(slice: Slice): void {
    super.free(slice);
    this.#count(slice.buffer.part, -slice.buffer.bytes);
  }

  override allocImage(...given: Parameters<Device["allocImage"]>): Image {
    const image = super.allocImage(...given);
    this.#count(OWN_PART, textureBytes(image));
    return image;
  }

  override freeImage(image: Image): void {
    super.freeImage(image);
    this.#count(OWN_PART, -textureBytes(image));
  }

  #count(part: string, bytes: number): void {
    this.#live.set(part, (this.#live.get(part) ?? 0) + bytes);
    if (this.bytes > this.#peakSum) this.restart();
  }

  override write(): void {}

  override readAll(slices: readonly Slice[]): Promise<ArrayBuffer[]> {
    return Promise.resolve(slices.map((slice) => new ArrayBuffer(slice.size)));
  }

  override sync(): Promise<void> {
    return this.check();
  }
}

/** As much of a GPUDevice as {@linkcode Device} and Commands use. */
function standIn(real: GPUDevice, counts: { dispatches: number }): GPUDevice {
  const pass = {
    setPipeline() {},
    setBindGroup() {},
    dispatchWorkgroups: () => void counts.dispatches++,
    end() {},
  };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer() {},
    copyBufferToTexture() {},
    clearBuffer() {},
    finish: () => ({}),
  };
  const buffer = { destroy() {} };
  const device = {
    features: real.features,
    limits: real.limits,
    lost: new Promise(() => {}),
    queue: { writeBuffer() {}, submit() {}, onSubmittedWorkDone: () => Promise.resolve() },
    addEventListener() {},
    pushErrorScope() {},
    popErrorScope: () => Promise.resolve(null),
    createBuffer: () => buffer,
    createTexture: () => ({ ...buffer, createView: () => ({}) }),
    createShaderModule: () => ({ getCompilationInfo: () => Promise.resolve({ messages: [] }) }),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipeline: () => ({}),
    createBindGroup: () => ({}),
    createCommandEncoder: () => encoder,
    destroy() {},
  };
  return device as unknown as GPUDevice;
}
