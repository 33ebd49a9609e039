/**
 * The matmul's scratch: images that hold copies of operands, a buffer for the partial sums of blocks of k, and one for the
 * exponents of rows and columns.
 *
 * Each recorder has its own: at most one image for each operand and format, and one buffer of each kind. A call allocates what it
 * needs and keeps it for the recorder's next calls, which replace what is too small for them. The scratch is freed when
 * the recorder is disposed of.
 *
 * @module
 */
import type { Commands } from "../device/commands.ts";
import type { Device } from "../device/device.ts";
import { type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "../device/slice.ts";

interface Scratch {
  partialSums: Slice | undefined;
  exponents: Slice | undefined;
  readonly images: Map<string, Image>;
}

const scratches = new WeakMap<Commands, Scratch>();

/** Whether the first `bytes` of a slice, rounded up to whole texels, lie in the slice and fit into an image. */
export function fitsImage(device: Device, { size }: Slice, bytes: number): boolean {
  const most = device.limits.maxTextureDimension2D * IMAGE_WIDTH * TEXEL_BYTES;
  return Math.ceil(bytes / TEXEL_BYTES) * TEXEL_BYTES <= Math.min(size, most);
}

/** Records a copy of an operand's `bytes` into the recorder's image for it. */
export function imageOf(
  commands: Commands,
  source: Slice,
  { role, bytes, format }: { role: "a" | "b"; bytes: number; format: ImageFormat },
): Image {
  const texels = Math.ceil(bytes / TEXEL_BYTES);
  const { images } = scratchFor(commands);
  const key = `${role} ${format}`;
  let image = images.get(key);
  if (!image || image.texels < texels) {
    if (image) {
      commands.submit();
      commands.device.freeImage(image);
    }
    images.set(key, image = commands.device.allocImage(texels, format));
  }
  commands.copyToImage(image, source, texels);
  return image;
}

/** The recorder's buffer for partial sums, of at least `bytes`. */
export function scratchOf(commands: Commands, bytes: number): Slice {
  return bufferOf(commands, "partialSums", { bytes, label: "matmul partial sums" });
}

/** The recorder's buffer for the exponents of rows and columns, of at least `bytes`. */
export function exponentsOf(commands: Commands, bytes: number): Slice {
  return bufferOf(commands, "exponents", { bytes, label: "matmul exponents" });
}

function bufferOf(
  commands: Commands,
  role: "partialSums" | "exponents",
  { bytes, label }: { bytes: number; label: string },
): Slice {
  const scratch = scratchFor(commands);
  const known = scratch[role];
  if (known && known.size >= bytes) return known;
  if (known) {
    commands.submit();
    commands.device.free(known);
  }
  return scratch[role] = commands.device.alloc(bytes, label);
}

function scratchFor(commands: Commands): Scratch {
  const known = scratches.get(commands);
  if (known) return known;
  const made: Scratch = { partialSums: undefined, exponents: undefined, images: new Map() };
  scratches.set(commands, made);
  commands.onDispose(() => {
    const { device } = commands;
    if (made.partialSums) device.free(made.partialSums);
    if (made.exponents) device.free(made.exponents);
    for (const image of made.images.values()) device.freeImage(image);
    scratches.delete(commands);
  });
  return made;
}
