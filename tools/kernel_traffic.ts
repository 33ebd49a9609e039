/**
 * What the kernels that are neither products nor attention move through memory, counted by the kernels themselves:
 * `deno task kernel:traffic`. Prints a table; with `--docs` it writes docs/kernel_traffic.md. @module
 */
import { openDevice } from "../core/device/open_device.ts";
import { Device } from "../kernels/device/device.ts";
import { measureTraffic } from "./traffic/measure_traffic.ts";
import { trafficPage, trafficTable } from "./traffic/traffic_page.ts";

const PAGE = "docs/kernel_traffic.md";

async function main(args: readonly string[]): Promise<number> {
  const isDocs = args[0] === "--docs";
  if (args.length > (isDocs ? 1 : 0)) {
    console.error(`Cannot count: arguments are ${args.join(" ")}, expected none or --docs`);
    return 2;
  }
  using own = await openDevice();
  // The texts are those of a GPU, whatever the device that runs them.
  const device = new Device(own.gpu, { info: own.info, family: "gpu", subgroupSize: 0 });
  const traffic = await measureTraffic(device);
  if (!isDocs) {
    console.log(trafficTable(traffic));
    return 0;
  }
  await Deno.writeTextFile(PAGE, trafficPage(traffic));
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", PAGE] }).output();
  if (!success) throw new Error(`Cannot format ${PAGE}`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
