/**
 * A program that runs on a Mesa's libraries, with Dawn: reads pipelines as JSON from its standard input, and writes the
 * SPIR-V that Dawn makes of each into the folder of its first argument, as 0.spv, 1.spv, …; Dawn is the file of its second.
 * It prints a JSON list with the reason for each that is refused. Mesa writes what it is given into the folder that
 * MESA_SPIRV_DUMP_PATH names. @module
 */
import { createDawn } from "../../core/device/dawn.ts";
import { SUBGROUP_MATRIX } from "../../kernels/device/subgroup_matrix.ts";
import type { PipelineText } from "../wgsl/stand_in_device.ts";
import { writeModules } from "./spirv_program.ts";

if (import.meta.main) {
  const [folder, library] = Deno.args;
  const texts = await new Response(Deno.stdin.readable).json() as PipelineText[];
  const dawn = createDawn(library!);
  const adapter = await dawn.requestAdapter();
  if (adapter === null) throw new Error("Dawn finds no adapter in Mesa's driver for the CPU");
  await writeModules(adapter, { texts, folder: folder!, features: ["subgroups", "shader-f16", SUBGROUP_MATRIX] });
  // The driver's threads keep the process, and Dawn's object must not be collected before.
  Deno.exit(dawn === undefined ? 1 : 0);
}
