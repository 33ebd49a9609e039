import { deepEqual, throws } from "node:assert/strict";
import { meanMetrics, metricSlot, MetricsRing } from "../../../core/train/step_metrics.ts";
import { commands, device } from "../../_shared/device.ts";

Deno.test("meanMetrics() gives means since the last line, and the last step's norms", () => {
  const steps = [
    { "loss": 1, "rewards/margins": 0, "grad_norm": 5, "noise/grad_norm": 1 },
    { "loss": 2, "rewards/margins": -3, "grad_norm": 7, "noise/grad_norm": 2 },
  ];
  deepEqual(meanMetrics(steps), { "loss": 1.5, "rewards/margins": -1.5, "grad_norm": 7, "noise/grad_norm": 2 });
  deepEqual(meanMetrics([]), {});
});

Deno.test("MetricsRing gives zeroed rows, and refuses more than it has room for", async () => {
  const ring = new MetricsRing(device, 2);
  try {
    const fill = async (value: number): Promise<number[]> => {
      const rows = [ring.next(commands), ring.next(commands)];
      commands.submit();
      device.write(rows[1]!, Float32Array.of(value), metricSlot("grad_norm") * 4);
      throws(() => ring.next(commands), /^RangeError: Cannot take a metrics row: all 2 are in use/);
      const records = ring.parse(await device.read(ring.slice));
      ring.restart();
      return records.map((record) => record.grad_norm);
    };
    deepEqual(await fill(4), [0, 4]);
    deepEqual(await fill(2), [0, 2]);
  } finally {
    ring.free(device);
  }
});
