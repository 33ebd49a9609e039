/**
 * The matmul's scratch: images that hold copies of operands, and a buffer for the partial sums of blocks of k.
 *
 * Each recorder has its own: at most one image for each operand and format, and one buffer. A call allocates what it
 * needs and keeps it for the recorder's next calls, which replace what is too small for them. The scratch is not freed
 * with the recorder: a recorder that lives as long as its device needs no more, and whoever makes one for a shorter
 * time calls `freeMatmul` at its end.
 *
 * @module
 */
import type { Commands } from "../device/commands.ts";
import { type Device, type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "../device/device.ts";

const scratches = new WeakMap<Commands, Slice>();
const images = new WeakMap<Commands, Map<string, Image>>();

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
  let kept = images.get(commands);
  if (!kept) images.set(commands, kept = new Map());
  const key = `${role} ${format}`;
  let image = kept.get(key);
  if (!image || image.texels < texels) {
    if (image) {
      commands.submit();
      commands.device.freeImage(image);
    }
    kept.set(key, image = commands.device.allocImage(texels, format));
  }
  commands.copyToImage(image, source, texels);
  return image;
}

/** The recorder's buffer for partial sums, of at least `bytes`. */
export function scratchOf(commands: Commands, bytes: number): Slice {
  const known = scratches.get(commands);
  if (known && known.size >= bytes) return known;
  if (known) {
    commands.submit();
    commands.device.free(known);
  }
  const made = commands.device.alloc(bytes, "matmul partial sums");
  scratches.set(commands, made);
  return made;
}

/** Frees the recorder's images and buffer; its next calls make new ones. */
export function freeMatmul(commands: Commands): void {
  const scratch = scratches.get(commands);
  if (scratch) commands.device.free(scratch);
  for (const image of images.get(commands)?.values() ?? []) commands.device.freeImage(image);
  scratches.delete(commands);
  images.delete(commands);
}
