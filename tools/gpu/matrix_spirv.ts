/**
 * SPIR-V of products on subgroup matrices: what Dawn makes of their texts on Mesa's lavapipe, whose matrices are 8x8x8, with
 * the shape of the GPU's own put in its place. @module
 */
import { join } from "node:path";
import { DAWN, fetchDawn } from "../fetch_dawn.ts";
import { unpackPackages } from "../platforms/debian_packages.ts";
import { PLATFORMS } from "../platforms/platforms.ts";
import type { PipelineText } from "../wgsl/stand_in_device.ts";
import { run } from "./ask.ts";
import { type Mesa, mesaIn } from "./mesa.ts";
import { type Shape, uniformBindings, withMatrixShape } from "./spirv_module.ts";
import type { ShaderFile } from "./stats_program.ts";
import { DESCRIPTOR } from "./vulkan.ts";

/** Lavapipe has matrices since Mesa 26. */
const PLATFORM = PLATFORMS["sid-dawn"]!;

/** Where it is unpacked, for `deno task test:on sid-dawn` too. */
const FOLDER = new URL(`../../.platforms/${PLATFORM.folder}`, import.meta.url).pathname;

/** What Dawn calls every entry point. */
const ENTRY_POINT = "dawn_entry_point";

/** Opens the Mesa that has subgroup matrices, and fetches Dawn. Throws Error where either cannot be had. */
export async function openMatrixMesa(): Promise<Mesa> {
  await fetchDawn();
  await unpackPackages(FOLDER, PLATFORM.set);
  return mesaIn(join(FOLDER, "root"), "sid");
}

/**
 * Compiles texts to SPIR-V in `folder`, with matrices of `shape` and subgroups of `lanes`. Throws Error where one is refused.
 */
export async function writeMatrixSpirv(
  mesa: Mesa,
  { texts, folder, shape, lanes }: { texts: readonly PipelineText[]; folder: string; shape: Shape; lanes: number },
): Promise<ShaderFile[]> {
  const dump = join(folder, "dump");
  await Deno.mkdir(dump);
  const [refusals] = await run(mesa, "matrix_spirv_program.ts", {
    args: [folder, DAWN],
    permissions: [`--allow-write=${folder}`, "--allow-env=MESA_SPIRV_DUMP_PATH", `--allow-ffi=${DAWN}`],
    env: { VK_DRIVER_FILES: mesa.driverFile("lvp"), MESA_SPIRV_DUMP_PATH: dump },
    input: texts.map((text) => ({ ...text, code: forLavapipe(text.code) })),
  }) as [(string | null)[]];
  return await Promise.all(texts.map(async ({ name }, i) => {
    if (refusals[i]) throw new Error(`Cannot compile ${name} to SPIR-V: ${refusals[i]}`);
    const path = join(folder, `${i}.spv`);
    const module = await Deno.readFile(path);
    await Deno.writeFile(path, withMatrixShape(module, shape));
    const bindings = uniformBindings(module).map((isUniform) => isUniform ? DESCRIPTOR.uniform : DESCRIPTOR.storage);
    return { path, bindings, entryPoint: ENTRY_POINT, lanes, wantsCode: true };
  }));
}

/** A text with the matrices and the subgroups that lavapipe has: neither changes what else is compiled. */
function forLavapipe(code: string): string {
  return code.replace(/^enable subgroup_size_control;\n/m, "").replace(/ @subgroup_size\(\d+\)/, "")
    .replace(/\b(subgroup_matrix_\w+<f\d\d), \d+, \d+>/g, "$1, 8, 8>");
}
