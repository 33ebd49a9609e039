import { deepEqual, equal, notEqual } from "node:assert/strict";
import type { Commands } from "../../../kernels/device/commands.ts";
import { imagesOf, type ImageSource } from "../../../kernels/device/scratch_image.ts";
import type { Image } from "../../../kernels/device/slice.ts";
import { device, limited } from "../../_shared/device.ts";

const BYTES = 2 ** 20;
const x = device.alloc(BYTES, "x");

/** A matrix whose rows are so many texels apart. */
function matrix(texels: number, bytes = BYTES): ImageSource {
  return { slice: x, bytes, format: "rgba32float", stride: 16 * texels };
}

function imageBy(commands: Commands, texels: number, bytes?: number): Image {
  return imagesOf(commands, { b: matrix(texels, bytes) }).b!;
}

Deno.test("imagesOf() gives rows that would share a set of a cache lines with gaps, all equally far apart", () => {
  const commands = limited({});
  const strides = [1, 64, 128, 224, 256, 3 * 256, 1216, 2048, 4096, 3 * 4096, 128.5];
  const widths = [4096, 4096, 128, 4096, 256, 256, 4096, 2048, 2048, 2048, 4096];
  deepEqual(strides.map((texels) => imageBy(commands, texels).width), widths);
  equal(imagesOf(commands, { a: { slice: x, bytes: BYTES, format: "rgba32float" } }).a?.width, 4096);
  const { texture } = imageBy(commands, 128);
  deepEqual([texture.width, texture.height], [128 + 16, BYTES / 16 / 128 + 1]);
  commands.release();
});

Deno.test("imagesOf() gives gaps to both of a product's factors, or to none", () => {
  const commands = limited({});
  const widths = (a: number, b: number): (number | undefined)[] => {
    const images = imagesOf(commands, { a: matrix(a), b: matrix(b) });
    return [images.a?.width, images.b?.width];
  };
  deepEqual(widths(256, 128), [256, 128]);
  deepEqual(widths(256, 144), [4096, 4096]);
  deepEqual(widths(144, 256), [4096, 4096]);
  commands.release();
});

Deno.test("imagesOf() keeps an image of each width, and takes the widest lines where a texture has no more of them", () => {
  const commands = limited({});
  const before = commands.device.bytes;
  const narrow = imageBy(commands, 128);
  notEqual(imageBy(commands, 256), narrow);
  equal(imageBy(commands, 128), narrow);
  commands.release();
  equal(commands.device.bytes, before);
  const few = limited({ maxTextureDimension2D: BYTES / 16 / 128 });
  equal(imageBy(few, 128).width, 4096);
  equal(imageBy(few, 256).width, 256);
  few.release();
});

Deno.test("imagesOf() holds one kind of a matrix that has had too many lines, whatever came first", () => {
  const commands = limited({ maxTextureDimension2D: BYTES / 16 / 128 });
  const held = (): number => commands.device.bytes;
  const before = held();
  const wide = imageBy(commands, 128);
  const most = held();
  equal(imageBy(commands, 128, BYTES / 2), wide);
  equal(held(), most);
  commands.release();
  equal(held(), before);
  equal(imageBy(commands, 128, BYTES / 2).width, 128);
  equal(imageBy(commands, 128).width, 4096);
  equal(held(), most);
  commands.release();
});
