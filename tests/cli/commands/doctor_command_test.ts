import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { describeDevice } from "../../../cli/commands/doctor_command.ts";
import { standInDevice } from "../../../tools/wgsl/stand_in_device.ts";
import { dnpo, withFolder } from "../../_shared/dnpo.ts";

/** The remedy of all errors about Dawn. */
const REMEDY = "expected the file and the permission that `deno task dnpo:dawn` gives";

Deno.test("dnpo doctor shows Deno's own WebGPU, and what each choice of a device takes", async () => {
  const { code, out, err } = await dnpo(["doctor"], { DNPO_DEVICE: "cpu" });
  deepEqual([code, err], [0, ""]);
  match(
    out,
    /^webgpu {6}Deno's own, which runs take \(deno\)\ndevice {6}high-performance: .+\ndevice {6}low-power: .+\n/m,
  );
  match(out, /^device {6}cpu: .+ \(taken\)$/m);
  equal(out.match(/\(taken\)/g)?.length, 1);
  match(out, new RegExp(`^webgpu {6}Dawn\\nmissing {5}DNPO_DAWN names no file, ${REMEDY}$`, "m"));
});

Deno.test("dnpo doctor says why Dawn cannot be opened, with exit code 1 where runs would take it", () =>
  withFolder(async (dir) => {
    const none = await dnpo(["doctor"], { DNPO_WEBGPU: "dawn" });
    equal(none.code, 1);
    const lines =
      `webgpu {6}Dawn, which runs take \\(dawn\\)\nadapter {5}none\nmissing {5}a WebGPU adapter: Cannot open Dawn: `;
    match(none.out, new RegExp(`^${lines}DNPO_DAWN names no file, ${REMEDY}$`, "m"));
    // A file by itself may not be loaded, and auto then takes Deno's own.
    const DNPO_DAWN = `${dir}/dawn.node`;
    await Deno.writeTextFile(DNPO_DAWN, "no library");
    const forbidden = await dnpo(["doctor"], { DNPO_WEBGPU: "auto", DNPO_DAWN });
    equal(forbidden.code, 0);
    match(forbidden.out, /^webgpu {6}Deno's own, which runs take \(auto\)$/m);
    match(
      forbidden.out,
      new RegExp(`a WebGPU adapter: Cannot open Dawn: ${DNPO_DAWN} may not be loaded, ${REMEDY}$`, "m"),
    );
    doesNotMatch(forbidden.out, /Dawn, which runs take/);
  }));

Deno.test("a command that needs Dawn and has none ends with one line", async () => {
  const { code, err } = await dnpo(["tune", "--quiet"], { DNPO_WEBGPU: "dawn" });
  deepEqual([code, err], [1, `error: Cannot open Dawn: DNPO_DAWN names no file, ${REMEDY}\n`]);
});

Deno.test("variables that name no WebGPU and no device are one line", async () => {
  const cases = [
    ["DNPO_WEBGPU", "chrome", "choose WebGPU", "deno, dawn or auto"],
    ["DNPO_DEVICE", "gpu", "choose a device", "high-performance, low-power or cpu"],
  ] as const;
  for (const [name, value, what, expected] of cases) {
    const { code, err } = await dnpo(["doctor"], { [name]: value });
    deepEqual([code, err], [1, `error: Cannot ${what}: ${name} is "${value}", expected ${expected}\n`]);
  }
});

Deno.test("describeDevice() says of lavapipe which version it is like, and which to take in the place of a slow one", async () => {
  const lines = async (lavapipe?: 22 | 25 | 26): Promise<string[]> => {
    const kind = { name: "cpu 8", family: "cpu", least: 8, ...(lavapipe && { lavapipe }) } as const;
    using device = await standInDevice(kind, { compiler: "naga", take() {} });
    return describeDevice(device).filter((line) => line.startsWith("driver"));
  };
  deepEqual(await lines(), []);
  deepEqual(await lines(22), ["driver      lavapipe, like Mesa 22's"]);
  deepEqual(await lines(26), ["driver      lavapipe, like Mesa 26's"]);
  deepEqual(await lines(25), [
    "driver      lavapipe, like Mesa 25's, which compiles kernels 5 to 10 times as slowly as Mesa 22 or 26: take one of those (docs/platforms.md)",
  ]);
});
