/** `dnpo tune`. @module */
import {
  adapterName,
  kernelCacheFolder,
  readWidthRates,
  writeCachedTuning,
  writeVectorWidth,
} from "../../core/loop/kernel_cache.ts";
import { wantedDevice } from "../../core/loop/run_device.ts";
import { openDevice } from "../../kernels/device/device.ts";
import { type Measurement, tune as measureKernels } from "../../kernels/tune.ts";
import type { TuneOptions } from "../options.ts";
import { formatTable } from "../table.ts";

/** Another vector width must be faster by this. */
const BETTER = 1.05;

/** Measures the kernels' variants, prints the table and keeps the choice; 1 where it cannot be kept. */
export async function tune({ vectorWidth, quiet }: TuneOptions): Promise<number> {
  // Without an option what was kept before is left out, so that it can be measured against.
  const device = await openDevice({ ...await wantedDevice({ autotune: false }), ...(vectorWidth && { vectorWidth }) });
  try {
    const started = performance.now();
    if (!quiet) console.error(`Measuring kernels on ${adapterName(device)}; compiling them may take a minute, once`);
    const result = await measureKernels(device, {
      onMeasure: (what) => quiet || console.error(`  matmul ${what}`),
    });
    console.log(
      formatTable(["matmul", "variant", "GFLOP/s", "chosen"], result.measurements.map(row), { text: [0, 1, 3] }),
    );
    console.log(`${((performance.now() - started) / 1000).toFixed(1)} s on ${adapterName(device)}`);
    const path = await writeCachedTuning(device, result);
    if (path === null) {
      const folder = kernelCacheFolder();
      console.error(
        folder === null
          ? "error: Cannot keep the choice: no cache folder, expected DNPO_CACHE, XDG_CACHE_HOME or HOME in the environment"
          : `error: Cannot keep the choice: ${folder} cannot be written`,
      );
      return 1;
    }
    console.log(`kept in ${path}; runs that begin from now on use it`);
    const rates = await readWidthRates(device);
    if (rates.length > 1) {
      const best = rates.reduce((kept, one) => one.gflops > BETTER * kept.gflops ? one : kept);
      await writeVectorWidth(best.bits);
      const list = rates.map(({ bits, gflops }) => `${bits} bits ${gflops.toFixed(1)} GFLOP/s`).join(", ");
      console.log(`vector width: ${list}; ${best.bits} bits from now on`);
    }
    return 0;
  } finally {
    device.destroy();
  }
}

function row({ mode, sizes, variant, gflops, chosen }: Measurement): string[] {
  return [`${mode} ${sizes.join("x")}`, variant, gflops.toFixed(1), chosen ? "yes" : ""];
}
