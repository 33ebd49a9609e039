import { deepEqual } from "node:assert/strict";
import { CountingCommands } from "../../../tools/traffic/counting_commands.ts";
import { trafficOf } from "../../../tools/traffic/measure_traffic.ts";
import { trafficCalls } from "../../../tools/traffic/traffic_calls.ts";
import { ratioOf } from "../../../tools/traffic/traffic_page.ts";
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
