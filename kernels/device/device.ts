/** The adapter and its device: limits, features, memory, errors, readback. @module */
import { DeviceError, oneLine } from "./device_error.ts";
import { type Lavapipe, multipliesMatrices } from "./lavapipe.ts";
import { Pace } from "./pace.ts";
import { Readback } from "./readback.ts";
import {
  type DeviceBuffer,
  type Image,
  IMAGE_WIDTH,
  type ImageFormat,
  type Slice,
  textureBytes,
  textureWidth,
} from "./slice.ts";
import { type MatrixUnit, matrixUnitOf } from "./subgroup_matrix.ts";
import type { DeviceFamily, Tuning } from "./tuning.ts";

/** The part that buffers count to where nobody names one: what passes through the kernels. */
export const OWN_PART = "activations";

/** How long a failure waits for the news that the device was lost. */
const LOSS_MS = 100;

/** Reading more takes time of its own, which says nothing about the work before it. */
const SMALL_READ_BYTES = 1024 * 1024;

/** Bytes of writes that wait for a submit at most. */
const STAGED_BYTES = 4 * 1024 * 1024;

/** Limits that kernels ask; a device is opened with the adapter's own. */
export const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
  "maxTextureDimension2D",
  "minUniformBufferOffsetAlignment",
] as const;

type Limit = typeof LIMITS[number];

/** Limits to keep to in place of the device's own where they are lower. */
export type LowerLimits = Readonly<Partial<Record<Limit, number>>>;

/** A GPU (or software) device with what it grants. `openAdapter` makes one. */
export class Device {
  /** WebGPU's own device. */
  readonly gpu: GPUDevice;
  /** What the adapter says of itself. */
  readonly info: GPUAdapterInfo;
  /** The implementation of WebGPU that it was opened on; undefined: the platform's own. */
  readonly webGpu: string | undefined;
  /** The family of kernels that suits it. */
  readonly family: DeviceFamily;
  /** Names of the granted features. */
  readonly features: ReadonlySet<string>;
  /** Limits that kernels keep to. */
  readonly limits: GPUSupportedLimits;
  /** Lanes of a subgroup where subgroups are granted and their size is fixed, else 0. */
  readonly subgroupSize: number;
  /**
   * Which of Mesa's drivers for CPUs it is; null for all others.
   *
   * @ignore
   */
  readonly lavapipe: Lavapipe | null;
  /**
   * Its subgroup matrices of float16 with sums in float32; null where it grants none.
   *
   * @ignore
   */
  readonly matrix: MatrixUnit | null;
  /** Workgroup size for kernels that give a workgroup to each row: one subgroup on a CPU, 64 on a GPU; a power of two. */
  readonly rowLanes: number;
  /** Kernel variants chosen by measuring; the fixed default serves where there are none. Set before the first kernel. */
  tuning: Tuning | null = null;
  /** What is known about its speed, by which recorded work is cut into submissions. */
  pace: Pace = new Pace();
  /** Told how many of so many pipelines are built, where building them ahead takes long; undefined: nobody asks. */
  onBuilding: ((done: number, total: number) => void) | undefined;
  /** Bytes of all live buffers made by {@linkcode alloc}, and images. */
  bytes = 0;
  /** The most that `bytes` has been. */
  peakBytes = 0;
  /** Number of live buffers made by {@linkcode alloc}. */
  bufferCount = 0;

  #nextId = 0;
  /** Bytes written since the last submit of their own. */
  #staged = 0;
  #failures: DeviceError[] = [];
  #checks: Promise<void>[] = [];
  readonly #onFree = new Set<(freed: { readonly id: number }) => void>();
  readonly #readback: Readback;
  #lost = false;
  #closed = false;

  /** With `limits` a test reaches a limit by small buffers and grids. */
  constructor(
    gpu: GPUDevice,
    { info, webGpu, family, subgroupSize, lavapipe = null, limits }: {
      info: GPUAdapterInfo;
      webGpu?: string | undefined;
      family: DeviceFamily;
      subgroupSize: number;
      lavapipe?: Lavapipe | null;
      limits?: LowerLimits;
    },
  ) {
    this.gpu = gpu;
    this.info = info;
    this.webGpu = webGpu;
    this.family = family;
    this.features = gpu.features as unknown as ReadonlySet<string>;
    this.limits = limits ? lowerLimits(gpu.limits, limits) : gpu.limits;
    this.subgroupSize = subgroupSize;
    this.lavapipe = lavapipe;
    this.matrix = multipliesMatrices(lavapipe, subgroupSize)
      ? matrixUnitOf(info, { features: this.features, fixedLanes: subgroupSize })
      : null;
    this.rowLanes = family === "cpu" ? info.subgroupMinSize : 64;
    this.#readback = new Readback(this);
    gpu.addEventListener("uncapturederror", (event: Event & { error?: GPUError }) => {
      event.preventDefault();
      this.fail(new DeviceError(`The GPU reported an error: ${oneLine(event.error?.message ?? "unknown")}`));
    });
    gpu.lost.then((lost) => {
      if (this.#closed) return;
      this.#lost = true;
      this.fail(new DeviceError(`The GPU device was lost: ${oneLine(lost.message) || lost.reason}`, "lost"));
    });
  }

  /** The adapter with its driver and, if it is not the platform's own, its WebGPU, as one line. */
  get name(): string {
    const { description, device, vendor, architecture } = this.info;
    // Deno's own WebGPU has a number there, others a name that may say more than the description.
    const named = description && /^\d*$/.test(device) ? "" : device;
    // Two of Mesa's drivers may have one description, and compute other last digits.
    const like = this.lavapipe === null ? "" : `like Mesa ${this.lavapipe}`;
    const parts = [description, named, vendor, architecture, like, this.webGpu].filter(Boolean);
    return parts.join(", ").replace(/\s+/g, " ") || "unnamed";
  }

  /** What a person calls it: the adapter and, if it is not the platform's own, its WebGPU. */
  get title(): string {
    const adapter = this.info.description || this.info.device || "unnamed";
    return this.webGpu === undefined ? adapter : `${adapter}, by ${this.webGpu}`;
  }

  /**
   * Records a failure; the next {@linkcode check}, {@linkcode read} or {@linkcode sync} throws it. The cause of others
   * comes before those that were told earlier: Dawn tells of a command with a broken kernel before it tells of the kernel.
   */
  fail(error: DeviceError, { isCause = false } = {}): void {
    if (isCause) this.#failures.unshift(error);
    else this.#failures.push(error);
  }

  /** Adds a check whose failure the next {@linkcode check} throws. */
  watch(check: Promise<void>): void {
    this.#checks.push(check);
  }

  /** Throws the first recorded failure: a shader error, a validation error, out of memory, a lost device. */
  async check(): Promise<void> {
    while (this.#checks.length > 0) await Promise.all(this.#checks.splice(0));
    if (this.#failures.length === 0) return;
    const failures = this.#failures;
    // What follows from a loss or from missing memory may be told before it.
    if (!failures.some(({ kind }) => kind !== "other")) await this.#lossIfAny();
    if (!this.#lost) this.#failures = [];
    throw failures.find(({ kind }) => kind === "lost") ?? failures.find(({ kind }) => kind === "memory") ??
      failures[0]!;
  }

  /** The news of a loss comes a little after the errors that it makes. */
  async #lossIfAny(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.gpu.lost, new Promise((resolve) => timer = setTimeout(resolve, LOSS_MS))]);
    clearTimeout(timer);
  }

  /**
   * A zero-filled storage buffer of `bytes` (rounded up to 4), which counts to the memory's part `part`. Throws
   * DeviceError where the device cannot hold it.
   */
  alloc(bytes: number, label: string, part: string = OWN_PART): Slice {
    const size = Math.max(4, Math.ceil(bytes / 4) * 4);
    if (size > this.limits.maxBufferSize) {
      throw new DeviceError(
        `Cannot allocate "${label}": size is ${size} bytes, the device's largest buffer is ${this.limits.maxBufferSize}`,
        "memory",
      );
    }
    const gpu = this.createBuffer({
      label,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const buffer: DeviceBuffer = { gpu, id: this.#nextId++, bytes: size, label, part };
    this.bytes += size;
    this.bufferCount++;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return { buffer, offset: 0, size };
  }

  /** A buffer of any usage, counted nowhere; where there is no memory for it, the next check throws. */
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    const used = this.bytes;
    this.gpu.pushErrorScope("out-of-memory");
    const buffer = this.gpu.createBuffer(descriptor);
    this.watch(
      this.gpu.popErrorScope().then((error) => {
        if (!error) return;
        const { label, size } = descriptor;
        this.fail(
          new DeviceError(
            `Cannot allocate "${label}": the device is out of memory, ${mebibytes(size)} asked with ${
              mebibytes(used)
            } in use`,
            "memory",
          ),
        );
      }),
    );
    return buffer;
  }

  /** Destroys the buffer under a slice from {@linkcode alloc}; all its slices become invalid. */
  free(slice: Slice): void {
    slice.buffer.gpu.destroy();
    this.bytes -= slice.buffer.bytes;
    this.bufferCount--;
    for (const listener of this.#onFree) listener(slice.buffer);
  }

  /** An image of at least `texels`, `width` to a line. Throws DeviceError where the device cannot hold it. */
  allocImage(texels: number, format: ImageFormat, width = IMAGE_WIDTH): Image {
    const { maxTextureDimension2D: most } = this.limits;
    const needed = Math.ceil(texels / width);
    if (needed > most) {
      throw new DeviceError(`Cannot allocate an image: ${needed} lines, the device's largest texture has ${most}`);
    }
    // lavapipe compiles a text once more for a height that is a power of two.
    const height = Number.isInteger(Math.log2(needed)) ? Math.min(most, needed === 1 ? 3 : needed + 1) : needed;
    const texture = this.gpu.createTexture({
      size: [textureWidth(width), height],
      format,
      usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
    });
    this.bytes += textureBytes({ texels: width * height, width });
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return { texture, view: texture.createView(), id: this.#nextId++, format, texels: width * height, width };
  }

  /** Destroys an image. */
  freeImage(image: Image): void {
    image.texture.destroy();
    this.bytes -= textureBytes(image);
    for (const listener of this.#onFree) listener(image);
  }

  /**
   * Calls `listener` for each buffer and image that is freed (caches drop what refers to it), until the function that
   * this returns is called.
   */
  onFree(listener: (freed: { readonly id: number }) => void): () => void {
    this.#onFree.add(listener);
    return () => void this.#onFree.delete(listener);
  }

  /** Copies `data` into the slice at `offset` bytes, in the queue's order. Throws RangeError where it does not fit. */
  write(slice: Slice, data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    if (offset + data.byteLength > slice.size) {
      throw new RangeError(
        `Cannot write "${slice.buffer.label}": ${offset + data.byteLength} bytes, expected at most ${slice.size}`,
      );
    }
    let start = 0;
    for (const part of slice.parts ?? [slice]) {
      const from = Math.max(offset, start);
      const bytes = Math.min(offset + data.byteLength, start + part.size) - from;
      if (bytes > 0) this.#writePart(part, from - start, { data, first: from - offset, bytes });
      start += part.size;
    }
  }

  #writePart(
    part: Slice,
    offset: number,
    { data, first, bytes: all }: { data: ArrayBufferView<ArrayBuffer>; first: number; bytes: number },
  ): void {
    // The queue stages what is written until the next submit. Chunks with a submit after each keep that small and are the
    // fastest way up.
    for (let at = 0; at < all; at += STAGED_BYTES) {
      const bytes = Math.min(STAGED_BYTES, all - at);
      const start = data.byteOffset + first + at;
      this.gpu.queue.writeBuffer(part.buffer.gpu, part.offset + offset + at, data.buffer, start, bytes);
      this.#staged += bytes;
      if (this.#staged >= STAGED_BYTES) this.#flush();
    }
  }

  #flush(): void {
    this.gpu.queue.submit([]);
    this.#staged = 0;
  }

  /** Uploads `data` into a new buffer. */
  upload(data: ArrayBufferView<ArrayBuffer>, label: string, part?: string): Slice {
    const slice = this.alloc(data.byteLength, label, part);
    this.write(slice, data);
    return slice;
  }

  /**
   * Waits for all work submitted so far and returns the slice's bytes as they are then: one fence, at least 11 ms. Several
   * reads may be under way at a time. Throws DeviceError.
   */
  async read(slice: Slice): Promise<ArrayBuffer> {
    const [bytes] = await this.readAll([slice]);
    return bytes!;
  }

  /** Reads several slices with one fence. Throws DeviceError. */
  async readAll(slices: readonly Slice[]): Promise<ArrayBuffer[]> {
    const ended = this.pace.fence();
    const out = await this.#readback.read(slices);
    if (slices.reduce((sum, { size }) => sum + size, 0) <= SMALL_READ_BYTES) ended();
    return out;
  }

  /** Waits for all writes and all submitted work: one fence, at least 11 ms. Throws DeviceError. */
  async sync(): Promise<void> {
    if (this.#staged > 0) this.#flush();
    const ended = this.pace.fence();
    await this.gpu.queue.onSubmittedWorkDone();
    ended();
    await this.check();
  }

  /** Gives the device back. */
  destroy(): void {
    this.#closed = true;
    this.#readback.free();
    this.gpu.destroy();
  }

  /** Gives the device back at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** The limits, each no higher than `most` has it. */
function lowerLimits(limits: GPUSupportedLimits, most: LowerLimits): GPUSupportedLimits {
  return new Proxy(limits, {
    get: (_, name) => Math.min(limits[name as Limit], most[name as Limit] ?? Infinity),
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
