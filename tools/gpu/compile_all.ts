/** Compiles the kernels' texts with the compilers of several GPUs. @module */
import { kernelTexts } from "../wgsl/kernel_texts.ts";
import type { PipelineText } from "../wgsl/stand_in_device.ts";
import { ask, writeSpirv } from "./ask.ts";
import type { Gpu } from "./gpus.ts";
import { brokenLimits } from "./limits.ts";
import { compileMatrices, type MatrixKernel } from "./matrix_kernels.ts";
import type { Mesa } from "./mesa.ts";
import type { CompiledKernel } from "./rows.ts";

/** What was found out about a GPU. */
export interface GpuResult {
  readonly gpu: Gpu;
  /** The driver and its version. */
  readonly driver: string;
  readonly kernels: readonly CompiledKernel[];
  /** Products on its matrix units, where it has some and what it takes to compile them could be had. */
  readonly matrices?: readonly MatrixKernel[];
}

/** What is compiled, and for what. */
export interface Compilation {
  readonly gpus: readonly Gpu[];
  /** The kernels, by what {@linkcode label} says of them. */
  readonly kernel: RegExp;
  /** Whether all combinations of choices are compiled, instead of each choice by itself. */
  readonly thorough: boolean;
}

/** A kernel with what it was called with. */
export function label({ name, call, constants }: Pick<PipelineText, "name" | "call" | "constants">): string {
  const set = Object.entries(constants).map(([key, value]) => `${key} ${value}`);
  return [name, call, ...set].filter(Boolean).join(", ");
}

/**
 * Compiles for all GPUs, two at a time. Those whose subgroups have the same sizes have the same texts. Without a
 * `matrixMesa` products on matrix units are left out.
 */
export async function compileAll(
  { mesa, matrixMesa }: { mesa: Mesa; matrixMesa: Mesa | null },
  { gpus, kernel, thorough }: Compilation,
): Promise<GpuResult[]> {
  const folder = await Deno.makeTempDir({ prefix: "dnpo-spirv-" });
  try {
    const results = new Map<Gpu, GpuResult>();
    for (const group of Map.groupBy(gpus, ({ lanes }) => lanes.join("-")).values()) {
      const [least, most] = group[0]!.lanes;
      const kinds = [{ name: group[0]!.name, family: "gpu", least, most }] as const;
      const texts = (await kernelTexts("naga", { thorough, kinds })).filter((text) => kernel.test(label(text)));
      const files = await writeSpirv(mesa, { texts, folder: await Deno.makeTempDir({ dir: folder }) });
      const waiting = [...group];
      const compileSome = async (): Promise<void> => {
        for (let gpu = waiting.shift(); gpu; gpu = waiting.shift()) {
          const { leftOut } = gpu;
          const isAsked = ({ name }: PipelineText): boolean => !leftOut || !name.startsWith(leftOut.kernels);
          const asked = texts.flatMap((text, i) => isAsked(text) ? [{ text, file: files[i]! }] : []);
          const { driver, stats } = await ask(mesa, gpu, asked.map(({ file }) => file));
          const matrices = matrixMesa && gpu.matrices
            ? { matrices: await compileMatrices({ mesa, matrixMesa }, { gpu, shape: gpu.matrices, kernel }) }
            : {};
          const kernels = asked.map(({ text }, i) => withLimits(gpu!, text, stats[i]!));
          results.set(gpu, { gpu, driver, kernels, ...matrices });
        }
      };
      await Promise.all([compileSome(), compileSome()]);
    }
    return gpus.map((gpu) => results.get(gpu)!);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function withLimits(gpu: Gpu, text: PipelineText, stats: CompiledKernel["stats"]): CompiledKernel {
  return { name: text.name, call: text.call, label: label(text), stats, broken: brokenLimits(gpu, text, stats) };
}
