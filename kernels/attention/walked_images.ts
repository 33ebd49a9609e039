/** Images of what a CPU's attention walks over, and of what its lanes hold: drivers for CPUs read them faster than buffers. @module */
import type { Commands } from "../device/commands.ts";
import type { Access } from "../device/kernel.ts";
import { fitsImage, imagesOf } from "../device/scratch_image.ts";
import type { Image, Slice } from "../device/slice.ts";
import { vectorWidth } from "./attention_text.ts";

/** The arrays that lanes walk over. */
export type Walked = "qkv" | "dout";

/** The sizes of a batch, as AttentionBatch has them. */
export interface WalkedSizes {
  tokens: number;
  heads: number;
  kvHeads: number;
  headDim: number;
}

/** Which of the recorder's images holds each; the matmul's operands take turns with them. */
const ROLES = { qkv: "a", dout: "b" } as const;
const FORMAT = "rgba32float";

/** The bindings of the images of these arrays. */
export function imageBindings(names: readonly Walked[]): Record<string, Access> {
  return Object.fromEntries(names.map((name) => [`${name}_image`, FORMAT]));
}

/**
 * Records copies of the batch's part of these arrays into images, and returns them by the names of their bindings; null
 * if a whole array does not fit an image, or if a texel would lie in two heads. Images have room for the whole arrays, so
 * that the memory does not depend on the batch.
 */
export function walkedImages(
  commands: Commands,
  { tokens, heads, kvHeads, headDim }: WalkedSizes,
  slices: Readonly<Partial<Record<Walked, Slice>>>,
): Record<string, Image> | null {
  if (vectorWidth(headDim) !== 4) return null;
  const bytes = { qkv: 4 * tokens * (heads + 2 * kvHeads) * headDim, dout: 4 * tokens * heads * headDim };
  const sources = (Object.keys(slices) as Walked[]).map((name) => ({ name, slice: slices[name]! }));
  if (!sources.every(({ slice }) => fitsImage(commands.device, slice, slice.size))) return null;
  const given = sources.map(({ name, slice }) => [
    ROLES[name],
    { slice, bytes: bytes[name], room: slice.size, format: FORMAT },
  ]);
  const images = imagesOf(commands, Object.fromEntries(given));
  return Object.fromEntries(sources.map(({ name }) => [`${name}_image`, images[ROLES[name]]!]));
}
