/**
 * The matmul's scratch: images that hold copies of operands, a buffer for the partial sums of blocks of k, and for products on
 * matrix units those for each operand in float16, and for the exponents of rows and columns and what undoes them.
 *
 * Each recorder has its own: at most one image for each operand and format, and one buffer of each kind. A call allocates what it
 * needs and keeps it for the recorder's next calls, which replace what is too small for them. The scratch is freed when
 * the recorder is disposed of.
 *
 * @module
 */
import type { Commands } from "../device/commands.ts";
import type { Device } from "../device/device.ts";
import { scratchBuffer } from "../device/scratch.ts";
import { type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "../device/slice.ts";

const imageMaps = new WeakMap<Commands, Map<string, Image>>();

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
  const images = imagesOf(commands);
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
  return scratchBuffer(commands, { name: "matmul partial sums", bytes });
}

/** The recorder's buffer for the exponents of rows and columns, of at least `bytes`. */
export function exponentsOf(commands: Commands, bytes: number): Slice {
  return scratchBuffer(commands, { name: "matmul exponents", bytes });
}

/** The recorder's buffer for what undoes the scales of rows and columns, of at least `bytes`. */
export function powersOf(commands: Commands, bytes: number): Slice {
  return scratchBuffer(commands, { name: "matmul powers", bytes });
}

/** The recorder's buffer for an operand in float16, of at least `bytes`. */
export function halvesOf(commands: Commands, role: "a" | "b", bytes: number): Slice {
  return scratchBuffer(commands, { name: `matmul ${role} in float16`, bytes });
}

/** The recorder's images, by what they hold. */
function imagesOf(commands: Commands): Map<string, Image> {
  const known = imageMaps.get(commands);
  if (known) return known;
  const images = new Map<string, Image>();
  imageMaps.set(commands, images);
  commands.onDispose(() => {
    for (const image of images.values()) commands.device.freeImage(image);
    imageMaps.delete(commands);
  });
  return images;
}
