import assert from "node:assert/strict";
import { openAdapter, requestAdapter, type WebGpu } from "../../../kernels/device/adapter.ts";
import { DEVICE_CHOICES } from "../../../kernels/device/device_choice.ts";

/** The platform's WebGPU by another name, which notes what is asked of it. */
function noting(asked: unknown[], has: (options: GPURequestAdapterOptions) => boolean = () => true): WebGpu {
  const requestAdapter = (options: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    asked.push(options);
    return has(options) ? navigator.gpu.requestAdapter(options) : Promise.resolve(null);
  };
  return { name: "Other", gpu: { requestAdapter } as unknown as GPU };
}

Deno.test("requestAdapter() asks for the device that was chosen", async () => {
  const asked: unknown[] = [];
  await requestAdapter({ webGpu: noting(asked) });
  for (const device of DEVICE_CHOICES) await requestAdapter({ webGpu: noting(asked), device });
  const high = { powerPreference: "high-performance" };
  assert.deepEqual(asked, [high, high, { powerPreference: "low-power" }, { forceFallbackAdapter: true }]);
});

Deno.test("openAdapter() opens the device on the WebGPU that it is given, which the device's name tells", async () => {
  using own = await openAdapter();
  using other = await openAdapter({ webGpu: noting([]) });
  assert.deepEqual([own.webGpu, other.webGpu], [undefined, "Other"]);
  assert.equal(other.name, `${own.name}, Other`);
  assert.equal(other.title, `${own.title}, by Other`);
});

Deno.test("openAdapter() says which device is not there", async () => {
  const webGpu = noting([], ({ forceFallbackAdapter }) => forceFallbackAdapter !== true);
  using _gpu = await openAdapter({ webGpu, device: "low-power" });
  await assert.rejects(openAdapter({ webGpu, device: "cpu" }), {
    name: "DeviceError",
    message:
      "Cannot open a GPU device: no WebGPU adapter for the CPU was found, expected a driver for it (on Debian or Ubuntu: apt-get install mesa-vulkan-drivers)",
  });
});
