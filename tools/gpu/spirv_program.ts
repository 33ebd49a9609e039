/**
 * A program that runs on Mesa's libraries: reads pipelines as JSON from its standard input, and writes the SPIR-V that
 * Deno's WebGPU makes of each into the folder of its argument, as 0.spv, 1.spv, …; it prints a JSON list with the reason
 * for each that is refused. Mesa writes what it is given into the folder that MESA_SPIRV_DUMP_PATH names. @module
 */
import { join } from "node:path";
import type { PipelineText } from "../wgsl/stand_in_device.ts";

/** Makes the pipelines on an adapter, writes their modules and prints what was refused. */
export async function writeModules(
  adapter: GPUAdapter,
  { texts, folder, features }: { texts: readonly PipelineText[]; folder: string; features: readonly string[] },
): Promise<void> {
  const written = Deno.env.get("MESA_SPIRV_DUMP_PATH")!;
  const { maxComputeWorkgroupStorageSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: features as GPUFeatureName[],
    requiredLimits: { maxComputeWorkgroupStorageSize },
  });
  // WebGPU has modules of its own.
  await takeWritten(written);
  const refusals: (string | null)[] = [];
  for (const [i, text] of texts.entries()) {
    const refusal = await makePipeline(device, text);
    const modules = await takeWritten(written);
    if (refusal === null && modules.length !== 1) {
      throw new Error(`Mesa was given ${modules.length} modules for ${text.name}, expected 1`);
    }
    refusals.push(refusal);
    if (refusal === null) await Deno.writeFile(join(folder, `${i}.spv`), modules[0]!);
  }
  console.log(JSON.stringify(refusals));
}

/** Why a pipeline is refused; null where it is taken. */
async function makePipeline(
  device: GPUDevice,
  { name, code, constants, entries }: PipelineText,
): Promise<string | null> {
  device.pushErrorScope("validation");
  const layout = device.createBindGroupLayout({ entries: [...entries ?? []] });
  device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: {
      module: device.createShaderModule({ label: name, code }),
      entryPoint: "main",
      constants: { ...constants },
    },
  });
  const error = await device.popErrorScope();
  return error && error.message.replace(/\s+/g, " ");
}

/** The files of a folder, which is empty afterwards. */
async function takeWritten(folder: string): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    found.push(await Deno.readFile(join(folder, name)));
    await Deno.remove(join(folder, name));
  }
  return found;
}

if (import.meta.main) {
  const texts = await new Response(Deno.stdin.readable).json() as PipelineText[];
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error("Mesa's driver for the CPU gives no adapter");
  await writeModules(adapter, { texts, folder: Deno.args[0]!, features: ["subgroups", "shader-f16"] });
  // The driver's threads keep the process.
  Deno.exit(0);
}
