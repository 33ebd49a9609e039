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
  /**
   * What lies in several buffers has its parts here, end to end: `buffer` and `offset` are the first part's, `size` is
   * that of all. It can be written and read, but only a {@linkcode subslice} within one part can be bound or copied.
   */
  readonly parts?: readonly Slice[];
}

/** A texture that holds words in a row, some texels to a line: some drivers read it far faster. */
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
  /** Texels of a line: a power of two. */
  readonly width: number;
}

/** A texel is 16 bytes: four f32, or four u32. */
export type ImageFormat = "rgba32float" | "rgba32uint";

/** Bytes of a texel. */
export const TEXEL_BYTES = 16;

/** The most texels of a line. Lines of so many follow each other without gaps. */
export const IMAGE_WIDTH = 4096;
/** Texels of the gap, 256 bytes: panels of a matrix keep their place in lines of a cache, and in pairs of these. */
const GAP = 16;

/**
 * Texels of a texture's line, of which an image's line has the first `width`. A gap follows these where a matrix asked for
 * a line of fewer than {@linkcode IMAGE_WIDTH}: what lies at multiples of 4 KiB shares a set of a core's first-level cache,
 * from which the rows of a matrix would drive each other out.
 */
export function textureWidth(width: number): number {
  return width < IMAGE_WIDTH ? width + GAP : width;
}

/** Bytes of an image's texture. */
export function textureBytes({ texels, width }: Pick<Image, "texels" | "width">): number {
  return texels / width * textureWidth(width) * TEXEL_BYTES;
}

/** Offsets of slices are multiples of this, WebGPU's default `minStorageBufferOffsetAlignment`. */
export const SLICE_ALIGNMENT = 256;

/**
 * A view of a slice: `offset` and `size` in bytes within it. Throws RangeError where it does not fit, is not aligned, or
 * lies in two parts.
 */
export function subslice(slice: Slice, offset: number, size: number): Slice {
  const { part, start } = partAt(slice, offset);
  const first = offset - start;
  if (offset % SLICE_ALIGNMENT !== 0 || first + size > part.size) {
    throw new RangeError(
      `Cannot slice "${part.buffer.label}": bytes ${first}..${
        first + size
      } of ${part.size}, expected an offset that is a multiple of ${SLICE_ALIGNMENT} and an end within`,
    );
  }
  return { buffer: part.buffer, offset: part.offset + first, size };
}

/** The part of a slice that holds a byte, and the part's first byte within the slice; the last one past the end. */
export function partAt(slice: Slice, offset: number): { part: Slice; start: number } {
  let start = 0;
  for (const part of slice.parts ?? []) {
    if (offset < start + part.size || part === slice.parts!.at(-1)) return { part, start };
    start += part.size;
  }
  return { part: slice, start: 0 };
}

/** Slices of several buffers, end to end, as one. */
export function joinSlices(parts: readonly Slice[]): Slice {
  const [first] = parts;
  if (parts.length === 1) return first!;
  return { ...first!, size: parts.reduce((sum, { size }) => sum + size, 0), parts };
}

/** Rounds bytes up to the alignment that slices need. */
export function alignSlice(bytes: number): number {
  return Math.ceil(bytes / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
}
