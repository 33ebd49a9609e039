import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { Commands } from "../../../kernels/device/commands.ts";
import { compileAhead } from "../../../kernels/device/compile_ahead.ts";
import type { Device } from "../../../kernels/device/device.ts";
import { defineKernel } from "../../../kernels/device/kernel.ts";
import { limited } from "../../_shared/device.ts";
import { countBuilt } from "../../_shared/built_kernels.ts";

/** A kernel that sets one number. */
function setting(value: string) {
  return defineKernel({
    name: `set ${value}`,
    code: [{
      name: "kernels/test/set.wgsl",
      text: `override ADDED = 0.0;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = ${value} + ADDED; }
`,
    }],
    bindings: { y: "readWrite" },
    uniforms: {},
  });
}

type Kernels = readonly { kernel: ReturnType<typeof setting>; added: number }[];

/** Records each kernel, and returns the device's buffer. */
function record(commands: Commands, kernels: Kernels) {
  const y = commands.device.alloc(4, "y");
  for (const { kernel, added } of kernels) {
    commands.dispatch(kernel, { buffers: { y }, uniforms: {}, workgroups: [1], constants: { ADDED: added } });
  }
  return y;
}

async function result(commands: Commands, kernels: Kernels): Promise<number> {
  const y = record(commands, kernels);
  commands.submit();
  try {
    return new Float32Array(await commands.device.read(y))[0]!;
  } finally {
    commands.device.free(y);
  }
}

/** Builds ahead on a clock that goes on by `step` ms each time it is looked at; returns what was told. */
async function told(commands: Commands, kernels: Kernels, step: number): Promise<number[][]> {
  const { device }: { device: Device } = commands;
  const events: number[][] = [];
  device.onBuilding = (done, total) => events.push([done, total]);
  let ms = 0;
  await compileAhead(commands, (commands) => void record(commands, kernels), { now: () => ms += step });
  return events;
}

Deno.test("compileAhead() builds what work records, once for each set of constants, and runs nothing", async () => {
  using commands = limited({});
  const [one, two] = [setting("1.5"), setting("2.5")];
  const kernels = [{ kernel: one, added: 1 }, { kernel: two, added: 2 }, { kernel: one, added: 3 }];
  const { bytes, bufferCount } = commands.device;
  using built = countBuilt(commands.device);
  deepEqual(await told(commands, [...kernels, ...kernels], 0.001), [], "nothing is told of what takes no second");
  deepEqual([built.ahead, built.atFirstUse], [3, 0]);
  deepEqual([commands.device.bytes, commands.device.bufferCount], [bytes, bufferCount]);
  equal(await result(commands, kernels), 4.5);
  equal(await result(commands, kernels.slice(0, 2)), 4.5);
  equal(await result(commands, [{ kernel: two, added: 0.5 }]), 3);
  deepEqual([built.ahead, built.atFirstUse], [3, 1], "what was not recorded is built at its first use");
  await told(commands, kernels, 0.001);
  equal(built.ahead, 3, "what is there is not built again");
});

Deno.test("compileAhead() tells of each pipeline, and of the last, where building takes more than a second", async () => {
  using commands = limited({});
  const kernels = [1, 2, 3, 4].map((added) => ({ kernel: setting("1.0"), added }));
  deepEqual(await told(commands, kernels, 2000), [[1, 4], [2, 4], [3, 4], [4, 4]]);
});

Deno.test("compileAhead() leaves a kernel that is refused to its first use, which names it", async () => {
  using commands = limited({});
  const [good, bad] = [setting("1.5"), setting("nothing")];
  using built = countBuilt(commands.device);
  await told(commands, [{ kernel: bad, added: 0 }, { kernel: good, added: 0 }], 0.001);
  await commands.device.check();
  equal(await result(commands, [{ kernel: good, added: 0 }]), 1.5);
  equal(built.atFirstUse, 0);
  await rejects(result(commands, [{ kernel: bad, added: 0 }]), (error: Error) => {
    match(error.message, /^Cannot build kernel "set nothing": kernels\/test\/set\.wgsl:3:\d+ .*nothing/);
    equal(error.message.split("\n").length, 1);
    return true;
  });
});
