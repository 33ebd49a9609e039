/** Images that a recorder keeps from call to call, for copies of what kernels read: one for each role and format. @module */
import type { Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import { type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "./slice.ts";

const imageMaps = new WeakMap<Commands, Map<string, Image>>();

/** Whether the first `bytes` of a slice, rounded up to whole texels, lie in the slice and fit into an image. */
export function fitsImage(device: Device, { size }: Slice, bytes: number): boolean {
  const most = device.limits.maxTextureDimension2D * IMAGE_WIDTH * TEXEL_BYTES;
  return Math.ceil(bytes / TEXEL_BYTES) * TEXEL_BYTES <= Math.min(size, most);
}

/**
 * Records a copy of a slice's `bytes` into the recorder's image for its role, and returns that. A larger image replaces
 * one that is too small, after what is recorded was submitted; all are freed when the recorder is released. A new one has
 * room for `room` bytes (default: for those that are copied).
 */
export function imageOf(
  commands: Commands,
  source: Slice,
  { role, bytes, format, room = bytes }: { role: "a" | "b"; bytes: number; format: ImageFormat; room?: number },
): Image {
  const [texels, most] = [bytes, room].map((size) => Math.ceil(size / TEXEL_BYTES)) as [number, number];
  const images = imagesOf(commands);
  const key = `${role} ${format}`;
  let image = images.get(key);
  if (!image || image.texels < texels) {
    if (image) {
      commands.submit();
      commands.device.freeImage(image);
    }
    images.set(key, image = commands.device.allocImage(most, format));
  }
  commands.copyToImage(image, source, texels);
  return image;
}

/** The recorder's images, by what they hold. */
function imagesOf(commands: Commands): Map<string, Image> {
  const known = imageMaps.get(commands);
  if (known) return known;
  const images = new Map<string, Image>();
  imageMaps.set(commands, images);
  commands.onRelease(() => {
    for (const image of images.values()) commands.device.freeImage(image);
    imageMaps.delete(commands);
  });
  return images;
}
