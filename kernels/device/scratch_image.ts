/** Images that a recorder keeps from call to call, for copies of what kernels read: one for each role, format and width. @module */
import type { Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import { type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "./slice.ts";

const imageMaps = new WeakMap<Commands, Map<string, Image>>();

/** What is larger is read as it lies: a copy of an LM head would take as much memory as the head. */
const MOST_BYTES = 512 * 1024 * 1024;

/** Whether the first `bytes` of a slice, rounded up to whole texels, lie in the slice and fit into an image. */
export function fitsImage(device: Device, { size }: Slice, bytes: number): boolean {
  const most = device.limits.maxTextureDimension2D * IMAGE_WIDTH * TEXEL_BYTES;
  return Math.ceil(bytes / TEXEL_BYTES) * TEXEL_BYTES <= Math.min(size, most, MOST_BYTES);
}

/** Rows that are not a multiple of so many texels apart, 2 KiB, spread over enough sets of a cache: a gap gains nothing. */
const LEAST_WIDTH = 128;

/**
 * Texels of a line of the image of a matrix whose rows lie `stride` texels apart, `texels` in all: the most that leave all
 * rows equally far apart, as what fetches ahead needs them, with a gap between each two.
 */
function widthFor(device: Device, { stride, texels }: { stride: number; texels: number }): number {
  if (!Number.isInteger(stride) || stride % LEAST_WIDTH !== 0) return IMAGE_WIDTH;
  const width = Math.min(stride & -stride, IMAGE_WIDTH / 2);
  // allocImage may add a line.
  return Math.ceil(texels / width) < device.limits.maxTextureDimension2D ? width : IMAGE_WIDTH;
}

/**
 * Records a copy of a slice's `bytes` into the recorder's image for its role, and returns that. A larger image replaces
 * one that is too small, after what is recorded was submitted; all are freed when the recorder is released. A new one has
 * room for `room` bytes (default: for those that are copied). `stride` is the bytes from one row of a matrix to the next
 * (default: none are read together).
 */
export function imageOf(
  commands: Commands,
  source: Slice,
  { role, bytes, format, room = bytes, stride = TEXEL_BYTES }: {
    role: "a" | "b";
    bytes: number;
    format: ImageFormat;
    room?: number;
    stride?: number;
  },
): Image {
  const [texels, most] = [bytes, room].map((size) => Math.ceil(size / TEXEL_BYTES)) as [number, number];
  const images = imagesOf(commands);
  const width = widthFor(commands.device, { stride: stride / TEXEL_BYTES, texels: most });
  const key = `${role} ${format} ${width}`;
  let image = images.get(key);
  if (!image || image.texels < texels) {
    if (image) {
      commands.submit();
      commands.device.freeImage(image);
    }
    images.set(key, image = commands.device.allocImage(most, format, width));
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
