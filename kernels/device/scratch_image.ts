/** Images that a recorder keeps from call to call, for copies of what kernels read: one for each role, format and width. @module */
import type { Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import { type Image, IMAGE_WIDTH, type ImageFormat, type Slice, TEXEL_BYTES } from "./slice.ts";

/** What a kernel reads from images together: its factors, or what attention walks over. */
export type ImageRole = "a" | "b";

/** What is copied into an image. */
export interface ImageSource {
  slice: Slice;
  /** Its bytes from the slice's start on, rounded up to whole texels. */
  bytes: number;
  format: ImageFormat;
  /** Bytes that a new image has room for (default: `bytes`). */
  room?: number;
  /** Bytes from one row of a matrix to the next (default: no rows are read together). */
  stride?: number;
}

/** The images of a recorder. */
interface Kept {
  /** By role, format and width. */
  images: Map<string, Image>;
  /** Strides of matrices that have had more lines than a texture: what is smaller has the wide image too. */
  wide: Set<string>;
}

const keptBy = new WeakMap<Commands, Kept>();

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
 * Records copies of what a kernel reads together into the recorder's images, and returns these. An image that is too small
 * is replaced by a larger one, after what is recorded was submitted; all are freed when the recorder is released.
 */
export function imagesOf(
  commands: Commands,
  sources: Readonly<Partial<Record<ImageRole, ImageSource>>>,
): Partial<Record<ImageRole, Image>> {
  const kept = keptOf(commands);
  const list = Object.entries(sources) as [ImageRole, ImageSource][];
  const widths = widthsFor(commands, list, kept);
  return Object.fromEntries(
    list.map(([role, source], i) => [role, copyOf(commands, { role, source, width: widths[i]! }, kept)]),
  );
}

/**
 * Texels of a line of each image. Where the rows of all matrices lie a multiple of {@linkcode LEAST_WIDTH} apart, a line has
 * the most that leave rows equally far apart, as what fetches ahead needs them, with a gap between each two. Otherwise all
 * have the widest lines: lavapipe compiles a text anew for each combination.
 */
function widthsFor(commands: Commands, sources: readonly (readonly [ImageRole, ImageSource])[], kept: Kept): number[] {
  const strides = sources.map(([, { stride = 0 }]) => stride / TEXEL_BYTES);
  const widest = sources.map(() => IMAGE_WIDTH);
  if (!strides.every((stride) => stride > 0 && stride % LEAST_WIDTH === 0)) return widest;
  const name = strides.join(" ");
  if (kept.wide.has(name)) return widest;
  const widths = strides.map((stride) => Math.min(stride & -stride, IMAGE_WIDTH / 2));
  const most = commands.device.limits.maxTextureDimension2D;
  // allocImage may add a line.
  if (sources.every(([, source], i) => Math.ceil(texelsOf(source) / widths[i]!) < most)) return widths;
  // Memory would else hold both kinds, where a batch is smaller than the heaviest one that a plan is made by.
  kept.wide.add(name);
  sources.forEach(([role, { format }], i) => free(commands, keyOf(role, format, widths[i]!), kept));
  return widest;
}

/** Records a copy of a source into its image. */
function copyOf(
  commands: Commands,
  { role, source, width }: { role: ImageRole; source: ImageSource; width: number },
  kept: Kept,
): Image {
  const { slice, bytes, format } = source;
  const texels = Math.ceil(bytes / TEXEL_BYTES);
  const key = keyOf(role, format, width);
  let image = kept.images.get(key);
  if (!image || image.texels < texels) {
    // A text that had images of another kind is compiled once more.
    if (!image) commands.device.pace.compiled();
    free(commands, key, kept);
    kept.images.set(key, image = commands.device.allocImage(texelsOf(source), format, width));
  }
  commands.copyToImage(image, slice, texels);
  return image;
}

function keyOf(role: ImageRole, format: ImageFormat, width: number): string {
  return `${role} ${format} ${width}`;
}

/** Texels that a source's image has room for. */
function texelsOf({ bytes, room = bytes }: ImageSource): number {
  return Math.ceil(room / TEXEL_BYTES);
}

/** Frees an image, if there is one, after what is recorded was submitted. */
function free(commands: Commands, key: string, { images }: Kept): void {
  const image = images.get(key);
  if (!image) return;
  commands.submit();
  commands.device.freeImage(image);
  images.delete(key);
}

/** What the recorder keeps, until it is released. */
function keptOf(commands: Commands): Kept {
  const known = keptBy.get(commands);
  if (known) return known;
  const kept: Kept = { images: new Map(), wide: new Set() };
  keptBy.set(commands, kept);
  commands.onRelease(() => {
    for (const image of kept.images.values()) commands.device.freeImage(image);
    keptBy.delete(commands);
  });
  return kept;
}
