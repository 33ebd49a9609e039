import { deepEqual, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../../_shared/dnpo.ts";

const SCRIPT = `
import { measureWidths } from "./core/device/vector_width.ts";
import { openToolDevice } from "./core/device/run_device.ts";
const { measured, rates, best } = await measureWidths();
const after = Deno.env.get("LP_NATIVE_VECTOR_WIDTH") ?? null;
const device = await openToolDevice();
console.log(JSON.stringify({ adapters: measured.map((one) => one.adapter), rates, best, after, opened: device.name }));
device.destroy();
`;

Deno.test("measureWidths() measures two widths in one process, leaves the environment, and a device opens at the better one", () =>
  withFolder(async (dir) => {
    // A process of its own: in this one a device has loaded the driver.
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", SCRIPT],
      cwd: fileURLToPath(new URL("../../../", import.meta.url)),
      env: { DNPO_CACHE: `${dir}/cache`, XDG_RUNTIME_DIR: "/tmp", NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    match(text, /^\{.*\}\n$/, new TextDecoder().decode(stderr));
    const { adapters, rates, best, after, opened } = JSON.parse(text);
    if (!/llvmpipe/.test(opened)) {
      deepEqual([adapters, rates, best, after], [[], [], null, null]);
      return;
    }
    // Where compiling is slow the wider one never pays, and is not measured.
    const widths = opened.includes("like Mesa 25") ? [256] : [256, 512];
    const measured = rates.map((one: { bits: number }) => one.bits);
    deepEqual([adapters.length, measured, after], [widths.length, widths, null]);
    const [narrow, wide] = rates.map((one: { gflops: number }) => one.gflops);
    ok((best === 512) === (wide > 1.05 * narrow), text);
    ok(opened.includes(`${best} bits`), text);
  }));
