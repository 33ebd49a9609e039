/** What drivers tell of the kernels that they compile, each in a process of its own on Mesa's libraries. @module */
import { join } from "node:path";
import type { PipelineText } from "../wgsl/stand_in_device.ts";
import type { Gpu } from "./gpus.ts";
import type { Mesa } from "./mesa.ts";
import { type ShaderStats, statsOf } from "./shader_stats.ts";
import type { DriverLine, ShaderFile } from "./stats_program.ts";
import { type Compiled, DESCRIPTOR } from "./vulkan.ts";

/** What a driver told. */
export interface Answer {
  /** The driver and its version. */
  readonly driver: string;
  /** Of each shader, in their order. */
  readonly stats: readonly ShaderStats[];
  /** Of each shader that asked for it, its code as text, by the name of its language. */
  readonly codes: readonly Compiled["code"][];
}

/** The longest that a process may take. */
const DEADLINE_MS = 30 * 60_000;

/** Compiles texts to SPIR-V in `folder`. Throws Error where one is refused. */
export async function writeSpirv(
  mesa: Mesa,
  { texts, folder }: { texts: readonly PipelineText[]; folder: string },
): Promise<ShaderFile[]> {
  const dump = join(folder, "dump");
  await Deno.mkdir(dump);
  const [refusals] = await run(mesa, "spirv_program.ts", {
    args: [folder],
    permissions: [`--allow-write=${folder}`, "--allow-env=MESA_SPIRV_DUMP_PATH"],
    env: {
      VK_DRIVER_FILES: mesa.driverFile("lvp"),
      MESA_SPIRV_DUMP_PATH: dump,
      DENO_WEBGPU_BACKEND: "vulkan",
    },
    input: texts,
  }) as [(string | null)[]];
  return texts.map(({ name, entries }, i) => {
    if (refusals[i]) throw new Error(`Cannot compile ${name} to SPIR-V: ${refusals[i]}`);
    return { path: join(folder, `${i}.spv`), bindings: (entries ?? []).map(bindingType) };
  });
}

function bindingType({ buffer }: GPUBindGroupLayoutEntry): number {
  if (!buffer) return DESCRIPTOR.image;
  return buffer.type === "uniform" ? DESCRIPTOR.uniform : DESCRIPTOR.storage;
}

/** Has a GPU's driver compile shaders. Throws Error where it does not come to the end of them. */
export async function ask(mesa: Mesa, gpu: Gpu, files: readonly ShaderFile[]): Promise<Answer> {
  const library = join(mesa.libraries, `libvulkan_${gpu.driver}.so`);
  const [driver, ...compiled] = await run(mesa, "stats_program.ts", {
    args: [library],
    permissions: ["--allow-ffi"],
    env: { ...gpu.env, ...(gpu.shim && { LD_PRELOAD: join(mesa.libraries, gpu.shim) }) },
    input: files,
  }) as [DriverLine, ...Compiled[]];
  if (compiled.length !== files.length) {
    throw new Error(`Cannot ask ${gpu.name}'s compiler: it told of ${compiled.length} shaders of ${files.length}`);
  }
  return {
    driver: driver.driver,
    stats: compiled.map((each) => statsOf(gpu, each)),
    codes: compiled.map(({ code }) => code),
  };
}

/** Runs a program of this folder on Mesa's libraries. Returns the values of the lines that it prints. */
export async function run(
  mesa: Mesa,
  name: string,
  { args, permissions, env, input }: {
    args: readonly string[];
    permissions: readonly string[];
    env: Readonly<Record<string, string>>;
    input: unknown;
  },
): Promise<unknown[]> {
  const path = new URL(name, import.meta.url).pathname;
  const flags = ["--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-check", "--allow-read", ...permissions];
  const [program, all] = mesa.deno(["run", ...flags, path, ...args]);
  // What was compiled before would be taken from the cache, without statistics.
  const variables = { ...env, MESA_SHADER_CACHE_DISABLE: "true", RUST_BACKTRACE: "0" };
  // Deno gives a child no LD_PRELOAD, and may run no program of Mesa's folder, without the right to run everything.
  const child = new Deno.Command("env", {
    args: [...Object.entries(variables).map(([key, value]) => `${key}=${value}`), program, ...all],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).spawn();
  // A program that ends early closes the pipe; its exit code tells more.
  const written = new Response(JSON.stringify(input)).body!.pipeTo(child.stdin).catch(() => {});
  const { success, code, stdout, stderr } = await child.output();
  await written;
  const lines = new TextDecoder().decode(stdout).split("\n").filter(Boolean);
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join("; ");
    throw new Error(`Cannot ask the driver: ${name} ended with ${code} after ${lines.length} lines: ${said}`);
  }
  return lines.map((line) => JSON.parse(line));
}
