import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import type { ParameterShape } from "../../../core/model/families/model_tensors.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { planParameters, trainedPart } from "../../../core/model/parameter_layout.ts";
import { device } from "../../_shared/device.ts";

const matrix = (name: string, rows: number, columns: number): ParameterShape => ({ name, shape: [rows, columns] });
const vector = (name: string, size: number): ParameterShape => ({ name, shape: [size] });

/** Groups as a decoder has them: a norm between matrices, and q, k, v that act as one. */
const GROUPS = [
  [matrix("embed", 10, 7)],
  [vector("norm", 7)],
  [matrix("q", 8, 7), matrix("k", 4, 7), matrix("v", 4, 7)],
  [vector("q.bias", 8), vector("k.bias", 4)],
];

Deno.test("planParameters() lays groups at slice alignment, tensors of one end to end, vectors last", () => {
  const { places, chunks } = planParameters(GROUPS, { maxBindingBytes: 1 << 20 });
  // embed 280 bytes → 512; q, k, v 448 → 512; norm 28 → 256; biases 48 → 256.
  const offsets = [...places].map(([name, { chunk, offset, elements }]) => [name, chunk, offset, elements]);
  deepEqual(offsets, [
    ["embed", 0, 0, 70],
    ["q", 0, 512, 56],
    ["k", 0, 512 + 224, 28],
    ["v", 0, 512 + 336, 28],
    ["norm", 0, 1024, 7],
    ["q.bias", 0, 1280, 8],
    ["k.bias", 0, 1280 + 32, 4],
  ]);
  deepEqual(chunks, [{ elements: 1536 / 4, decayed: 1024 / 4, trained: true }]);
});

Deno.test("planParameters() starts a chunk where a binding is full; a larger tensor has one of its own", () => {
  const { places, chunks } = planParameters(GROUPS, { maxBindingBytes: 800 });
  deepEqual([...places].map(([name, { chunk, offset }]) => `${name} ${chunk} ${offset}`), [
    "embed 0 0",
    "q 1 0",
    "k 1 224",
    "v 1 336",
    "norm 1 512",
    "q.bias 2 0",
    "k.bias 2 32",
  ]);
  deepEqual(chunks.map(({ elements, decayed }) => [elements, decayed]), [[128, 128], [192, 128], [64, 0]]);
  deepEqual(
    planParameters([[matrix("large", 100, 100)], [matrix("next", 2, 2)]], { maxBindingBytes: 800 }).chunks.map((c) =>
      c.elements
    ),
    [
      10048,
      64,
    ],
  );
});

Deno.test("planParameters() cuts a matrix that no buffer holds, by rows, and keeps the rest where it would be", () => {
  const groups = [[matrix("first", 2, 16)], [matrix("large", 100, 16)], [matrix("next", 2, 16)], [vector("norm", 16)]];
  // A buffer of 40 rows, cut at multiples of 8: of 16.
  const limits = { maxBindingBytes: 2048, cutRows: 8 };
  const { places, chunks } = planParameters(groups, { ...limits, maxBufferBytes: 23 * 64 });
  deepEqual(places.get("large"), { shape: [100, 16], chunk: 1, offset: 0, elements: 1600, partElements: 256 });
  deepEqual(chunks.map(({ elements }) => elements), [64, 256, 256, 256, 256, 256, 256, 64, 128]);
  equal(chunks.every(({ elements, decayed }, i) => decayed === (i === 8 ? 64 : elements)), true);
  const whole = planParameters(groups, limits);
  deepEqual(whole.chunks.map(({ elements }) => elements), [64, 1600, 128]);
  deepEqual([...whole.places.keys()], [...places.keys()]);
  deepEqual(
    trainedPart(planParameters(groups, { ...limits, maxBufferBytes: 23 * 64, isTrained: (name) => name === "large" }))
      .chunks.length,
    7,
  );
});

Deno.test("planParameters() names what no buffer holds and cannot be cut", () => {
  const limits = { maxBindingBytes: 1024, maxBufferBytes: 1024 };
  const of = (...group: ParameterShape[]) => () => planParameters([group], limits);
  const largest = "the device's largest buffer is 1024, and only a matrix of its own is cut";
  throws(of(matrix("q", 64, 16), matrix("k", 64, 16)), {
    name: "DeviceError",
    message: `Cannot hold "q", "k": size is 8192 bytes, ${largest}`,
  });
  throws(of(vector("bias", 300)), { message: `Cannot hold "bias": size is 1200 bytes, ${largest}` });
  throws(of(matrix("wide", 2, 300)), { message: `Cannot hold "wide": size is 2400 bytes, ${largest}` });
});

Deno.test("ParameterBuffers writes, reads and streams a tensor that lies in several buffers", async () => {
  const groups = [[matrix("small", 3, 4)], [matrix("large", 300, 16)], [matrix("next", 2, 16)]];
  const layout = planParameters(groups, { maxBindingBytes: 8192, maxBufferBytes: 8192 });
  const buffers = new ParameterBuffers(device, { layout, label: "test", part: "weights" });
  try {
    const large = Float32Array.from({ length: 4800 }, (_, i) => i);
    const next = Float32Array.from({ length: 32 }, (_, i) => -i);
    buffers.write("next", next);
    // Pieces that end within parts and at their border, and one over three parts.
    let first = 0;
    for (const length of [10, 2038, 1, 2751]) {
      buffers.writePart("large", first, large.subarray(first, first + length));
      first += length;
    }
    equal(buffers.view("large").size, 19200);
    equal(buffers.view("large").parts?.length, 3);
    deepEqual(new Float32Array(await device.read(buffers.view("large"))), large);
    const read = await buffers.download();
    deepEqual([read("large"), read("next"), read("small")], [large, next, new Float32Array(12)]);
    buffers.writePart("large", 2047, Float32Array.of(0.5, 0.25));
    large.set([0.5, 0.25], 2047);
    const reader = buffers.openReader(["next", "large", "small"]);
    const whole = async (): Promise<number[]> => {
      const out: number[] = [];
      for await (const piece of reader.next()) out.push(...piece);
      return out;
    };
    deepEqual([await whole(), await whole(), await whole()], [[...next], [...large], new Array(12).fill(0)]);
    await rejects(whole(), /^RangeError: Cannot read slice 4: there are 3/);
    await reader.close();
    throws(() => buffers.view("large", "next"), /^RangeError: Cannot view \[large, next\] as one tensor/);
    throws(
      () => buffers.writePart("large", 4799, Float32Array.of(1, 2)),
      /elements end at 4801, expected at most 4800/,
    );
  } finally {
    buffers.free();
  }
});

Deno.test("ParameterBuffers views one tensor or several end to end, and reads back what was written", async () => {
  const buffers = new ParameterBuffers(device, {
    layout: planParameters(GROUPS, { maxBindingBytes: 1 << 20 }),
    label: "test",
    part: "weights",
  });
  try {
    const q = Float32Array.from({ length: 56 }, (_, i) => i);
    const v = Float32Array.from({ length: 28 }, (_, i) => -i - 1);
    buffers.write("q", q);
    buffers.write("v", v);
    const fused = buffers.view("q", "k", "v");
    equal(fused.size, (56 + 28 + 28) * 4);
    deepEqual([...new Float32Array(await device.read(fused))], [...q, ...new Array(28).fill(0), ...v]);
    equal(buffers.view("q", "k", "v"), fused);
    throws(() => buffers.view("v"), /multiple of 256/);
    const read = await buffers.download();
    deepEqual([read("q"), read("v"), [...read("norm")]], [q, v, new Array(7).fill(0)]);
  } finally {
    buffers.free();
  }
});

Deno.test("ParameterBuffers refuses names that are not there or do not lie end to end, and other lengths", async () => {
  const buffers = new ParameterBuffers(device, {
    layout: planParameters(GROUPS, { maxBindingBytes: 800 }),
    label: "test",
    part: "weights",
  });
  try {
    throws(() => buffers.view("other"), /^RangeError: Cannot find parameter "other"/);
    throws(() => buffers.view("q", "v"), /^RangeError: Cannot view \[q, v\] as one tensor/);
    throws(() => buffers.view("embed", "q"), /^RangeError: Cannot view/);
    throws(() => buffers.write("norm", new Float32Array(8)), /length is 8, expected 7$/);
    const read = await buffers.download();
    await rejects(async () => await Promise.resolve(read("other")), /Cannot find parameter "other"/);
  } finally {
    buffers.free();
  }
});
