import { deepEqual, equal, notEqual } from "node:assert/strict";
import type { Commands } from "../../../kernels/device/commands.ts";
import { imageOf } from "../../../kernels/device/scratch_image.ts";
import type { Image } from "../../../kernels/device/slice.ts";
import { device, limited } from "../../_shared/device.ts";

const BYTES = 2 ** 20;
const x = device.alloc(BYTES, "x");

/** The image of a matrix whose rows are so many texels apart. */
function imageBy(commands: Commands, texels: number): Image {
  return imageOf(commands, x, { role: "b", bytes: BYTES, format: "rgba32float", stride: 16 * texels });
}

Deno.test("imageOf() gives rows that would share a set of a cache lines with gaps, all equally far apart", () => {
  const commands = limited({});
  const strides = [1, 64, 128, 224, 256, 3 * 256, 1216, 2048, 4096, 3 * 4096, 128.5];
  const widths = [4096, 4096, 128, 4096, 256, 256, 4096, 2048, 2048, 2048, 4096];
  deepEqual(strides.map((texels) => imageBy(commands, texels).width), widths);
  const { texture } = imageBy(commands, 128);
  deepEqual([texture.width, texture.height], [128 + 16, BYTES / 16 / 128 + 1]);
  commands.release();
});

Deno.test("imageOf() keeps an image of each width, and takes the widest lines where a texture has no more of them", () => {
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
