/** `dnpo tune`. @module */
import { describeRates } from "../../core/device/run_device.ts";
import { kernelCacheFolder } from "../../core/device/tuning_cache.ts";
import { measureWidths } from "../../core/device/vector_width.ts";
import { wantedDevice } from "../../core/device/wanted_device.ts";
import type { Measurement } from "../../kernels/tune.ts";
import { sayText, tell } from "../print.ts";
import { formatTable } from "../text_table.ts";

/** The arguments of `dnpo tune`. */
export interface TuneFlags {
  /** Bits of lavapipe's vectors to measure, kept if they are the fastest; undefined: the driver's own, and 512. */
  vectorWidth: number | undefined;
  /** Whether progress is hidden. */
  quiet: boolean;
}

/** Measures the kernels' variants, prints the tables and keeps the choice. Returns 1 if it cannot be kept. */
export async function tune({ vectorWidth, quiet }: TuneFlags): Promise<number> {
  // A width that was kept before does not count; the environment's width is the user's own.
  const wanted = await wantedDevice({ autotune: false });
  const { measured, rates, best } = await measureWidths({
    ...wanted,
    vectorWidth: vectorWidth ?? wanted.vectorWidth ?? undefined,
    always: true,
    onDevice: (adapter) => quiet || tell(`Measuring kernels on ${adapter}; compiling them may take a minute, once`),
    onMeasure: (what) => quiet || tell(`  matmul ${what}`),
  });
  for (const { adapter, result, seconds } of measured) {
    const table = formatTable(["matmul", "variant", "GFLOP/s", "chosen"], result.measurements.map(row), {
      text: [0, 1, 3],
    });
    sayText(...table.split("\n"), `${seconds.toFixed(1)} s on ${adapter}`);
  }
  const kept = measured.map(({ path }) => path).filter((path) => path !== null);
  if (kept.length < measured.length) {
    const folder = kernelCacheFolder();
    tell(
      folder === null
        ? "error: Cannot keep the choice: no cache folder, expected DNPO_CACHE, XDG_CACHE_HOME or HOME in the environment"
        : `error: Cannot keep the choice: ${folder} cannot be written`,
    );
    return 1;
  }
  if (kept.length === 0) {
    tell(
      `error: Cannot measure ${vectorWidth ?? wanted.vectorWidth} bits: the driver does not take that width`,
    );
    return 1;
  }
  sayText(`Kept in ${kept.join(" and ")}; runs that begin from now on use ${kept.length > 1 ? "them" : "it"}`);
  if (rates.length > 1) sayText(`Vector width: ${describeRates(rates)}; ${best} bits from now on`);
  return 0;
}

function row({ mode, sizes, precision, variant, gflops, chosen }: Measurement): string[] {
  return [
    [mode, sizes.join("x"), precision].filter(Boolean).join(" "),
    variant,
    gflops.toFixed(1),
    chosen ? "yes" : "",
  ];
}
