/** Recording and submitting dispatches. @module */
import type { Device } from "./device.ts";
import { type Constants, type Kernel, type Pipeline, pipelineFor } from "./kernel.ts";
import { addWork, type Work, type WorkKind } from "./pace.ts";
import type { MatmulPrecision } from "./precision.ts";
import type { Profiler } from "./profile.ts";
import { type Image, type Slice, TEXEL_BYTES } from "./slice.ts";
import { type UniformFields, type UniformValues, writeUniforms } from "./uniform.ts";

/** One call of a kernel. */
export interface Dispatch<B extends string, U extends UniformFields> {
  /** A slice or an image for each binding. */
  buffers: Readonly<Record<B, Slice | Image>>;
  /** Values of the uniform record. */
  uniforms: UniformValues<U>;
  /** Number of workgroups per dimension; a dispatch with a 0 among them is left out. */
  workgroups: readonly [x: number, y?: number, z?: number];
  /** Values of the module's `override` constants (default: its own). */
  constants?: Constants;
}

const ARENA_BYTES = 1 << 18;
const NO_CONSTANTS: Constants = {};

/** What was recorded for being recorded again. */
interface Captured {
  encode: (() => void)[];
  work: Work;
}

/**
 * Records dispatches, copies and clears, and submits them in order.
 *
 * Bind groups are kept for the life of their buffers and uniforms go through one arena with one upload per submit, so
 * that recording the same step again costs a few microseconds a dispatch and makes nothing new on the device.
 */
export class Commands {
  /** The device that runs what is recorded. */
  readonly device: Device;
  /** Where set, every dispatch is timed. */
  profiler: Profiler | undefined;
  #precision: MatmulPrecision = "float32";
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #arenaView: DataView<ArrayBuffer>;
  #uniformBuffer: GPUBuffer;
  #used = 0;
  #submits = 0;
  #captured: Captured | undefined;
  /** Work of which it was announced that it is part of the next submission, and the seconds that it should take. */
  #announced: Work = {};
  #seconds = 0;
  #groups = new Map<string, GPUBindGroup>();
  #groupsOf = new Map<number, string[]>();
  readonly #onRelease: (() => void)[] = [];
  readonly #forgetDevice: () => void;

  /** Makes the arena of uniforms on the device. */
  constructor(device: Device) {
    this.device = device;
    this.#arenaView = new DataView(new ArrayBuffer(ARENA_BYTES));
    this.#uniformBuffer = device.gpu.createBuffer({
      label: "uniforms",
      size: ARENA_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#forgetDevice = device.onFree((buffer) => {
      for (const key of this.#groupsOf.get(buffer.id) ?? []) this.#groups.delete(key);
      this.#groupsOf.delete(buffer.id);
    });
  }

  /** Calls `listener` once, when {@linkcode release} gives back what is kept for recordings, or this is disposed of. */
  onRelease(listener: () => void): void {
    this.#onRelease.push(listener);
  }

  /** Submits what is recorded, and gives back the memory that is kept from call to call; calls that need it make it anew. */
  release(): void {
    this.submit();
    for (const listener of this.#onRelease.splice(0)) listener();
  }

  /** How exactly the matrix products are computed that are recorded now, unless one says itself. */
  get precision(): MatmulPrecision {
    return this.#precision;
  }

  /** Calls `work`, which records products of this precision and does not wait for anything. */
  inPrecision<T>(precision: MatmulPrecision, work: () => T): T {
    const before = this.#precision;
    this.#precision = precision;
    try {
      return work();
    } finally {
      this.#precision = before;
    }
  }

  /** Gives back what was made for recording: uniforms, bind groups, and what listeners hold. Submitted work goes on. */
  [Symbol.dispose](): void {
    for (const listener of this.#onRelease.splice(0)) listener();
    this.#forgetDevice();
    this.#groups.clear();
    this.#groupsOf.clear();
    this.#uniformBuffer.destroy();
  }

  /** Records one call of `kernel`. Throws RangeError for uniforms or a grid that do not fit. */
  dispatch<B extends string, U extends UniformFields>(kernel: Kernel<B, U>, call: Dispatch<B, U>): void {
    const [x, y = 1, z = 1] = call.workgroups;
    if (x * y * z === 0) return;
    const most = this.device.limits.maxComputeWorkgroupsPerDimension;
    if (!(x <= most && y <= most && z <= most)) {
      throw new RangeError(
        `Cannot dispatch "${kernel.name}": grid is ${x}x${y}x${z}, expected at most ${most} workgroups per dimension`,
      );
    }
    const pipeline = pipelineFor(this.device, kernel, call.constants ?? NO_CONSTANTS);
    const offset = this.#writeUniforms(kernel, call.uniforms);
    const group = this.#bindGroup(kernel, pipeline, call.buffers);
    const offsets = offset < 0 ? [] : [offset];
    this.#encode(() => {
      const pass = this.#beginPass(kernel.name);
      pass.setPipeline(pipeline.gpu);
      pass.setBindGroup(0, group, offsets);
      pass.dispatchWorkgroups(x, y, z);
      if (this.profiler) this.#endPass();
    });
  }

  /**
   * Announces work that is recorded next. What was recorded before is submitted if both together would take longer than
   * one submission should. Call it before each part that may take long; how it is cut does not change what it computes.
   */
  announce(kind: WorkKind, amount: number): void {
    const { pace } = this.device;
    if (this.#seconds > 0 && this.#seconds + pace.secondsOf(kind, amount) > pace.budget) this.submit();
    if (this.#captured) addWork(this.#captured.work, { [kind]: amount });
    this.#expect({ [kind]: amount });
  }

  #expect(work: Work): void {
    addWork(this.#announced, work);
    this.#seconds += this.#secondsOf(work);
  }

  #secondsOf(work: Work): number {
    const { pace } = this.device;
    return Object.entries(work).reduce((sum, [kind, amount]) => sum + pace.secondsOf(kind as WorkKind, amount), 0);
  }

  /**
   * Returns a function that records what `work` records, each time it is called: in a small part of the time after the
   * first call, until the next submit. `work` must record the same calls with the same values each time.
   */
  repeatable(work: () => void): () => void {
    let captured: Captured = { encode: [], work: {} };
    let submits = -1;
    return () => {
      // Uniforms go with a submit.
      if (submits === this.#submits) {
        if (this.#seconds + this.#secondsOf(captured.work) <= this.device.pace.budget) {
          for (const encode of captured.encode) encode();
          this.#expect(captured.work);
          return;
        }
        this.submit();
      }
      submits = this.#submits;
      captured = this.#captured = { encode: [], work: {} };
      try {
        work();
      } finally {
        this.#captured = undefined;
      }
      if (submits !== this.#submits) submits = -1;
    };
  }

  /** Encodes now, and again where it is part of what is {@linkcode repeatable}. */
  #encode(encode: () => void): void {
    this.#captured?.encode.push(encode);
    encode();
  }

  /** Records a copy of `source` into the start of `target`. Throws RangeError where it does not fit. */
  copy(target: Slice, source: Slice): void {
    if (source.size > target.size) {
      throw new RangeError(
        `Cannot copy "${source.buffer.label}" to "${target.buffer.label}": ${source.size} bytes, expected at most ${target.size}`,
      );
    }
    this.#encode(() =>
      this.#endPass().copyBufferToBuffer(
        source.buffer.gpu,
        source.offset,
        target.buffer.gpu,
        target.offset,
        source.size,
      )
    );
  }

  /** Records a copy of the first `texels` texels of `source` into an image. Throws RangeError where they do not fit. */
  copyToImage(target: Image, source: Slice, texels: number): void {
    if (texels > target.texels || texels * TEXEL_BYTES > source.size) {
      throw new RangeError(
        `Cannot copy "${source.buffer.label}" to an image: ${texels} texels, expected at most ${
          Math.min(target.texels, Math.floor(source.size / TEXEL_BYTES))
        }`,
      );
    }
    this.#encode(() => this.#copyToImage(target, source, texels));
  }

  #copyToImage(target: Image, source: Slice, texels: number): void {
    const encoder = this.#endPass();
    const { texture, width } = target;
    const lines = Math.floor(texels / width);
    const bytesPerRow = width * TEXEL_BYTES;
    const { gpu: buffer } = source.buffer;
    if (lines > 0) {
      encoder.copyBufferToTexture({ buffer, offset: source.offset, bytesPerRow }, { texture }, [width, lines]);
    }
    const rest = texels % width;
    if (rest > 0) {
      const offset = source.offset + lines * bytesPerRow;
      encoder.copyBufferToTexture({ buffer, offset, bytesPerRow }, { texture, origin: [0, lines] }, [rest, 1]);
    }
  }

  /** Records zeroing the slice. */
  clear(target: Slice): void {
    this.#encode(() => this.#endPass().clearBuffer(target.buffer.gpu, target.offset, target.size));
  }

  /** Submits what was recorded; does not wait. */
  submit(): void {
    if (!this.#encoder) return;
    this.#submits++;
    this.#pass?.end();
    if (this.#used > 0) {
      this.device.gpu.queue.writeBuffer(this.#uniformBuffer, 0, this.#arenaView.buffer, 0, this.#used);
    }
    this.device.gpu.queue.submit([this.#encoder.finish()]);
    this.device.pace.submitted(this.#announced);
    this.#announced = {};
    this.#seconds = 0;
    this.#encoder = undefined;
    this.#pass = undefined;
    this.#used = 0;
  }

  /** Number of submissions so far. */
  get submitCount(): number {
    return this.#submits;
  }

  /** Number of bind groups kept. */
  get bindGroupCount(): number {
    return this.#groups.size;
  }

  #beginPass(name: string): GPUComputePassEncoder {
    this.#encoder ??= this.device.gpu.createCommandEncoder();
    if (this.#pass) return this.#pass;
    const timestampWrites = this.profiler?.next(name);
    return this.#pass = this.#encoder.beginComputePass(timestampWrites && { timestampWrites });
  }

  #endPass(): GPUCommandEncoder {
    this.#pass?.end();
    this.#pass = undefined;
    return this.#encoder ??= this.device.gpu.createCommandEncoder();
  }

  /** Returns the dynamic offset, or -1 where the kernel has no uniforms. */
  #writeUniforms<B extends string, U extends UniformFields>(kernel: Kernel<B, U>, values: UniformValues<U>): number {
    if (kernel.uniformBytes === 0) return -1;
    const alignment = this.device.limits.minUniformBufferOffsetAlignment;
    if (this.#used + kernel.uniformBytes > ARENA_BYTES) this.submit();
    const offset = this.#used;
    writeUniforms(this.#arenaView, offset, { fields: kernel.uniforms, values, name: kernel.name });
    this.#used = Math.ceil((offset + kernel.uniformBytes) / alignment) * alignment;
    return offset;
  }

  #bindGroup<B extends string, U extends UniformFields>(
    kernel: Kernel<B, U>,
    pipeline: Pipeline,
    buffers: Readonly<Record<B, Slice | Image>>,
  ): GPUBindGroup {
    let key = `${pipeline.id}`;
    for (const name of kernel.bindingNames) {
      const bound = buffers[name];
      key += "texture" in bound ? `|${bound.id}` : `|${bound.buffer.id},${bound.offset},${bound.size}`;
    }
    const known = this.#groups.get(key);
    if (known) return known;
    const entries: GPUBindGroupEntry[] = kernel.bindingNames.map((name, binding) => {
      const bound = buffers[name];
      if ("texture" in bound) return { binding, resource: bound.view };
      const { buffer, offset, size, parts } = bound;
      if (parts) {
        throw new RangeError(
          `Cannot dispatch "${kernel.name}": "${name}" lies in ${parts.length} buffers, expected a part in one of them`,
        );
      }
      if (size > this.device.limits.maxStorageBufferBindingSize) {
        throw new RangeError(
          `Cannot dispatch "${kernel.name}": "${name}" is ${size} bytes, expected at most ${this.device.limits.maxStorageBufferBindingSize} in one binding`,
        );
      }
      return { binding, resource: { buffer: buffer.gpu, offset, size } };
    });
    if (kernel.uniformBytes > 0) {
      entries.push({
        binding: entries.length,
        resource: { buffer: this.#uniformBuffer, offset: 0, size: kernel.uniformBytes },
      });
    }
    const group = this.device.gpu.createBindGroup({ label: kernel.name, layout: pipeline.layout, entries });
    this.#groups.set(key, group);
    for (const name of kernel.bindingNames) {
      const bound = buffers[name];
      const { id } = "texture" in bound ? bound : bound.buffer;
      const keys = this.#groupsOf.get(id);
      if (keys) keys.push(key);
      else this.#groupsOf.set(id, [key]);
    }
    return group;
  }
}

/**
 * A grid for `count` workgroups in one dimension, folded into two where it passes the device's limit; the shader's
 * index is `workgroup_id.x + workgroup_id.y * num_workgroups.x`, with a bounds check.
 */
export function grid(device: Device, count: number): [x: number, y: number] {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  if (count <= most) return [count, 1];
  const y = Math.ceil(count / most);
  return [Math.ceil(count / y), y];
}
