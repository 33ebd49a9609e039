import { deepEqual, equal, match, throws } from "node:assert/strict";
import { mirrorsIn, sourceLines } from "../../../tools/platforms/debian_packages.ts";
import { driverEnvironment } from "../../../tools/platforms/driver_environment.ts";
import { PLATFORMS } from "../../../tools/platforms/platforms.ts";
import { withFolder } from "../../_shared/dnpo.ts";

const TARGETS = `Debian bookworm http://mirror.example/debian
Debian bookworm-security http://mirror.example/debian-security
Other stable http://other.example/apt
`;

Deno.test("sourceLines() takes suites from the mirrors that the machine's apt has of Debian", () => {
  const lines = sourceLines(["bookworm-security", "sid"], mirrorsIn(TARGETS)).trim().split("\n");
  deepEqual(lines.map((line) => line.replace(/ \[.*\]/, "")), [
    "deb http://mirror.example/debian-security bookworm-security main",
    "deb http://mirror.example/debian sid main",
  ]);
  throws(
    () => sourceLines(["sid"], mirrorsIn("Other stable http://other.example/apt\n")),
    /apt knows no mirror of Debian/,
  );
});

Deno.test("driverEnvironment() leads Vulkan's loader to the unpacked driver alone", () =>
  withFolder(async (root) => {
    const write = async (path: string, library = ""): Promise<void> => {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${root}/${path}`, JSON.stringify({ ICD: { library_path: library } }));
    };
    const library = async (): Promise<string> =>
      JSON.parse(await Deno.readTextFile(`${root}/driver.json`)).ICD.library_path;
    const libraries = "/usr/lib/x86_64-linux-gnu";
    await write("usr/share/vulkan/icd.d/lvp_icd.x86_64.json", `${libraries}/libvulkan_lvp.so`);
    await write("usr/share/vulkan/icd.d/intel_icd.json", `${libraries}/libvulkan_intel.so`);
    await write(`${libraries.slice(1)}/libvulkan_lvp.so`);
    await write("usr/lib/chromium/vk_swiftshader_icd.json", "./libvk_swiftshader.so");
    await write("usr/lib/chromium/libvk_swiftshader.so");
    const { mesa25, mesa26, swiftshader, gl } = PLATFORMS;
    const vulkan = { DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: `${root}/driver.json` };
    const LD_LIBRARY_PATH = root + libraries;
    deepEqual(await driverEnvironment(root, mesa25!), { ...vulkan, LD_LIBRARY_PATH });
    equal(await library(), `${root}${libraries}/libvulkan_lvp.so`);
    deepEqual(await driverEnvironment(root, swiftshader!), { ...vulkan, LD_LIBRARY_PATH });
    equal(await library(), `${root}/usr/lib/chromium/libvk_swiftshader.so`);
    // A whole system is entered.
    deepEqual(await driverEnvironment(root, mesa26!), { ...vulkan, VK_DRIVER_FILES: "/driver.json" });
    equal(await library(), `${libraries}/libvulkan_lvp.so`);
    const { DENO_WEBGPU_BACKEND: backend, LIBGL_DRIVERS_PATH: drivers } = await driverEnvironment(root, gl!);
    deepEqual([backend, drivers], ["gl", `${root}${libraries}/dri`]);
  }));

Deno.test("CONTRIBUTING lists every platform of test:on", async () => {
  const page = await Deno.readTextFile(new URL("../../../CONTRIBUTING.md", import.meta.url));
  for (const name of Object.keys(PLATFORMS)) match(page, new RegExp(`\`deno task test:on ${name}\``), name);
});

Deno.test("test:on names the platforms that there are", async () => {
  const tool = new URL("../../../tools/test_on.ts", import.meta.url).pathname;
  const args = [
    "run",
    "--quiet",
    "--no-check",
    "--allow-read",
    "--allow-env=DNPO_SHARED",
    "--allow-sys=uid",
    tool,
    "mesa24",
  ];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  const expected = "mesa22, mesa25, mesa26, swiftshader, gl, dawn, sid-dawn, sid-mpi";
  deepEqual([code, new TextDecoder().decode(stderr)], [2, `Cannot run tests on "mesa24", expected ${expected}\n`]);
});
