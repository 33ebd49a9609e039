/** What matmul keeps for a recorder's next calls: images of operands and a buffer for partial sums. @module */
import type { Commands } from "../device/commands.ts";
import { type Device, type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "../device/device.ts";

const scratches = new WeakMap<Commands, Slice>();
const images = new WeakMap<Commands, Map<string, Image>>();

/** Whether the bytes are whole texels, and not too many. */
export function fitsImage(device: Device, { size }: Slice, bytes: number): boolean {
  const most = device.limits.maxTextureDimension2D * IMAGE_WIDTH * TEXEL_BYTES;
  return Math.ceil(bytes / TEXEL_BYTES) * TEXEL_BYTES <= Math.min(size, most);
}

/** A copy of an operand's `bytes` in an image, which is kept for the recorder's next calls. */
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

/** Frees what matmul() keeps for the recorder's next calls. */
export function freeMatmul(commands: Commands): void {
  const scratch = scratches.get(commands);
  if (scratch) commands.device.free(scratch);
  for (const image of images.get(commands)?.values() ?? []) commands.device.freeImage(image);
  scratches.delete(commands);
  images.delete(commands);
}

/** A buffer for partial results, kept for the recorder's next calls. */
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
