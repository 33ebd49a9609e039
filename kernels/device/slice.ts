/** What lies in the device's memory: buffers, slices of them, images. @module */

/** A buffer on the device. */
export interface DeviceBuffer {
  /** WebGPU's own buffer. */
  readonly gpu: GPUBuffer;
  /** Unique per device; keys the bind-group cache. */
  readonly id: number;
  /** Size in bytes. */
  readonly bytes: number;
  /** Name in messages and captures. */
  readonly label: string;
  /** The part of the memory that it counts to, as whoever allocated it calls it. */
  readonly part: string;
}

/** A range of a buffer, in bytes; `offset` is a multiple of 256. */
export interface Slice {
  /** The buffer that it lies in. */
  readonly buffer: DeviceBuffer;
  /** First byte. */
  readonly offset: number;
  /** Number of bytes. */
  readonly size: number;
}

/** A texture that holds words in a row, {@linkcode IMAGE_WIDTH} texels to a line: some drivers read it far faster. */
export interface Image {
  /** WebGPU's own texture. */
  readonly texture: GPUTexture;
  /** View of the whole texture. */
  readonly view: GPUTextureView;
  /** Unique per device, among the buffers too. */
  readonly id: number;
  /** Format of a texel. */
  readonly format: ImageFormat;
  /** Texels that it holds. */
  readonly texels: number;
}

/** A texel is 16 bytes: four f32, or four u32. */
export type ImageFormat = "rgba32float" | "rgba32uint";

/** Bytes of a texel. */
export const TEXEL_BYTES = 16;

/** Texels of an image's line: a power of two. */
export const IMAGE_WIDTH = 4096;

/** Offsets of slices are multiples of this, WebGPU's default `minStorageBufferOffsetAlignment`. */
export const SLICE_ALIGNMENT = 256;

/** A view of a slice: `offset` and `size` in bytes within it. Throws RangeError where it does not fit or is not aligned. */
export function subslice(slice: Slice, offset: number, size: number): Slice {
  if (offset % SLICE_ALIGNMENT !== 0 || offset + size > slice.size) {
    throw new RangeError(
      `Cannot slice "${slice.buffer.label}": bytes ${offset}..${
        offset + size
      } of ${slice.size}, expected an offset that is a multiple of ${SLICE_ALIGNMENT} and an end within`,
    );
  }
  return { buffer: slice.buffer, offset: slice.offset + offset, size };
}

/** Rounds bytes up to the alignment that slices need. */
export function alignSlice(bytes: number): number {
  return Math.ceil(bytes / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
}
