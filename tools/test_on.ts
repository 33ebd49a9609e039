/**
 * Runs tests of the kernels and of parity on a driver that is not the machine's own:
 * `deno task test:on NAME [--limit SECONDS] [FILE…]`. What it needs is fetched into a folder of its own in `.platforms/`;
 * where that cannot be had, or the tests do not end within the limit, it prints NOT RUN, with exit code 0. @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DAWN, fetchDawn } from "./fetch_dawn.ts";
import { permissions } from "./gate.ts";
import { unpackPackages } from "./platforms/debian_packages.ts";
import { driverEnvironment } from "./platforms/driver_environment.ts";
import { type Platform, PLATFORMS } from "./platforms/platforms.ts";
import { TEST_PROCESS_ENV } from "./test_process.ts";
import { fetching, Unavailable } from "./unavailable.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");

/** What is run where no file is named. */
const TESTS = ["tests/kernels", "tests/parity"];

/** Mounts of the process alone, which may make them. */
const UNSHARE = ["--mount", ...Deno.uid() === 0 ? [] : ["--map-root-user"]];

/** Deno's arguments for these tests. */
function testArguments(files: readonly string[], { dawn, programs = [], set: { whole } }: Platform): string[] {
  const preload = fileURLToPath(new URL("./platforms/dawn_preload.ts", import.meta.url));
  const more = dawn ? [`--preload=${preload}`, `--allow-ffi=${DAWN}`, "--allow-env=DNPO_DAWN"] : [];
  const own = permissions("bash", ...programs);
  // A child gets no LD_LIBRARY_PATH, where the driver's libraries are found, without the right to run everything.
  const granted = whole ? own : own.map((flag) => flag.startsWith("--allow-run=") ? "--allow-run" : flag);
  return ["test", "--frozen", "--no-check", ...granted, ...more, ...files];
}

/** The command that runs Deno on a platform: in a whole system it is entered, with this project and Deno's own files. */
async function commandOn(
  platform: Platform,
  { root, env, args }: { root: string; env: Record<string, string>; args: readonly string[] },
): Promise<string[]> {
  // This process may not pass on an LD_LIBRARY_PATH itself.
  const asked = ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), Deno.execPath(), ...args];
  if (!platform.set.whole) return asked;
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout)) as { denoDir: string };
  const enter = fileURLToPath(new URL("./platforms/enter.sh", import.meta.url));
  const shared = [ROOT, denoDir, Deno.execPath()];
  return ["unshare", ...UNSHARE, "bash", enter, root, ...shared, "--", ...asked];
}

async function testOn(name: string, files: readonly string[], limit: number | null): Promise<number> {
  const platform = PLATFORMS[name]!;
  const folder = `${ROOT}/.platforms/${platform.folder}`;
  let versions: string;
  try {
    if (Deno.build.os !== "linux") throw new Unavailable("this is no Linux");
    if (platform.dawn) await fetchDawn();
    versions = await unpackPackages(folder, platform.set);
    if (platform.set.whole) await fetching("unshare", [...UNSHARE, "true"]);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.log(`test:on ${name}: NOT RUN, ${error.message}`);
    return 0;
  }
  const root = `${folder}/root`;
  const driver = versions.split("\n").find((line) => line.startsWith(`${platform.driver} `));
  console.log(`test:on ${name}: ${driver}${platform.dawn ? ", Dawn" : ""}`);
  const env = {
    ...TEST_PROCESS_ENV,
    ...await driverEnvironment(root, platform),
    XDG_RUNTIME_DIR: "/tmp",
    ...(platform.dawn && { DNPO_WEBGPU: "dawn", DNPO_DAWN: DAWN }),
  };
  const [program, ...args] = await commandOn(platform, { root, env, args: testArguments(files, platform) });
  const child = new Deno.Command(program!, { args, cwd: ROOT, stdin: "null" }).spawn();
  // Dawn in Deno may stall where a shader takes the driver long to compile (docs/platforms.md).
  let isOver = false;
  const timer = limit === null ? undefined : setTimeout(() => {
    isOver = true;
    child.kill("SIGKILL");
  }, 1000 * limit);
  const { code } = await child.status;
  clearTimeout(timer);
  if (!isOver) return code;
  console.log(`test:on ${name}: NOT RUN, the tests did not end within ${limit} s`);
  return 0;
}

if (import.meta.main) {
  const { values, positionals: [name = "", ...files] } = parseArgs({
    args: Deno.args,
    options: { limit: { type: "string" } },
    allowPositionals: true,
  });
  const limit = values.limit === undefined ? null : Number(values.limit);
  if (!Object.hasOwn(PLATFORMS, name)) {
    console.error(`Cannot run tests on "${name}", expected ${Object.keys(PLATFORMS).join(", ")}`);
    Deno.exit(2);
  }
  if (limit !== null && !(limit > 0)) {
    console.error(`Cannot run tests within ${values.limit} seconds, expected a number above 0`);
    Deno.exit(2);
  }
  Deno.exit(await testOn(name, files.length > 0 ? files : PLATFORMS[name]!.tests ?? TESTS, limit));
}
