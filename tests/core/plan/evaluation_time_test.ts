import { deepEqual, equal, rejects } from "node:assert/strict";
import { DeviceError } from "../../../kernels/device/device_error.ts";
import type { TaskWork } from "../../../core/evaluate/evaluation_work.ts";
import { parseModelConfig } from "../../../core/model/families/model_config.ts";
import { evaluationTimes } from "../../../core/plan/evaluation_time.ts";
import { limited } from "../../_shared/device.ts";
import { TINY_CONFIG } from "../../_shared/tiny_model.ts";

const COUNTS = { tokens: 100, pairs: 100, entries: 10, passes: 1 };
const WORK: TaskWork = {
  task: "x",
  documents: 2,
  kind: "choices",
  requests: 2,
  known: 0,
  forward: COUNTS,
  decode: { ...COUNTS, tokens: 0, pairs: 0, entries: 0, passes: 0 },
};

Deno.test("evaluationTimes() tells no time where the device has no memory to measure with, and leaves nothing there", async () => {
  const config = parseModelConfig({ ...TINY_CONFIG }, "config.json");
  const { device } = limited({ maxBufferSize: 70_000 });
  const times = (requests: number) => evaluationTimes({ model: "m", config, device, tasks: [{ ...WORK, requests }] });
  // One of the buffers still fits.
  deepEqual((await times(2)).map(({ seconds }) => seconds), [null]);
  equal(device.bytes, 0);
  deepEqual((await times(0)).map(({ seconds }) => seconds), [0]);
  // What failed before is thrown all the same.
  device.fail(new DeviceError("no room for the weights", "memory"));
  await rejects(times(2), /^DeviceError: no room for the weights$/);
});
