import { deepEqual, ok } from "node:assert/strict";
import { Device } from "../../../kernels/device/device.ts";
import { CountingCommands } from "../../../tools/traffic/counting_commands.ts";
import { measureTraffic, trafficOf } from "../../../tools/traffic/measure_traffic.ts";
import { trafficCalls } from "../../../tools/traffic/traffic_calls.ts";
import { excesses, ratioOf, REASONS } from "../../../tools/traffic/traffic_page.ts";
import { device } from "../../_shared/device.ts";

Deno.test("AdamW and an accumulating dropout move what they need, and no more", async () => {
  using commands = new CountingCommands(device, { except: /^matmul/ });
  const calls = trafficCalls().filter(({ updated }) => updated?.includes("m") || updated?.includes("y"));
  const found: [string, number][] = [];
  for (const call of calls) {
    for (const traffic of await trafficOf(commands, call)) found.push([traffic.name, ratioOf(traffic)]);
  }
  // Of RMSprop's update the same bindings are named.
  deepEqual(found, [["dropout, accumulating", 1], ["adamw vec4", 1], ["rmsprop vec4", 1]]);
});

Deno.test("a GPU's kernels move what they need, but for those whose reason is known", async () => {
  const gpu = new Device(device.gpu, { info: device.info, family: "gpu", subgroupSize: 0 });
  const traffic = await measureTraffic(gpu);
  const above = excesses(traffic);
  deepEqual(above.filter(({ why }) => why === null), []);
  for (const { kernel } of REASONS) ok(above.some(({ name }) => kernel.test(name)), `${kernel} is not above`);
});
