import assert from "node:assert/strict";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { Commands, grid } from "../../../kernels/device/commands.ts";
import { DeviceError } from "../../../kernels/device/device_error.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import { Profiler } from "../../../kernels/device/profile.ts";
import { joinSlices, subslice } from "../../../kernels/device/slice.ts";
import { scatterRows } from "../../../kernels/rows/gather_rows.ts";

const CODE = `
struct Params { count: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.count) { y[id.x] = x[id.x] * p.scale; }
}`;

const spec = {
  name: "scale",
  code: [{ name: "scale.wgsl", text: CODE }],
  bindings: { y: "readWrite", x: "read" },
  uniforms: { count: "u32", scale: "f32" },
} as const;

Deno.test("defineKernel() refuses a record that differs from the shader's struct", () => {
  assert.throws(() => defineKernel({ ...spec, uniforms: { scale: "f32", count: "u32" } }), {
    name: "TypeError",
    message: 'Cannot define "scale": struct Params is {count: u32, scale: f32}, expected {scale: f32, count: u32}',
  });
});

Deno.test("defineKernel() refuses bindings that differ from the shader's in name, order or access", () => {
  assert.throws(() => defineKernel({ ...spec, bindings: { x: "read", y: "readWrite" } }), TypeError);
  assert.throws(() => defineKernel({ ...spec, bindings: { y: "read", x: "read" } }), TypeError);
});

Deno.test("Commands runs dispatches, copies and clears in the order recorded", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const kernel = defineKernel(spec);
  const x = device.upload(new Float32Array([1, 2, 3]), "x");
  const y = device.alloc(12, "y");
  const z = device.alloc(12, "z");
  const call = { buffers: { y, x }, workgroups: [1] as const };
  commands.dispatch(kernel, { ...call, uniforms: { count: 3, scale: 2 } });
  commands.copy(z, y);
  commands.clear(x);
  commands.dispatch(kernel, { ...call, uniforms: { count: 2, scale: 5 } });
  commands.submit();
  const [yBytes, zBytes] = await device.readAll([y, z]);
  assert.deepEqual([...new Float32Array(zBytes!)], [2, 4, 6]);
  assert.deepEqual([...new Float32Array(yBytes!)], [0, 0, 6]);
  device.destroy();
});

Deno.test("Commands submits by itself when the uniform arena is full, and keeps one bind group per set of buffers", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const kernel = defineKernel(spec);
  const x = device.upload(new Float32Array([1]), "x");
  const y = device.alloc(4, "y");
  for (let i = 1; i <= 10_000; i++) {
    commands.dispatch(kernel, { buffers: { y, x }, uniforms: { count: 1, scale: i }, workgroups: [1] });
  }
  commands.submit();
  assert.equal(new Float32Array(await device.read(y))[0], 10_000);
  assert.equal(commands.bindGroupCount, 1);
  device.free(y);
  assert.equal(commands.bindGroupCount, 0);
  device.destroy();
});

Deno.test("Commands.repeatable() records the same calls again, after a submit too, and calls its work anew for that", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const kernel = defineKernel(spec);
  const x = device.upload(new Float32Array([1, 1, 1]), "x");
  const y = device.alloc(12, "y");
  const z = device.alloc(12, "z");
  let calls = 0;
  const twice = commands.repeatable(() => {
    calls++;
    commands.dispatch(kernel, { buffers: { y, x }, uniforms: { count: 2, scale: 2 }, workgroups: [1] });
    commands.copy(x, y);
    commands.clear(z);
  });
  const read = async (): Promise<number[]> => {
    commands.submit();
    return [...new Float32Array(await device.read(x))];
  };
  twice();
  twice();
  // What is recorded between is no part of it.
  commands.dispatch(kernel, { buffers: { y: z, x }, uniforms: { count: 2, scale: 3 }, workgroups: [1] });
  twice();
  assert.deepEqual(await read(), [8, 8, 0]);
  assert.equal(calls, 1);
  assert.deepEqual([...new Float32Array(await device.read(z))], [0, 0, 0]);
  // Another's uniforms lie where the first ones did.
  commands.dispatch(kernel, { buffers: { y: z, x }, uniforms: { count: 2, scale: 3 }, workgroups: [1] });
  twice();
  twice();
  assert.deepEqual(await read(), [32, 32, 0]);
  assert.equal(calls, 2);
  device.destroy();
});

Deno.test("Commands.repeatable() calls its work each time where that submits", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const kernel = defineKernel(spec);
  const x = device.upload(new Float32Array([1]), "x");
  const y = device.alloc(4, "y");
  let calls = 0;
  const work = commands.repeatable(() => {
    calls++;
    commands.dispatch(kernel, { buffers: { y, x }, uniforms: { count: 1, scale: 2 }, workgroups: [1] });
    commands.submit();
    commands.copy(x, y);
  });
  for (let i = 0; i < 3; i++) work();
  commands.submit();
  assert.equal(new Float32Array(await device.read(x))[0], 8);
  assert.equal(calls, 3);
  device.destroy();
});

Deno.test("a shader error reaches the caller with the kernel's name, file and line", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const kernel = defineKernel({
    ...spec,
    name: "broken",
    code: [{ name: "scale.wgsl", text: CODE.replace("* p.scale", "* p.nothing") }],
  });
  const x = device.upload(new Float32Array([1]), "x");
  const y = device.alloc(4, "y");
  commands.dispatch(kernel, { buffers: { y, x }, uniforms: { count: 1, scale: 1 }, workgroups: [1] });
  commands.submit();
  await assert.rejects(() => device.check(), (error: Error) => {
    assert.ok(error instanceof DeviceError);
    assert.match(error.message, /^Cannot build kernel "broken": scale\.wgsl:8:\d+ .*nothing/);
    return true;
  });
  device.destroy();
});

Deno.test("Commands names the uniform and the grid that do not fit", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const kernel = defineKernel(spec);
  const buffer = device.alloc(4, "x");
  const other = device.alloc(4, "y");
  const buffers = { y: buffer, x: other };
  assert.throws(
    () => commands.dispatch(kernel, { buffers, uniforms: { count: -1, scale: 1 }, workgroups: [1] }),
    /"scale": uniform "count" is -1, expected an unsigned/,
  );
  assert.throws(
    () => commands.dispatch(kernel, { buffers, uniforms: { count: 1, scale: 1 }, workgroups: [1 << 20] }),
    /grid is 1048576x1x1, expected at most/,
  );
  const [x, y] = grid(device, 200_000);
  assert.ok(x <= device.limits.maxComputeWorkgroupsPerDimension && x * y >= 200_000);
  device.destroy();
});

Deno.test("Device counts bytes and buffers, and refuses a buffer beyond the limit", async () => {
  const device = await openAdapter();
  const a = device.alloc(1000, "a");
  const b = device.alloc(24, "b");
  assert.deepEqual([device.bytes, device.bufferCount], [1024, 2]);
  device.free(a);
  device.free(b);
  assert.deepEqual([device.bytes, device.bufferCount, device.peakBytes], [0, 0, 1024]);
  assert.throws(() => device.alloc(device.limits.maxBufferSize + 4, "huge"), /Cannot allocate "huge": size is/);
  device.destroy();
});

Deno.test("Device gives images heights that are no powers of two, and counts their lines", async () => {
  const device = await openAdapter();
  for (const [lines, height] of [[1, 3], [2, 3], [3, 3], [4, 5], [5, 5], [64, 65], [100, 100]] as const) {
    const image = device.allocImage(4096 * (lines - 1) + 1, "rgba32float");
    assert.deepEqual([image.texture.height, image.texels], [height, 4096 * height], `${lines}`);
    assert.equal(device.bytes, 16 * 4096 * height);
    device.freeImage(image);
  }
  const narrow = device.allocImage(256 * 5, "rgba32float", 256);
  assert.deepEqual([narrow.texture.width, narrow.texture.height, narrow.texels], [272, 5, 256 * 5]);
  assert.equal(device.bytes, 16 * 272 * 5);
  device.freeImage(narrow);
  const most = device.limits.maxTextureDimension2D;
  assert.throws(() => device.allocImage(4096 * most + 1, "rgba32float"), {
    name: "DeviceError",
    message: `Cannot allocate an image: ${most + 1} lines, the device's largest texture has ${most}`,
  });
  assert.equal(device.bytes, 0);
  device.destroy();
});

Deno.test("Device reads slices larger than its staging window whole", async () => {
  const device = await openAdapter();
  const words = new Uint32Array(20 * 1024 * 1024).map((_, i) => i * 2654435761);
  const slice = device.upload(words, "large");
  const part = subslice(slice, 256, 1024);
  const [all, some] = await device.readAll([slice, part]);
  const read = new Uint32Array(all!);
  for (let i = 0; i < words.length; i += 4099) assert.equal(read[i], words[i]);
  assert.equal(read.at(-1), words.at(-1));
  assert.deepEqual([...new Uint32Array(some!)], [...words.subarray(64, 320)]);
  device.destroy();
});

Deno.test("subslice() of several buffers lies in one of them, and the whole cannot be bound", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  const parts = [512, 768].map((bytes) => device.alloc(bytes, "part"));
  const whole = joinSlices(parts);
  assert.equal(whole.size, 1280);
  assert.deepEqual(subslice(whole, 256, 256), { buffer: parts[0]!.buffer, offset: 256, size: 256 });
  assert.deepEqual(subslice(whole, 512, 768), parts[1]);
  assert.throws(() => subslice(whole, 256, 512), {
    name: "RangeError",
    message:
      'Cannot slice "part": bytes 256..768 of 512, expected an offset that is a multiple of 256 and an end within',
  });
  assert.throws(() => subslice(whole, 768, 768), /bytes 256\.\.1024 of 768/);
  assert.throws(() => subslice(whole, 1280, 4), /bytes 768\.\.772 of 768/);
  assert.equal(joinSlices([parts[0]!]), parts[0]);
  const [out, index] = [device.alloc(4, "out"), device.alloc(4, "index")];
  assert.throws(
    () => scatterRows(commands, { dx: out, starts: index, entries: index, most: 1, dy: whole, rows: 1, columns: 1 }),
    /^RangeError: Cannot dispatch "scatter_rows": "dy" lies in 2 buffers, expected a part in one of them$/,
  );
  device.destroy();
});

Deno.test("subslice() refuses what is not aligned or not inside", async () => {
  const device = await openAdapter();
  const slice = device.alloc(1024, "s");
  assert.throws(() => subslice(slice, 100, 4), RangeError);
  assert.throws(() => subslice(slice, 768, 512), RangeError);
  device.destroy();
});

Deno.test("Profiler gives the time of each kernel's calls", async () => {
  const device = await openAdapter();
  const commands = new Commands(device);
  commands.profiler = new Profiler(device);
  const kernel = defineKernel(spec);
  const x = device.upload(new Float32Array([1, 2, 3]), "x");
  const y = device.alloc(12, "y");
  for (let i = 0; i < 3; i++) {
    commands.dispatch(kernel, { buffers: { y, x }, uniforms: { count: 3, scale: 2 }, workgroups: [1] });
  }
  commands.submit();
  const [time, ...others] = await commands.profiler.read();
  assert.equal(others.length, 0);
  assert.deepEqual([time!.name, time!.calls], ["scale", 3]);
  assert.ok(time!.milliseconds > 0 && time!.milliseconds < 10_000);
  assert.deepEqual(await commands.profiler.read(), []);
  assert.deepEqual([...new Float32Array(await device.read(y))], [2, 4, 6]);
  device.destroy();
});

Deno.test("Device submits what is written every 4 MiB, and what is left where it waits", async () => {
  using device = await openAdapter();
  const piece = new Uint8Array(1.5 * 2 ** 20).fill(7);
  const slice = device.alloc(piece.length, "written");
  const { queue } = device.gpu;
  const submit = queue.submit.bind(queue);
  let submits = 0;
  await device.sync();
  queue.submit = (buffers: GPUCommandBuffer[]) => {
    submits++;
    submit(buffers);
  };
  try {
    const counts = [1, 2, 3, 4, 5, 6].map(() => {
      device.write(slice, piece);
      return submits;
    });
    assert.deepEqual(counts, [0, 0, 1, 1, 1, 2]);
    device.write(slice, piece);
    await device.sync();
    assert.equal(submits, 3);
    await device.sync();
    assert.equal(submits, 3);
  } finally {
    Reflect.deleteProperty(queue, "submit");
  }
  assert.ok(new Uint32Array(await device.read(slice)).every((word) => word === 0x07070707));
  device.free(slice);
});
