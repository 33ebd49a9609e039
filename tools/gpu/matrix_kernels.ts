/** What a GPU's compiler makes of kernels on matrix units: products, beside the largest tile in float32, and attention. @module */
import { MATRIX_TILES, type MatrixVariant } from "../../kernels/matmul/matmul_matrix_tile.ts";
import { SHARED_TILES } from "../../kernels/matmul/matmul_tiles.ts";
import { kernelTexts } from "../wgsl/kernel_texts.ts";
import type { PipelineText } from "../wgsl/stand_in_device.ts";
import { ask, writeSpirv } from "./ask.ts";
import { innermostLoop, type Loop } from "./assembly.ts";
import type { Gpu } from "./gpus.ts";
import { brokenLimits } from "./limits.ts";
import { writeMatrixSpirv } from "./matrix_spirv.ts";
import type { Mesa } from "./mesa.ts";
import type { CompiledKernel } from "./rows.ts";
import type { Shape } from "./spirv_module.ts";

/** A compiled kernel on matrix units. */
export interface MatrixKernel extends CompiledKernel {
  /** Matrix instructions in its innermost loop, of so many. */
  readonly loop: { readonly matrix: number; readonly all: number };
  /** Floating-point operations for each of the compiler's cycles of a SIMD; null for attention, whose loops it does not count. */
  readonly flopPerCycle: number | null;
  /** The same of the largest tile in float32. */
  readonly flopPerCycleInFull: number;
}

/** The kernel that they are compared with. */
const FULL = "matmul shared128 NT f32 aVec bVec cVec";

/** The names of kernels on matrix units. */
const ON_MATRICES = /^matmul matrix| on matrices /;

/** RADV takes every loop to run so many times, and counts the cycles of 64 lanes. */
const LOOPS = 8;
const COUNTED_LANES = 64;

/** How much faster than in float32 the largest tile has to be, by precision. */
const LEAST_FACTORS: Readonly<Record<string, number>> = { float16: 3, float32x3: 1 };

/** Workgroup memory that RADV grants. */
const WORKGROUP_BYTES = 64 * 1024;

/** Compiles all kernels on matrix units for a GPU that has them; `matrixMesa` writes their SPIR-V. */
export async function compileMatrices(
  { mesa, matrixMesa }: { mesa: Mesa; matrixMesa: Mesa },
  { gpu, shape, kernel }: { gpu: Gpu; shape: Shape; kernel: RegExp },
): Promise<MatrixKernel[]> {
  const [least, most] = gpu.lanes;
  const kind = { name: gpu.name, family: "gpu", least, most } as const;
  const matrices = [shape.m, shape.n, shape.k] as const;
  const all = await kernelTexts("tint", { kinds: [{ ...kind, matrices, workgroupBytes: WORKGROUP_BYTES }] });
  const texts = all.filter(({ name }) => ON_MATRICES.test(name) && kernel.test(name));
  const full = (await kernelTexts("naga", { kinds: [kind] })).filter(({ name }) => name === FULL).slice(0, 1);
  const folder = await Deno.makeTempDir({ prefix: "dnpo-spirv-" });
  try {
    const [own, other] = ["matrix", "full"].map((name) => `${folder}/${name}`);
    await Promise.all([own, other].map((path) => Deno.mkdir(path!)));
    const files = [
      ...await writeSpirv(mesa, { texts: full, folder: other! }),
      ...await writeMatrixSpirv(matrixMesa, { texts, folder: own!, shape, lanes: least }),
    ];
    const { stats: [fullStats, ...stats], codes: [, ...codes] } = await ask(mesa, gpu, files);
    const { rows, columns, depth, threadRows, threadColumns } = SHARED_TILES.shared128;
    const fullWork = workOf({ rows, columns, depth, threads: rows / threadRows * columns / threadColumns });
    const flopPerCycleInFull = fullWork / fullStats!.cycles!;
    return texts.map((text, i) => {
      const loop = innermostLoop(codes[i]!["Assembly"]!, /^v_wmma/);
      const isProduct = text.name.startsWith("matmul");
      const flopPerCycle = isProduct ? workOf(sizesOf(text, shape)) / stats[i]!.cycles! : null;
      const { name, call } = text;
      const found = {
        name,
        call,
        label: name,
        stats: stats[i]!,
        loop: countOf(loop),
        flopPerCycle,
        flopPerCycleInFull,
      };
      return { ...found, broken: [...brokenLimits(gpu, text, stats[i]!), ...brokenMatrixLimits(found)] };
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The limits that a kernel on matrix units breaks besides those of all kernels. */
export function brokenMatrixLimits(
  { name, loop, flopPerCycle, flopPerCycleInFull }: Omit<MatrixKernel, "broken">,
): string[] {
  const broken = loop.matrix > 0 ? [] : ["no matrix instruction is in its innermost loop, expected some"];
  const [, precision] = /^matmul matrix128 (\w+) /.exec(name) ?? [];
  const least = precision === undefined ? 0 : LEAST_FACTORS[precision]!;
  const factor = flopPerCycle === null ? Infinity : flopPerCycle / flopPerCycleInFull;
  if (factor < least) broken.push(`${factor.toFixed(2)} times the rate of float32, expected at least ${least}`);
  return broken;
}

function countOf(loop: Loop | null): MatrixKernel["loop"] {
  const names = loop?.instructions ?? [];
  return { matrix: names.filter((name) => name.startsWith("v_wmma")).length, all: names.length };
}

/** Floating-point operations of 64 lanes, where each loop along k runs as often as RADV takes it. */
function workOf(
  { rows, columns, depth, threads }: { rows: number; columns: number; depth: number; threads: number },
): number {
  return 2 * rows * columns * depth * LOOPS / (threads / COUNTED_LANES);
}

function sizesOf({ name, code }: PipelineText, { k }: Shape): Parameters<typeof workOf>[0] {
  const [, variant, steps = "1"] = /^matmul (\w+) .* lanes(?:, (\d+) steps)?/.exec(name)!;
  const { rows, columns } = MATRIX_TILES[variant as MatrixVariant];
  const threads = Number(/@workgroup_size\((\d+)\)/.exec(code)![1]);
  return { rows, columns, depth: Number(steps) * k, threads };
}

/** The kernels as a table in Markdown. */
export function matrixTable(kernels: readonly MatrixKernel[]): string {
  const number = (x: number): string => x.toLocaleString("en-US");
  const rows = kernels.toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true })).map(
    ({ name, stats, loop, flopPerCycle, flopPerCycleInFull, broken }) => [
      broken.length > 0 ? `**${name}**` : name,
      ...[stats.registers, stats.spilled!, stats.scratchBytes, stats.waves!, stats.codeBytes, stats.cycles!].map(
        number,
      ),
      `${loop.matrix} of ${loop.all}`,
      flopPerCycle?.toFixed(0) ?? "",
      flopPerCycle === null ? "" : (flopPerCycle / flopPerCycleInFull).toFixed(2),
    ],
  );
  const heads = ["registers", "spilled", "scratch, bytes", "waves", "code, bytes", "cycles"];
  return [
    ["kernel", ...heads, "matrix instructions of the loop", "FLOP a cycle", "of float32"],
    ["---", ...Array<string>(9).fill("---:")],
    ...rows,
  ].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
