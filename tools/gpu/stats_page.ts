/** The text of docs/gpu_stats.md. @module */
import type { GpuResult } from "./compile_all.ts";
import { type MatrixKernel, matrixTable } from "./matrix_kernels.ts";
import { rowsOf, tableOf } from "./rows.ts";

/** The page for these results, of the command with these arguments. */
export function statsPage(results: readonly GpuResult[], args: readonly string[]): string {
  const command = ["deno task gpu:stats", ...args.map((arg) => /^[\w.,-]+$/.test(arg) ? arg : `"${arg}"`)].join(" ");
  return `# What GPUs' compilers make of the kernels

No GPU was at hand for these numbers: a driver's compiler does not need one. \`${command}\` wrote this
page; without \`--docs\` it prints the tables, and \`--json FILE\` writes all numbers of all shaders. Deno's own WebGPU turns
each kernel into SPIR-V, as it would for the driver; then Mesa's drivers compile it, RADV for AMD's GPUs and NVK for
NVIDIA's, both made to believe that they are on such a GPU. NVIDIA's own driver has another compiler, and so have AMD's
drivers for Windows. Mesa comes from Debian 13, into the folder \`.mesa\`; nothing is installed.

A row stands for all texts of a kernel that differ in little (which mode, which strides, vectors or numbers), and has of
each number the worst:

- **lanes** run together as a wave. RDNA has waves of 32 or 64 lanes; RADV takes 64 unless a workgroup has fewer.
- **registers** of a lane, 32 bits each (AMD's VGPRs, at most 256; NVIDIA's GPRs, at most 255), and **SGPRs**, which all
  lanes share; RDNA gives each wave 128.
- **spilled** registers are kept in memory, in **scratch**, which arrays with a computed index go to as well: bytes of a
  wave on AMD's GPUs, of a lane on NVIDIA's, where the compiler counts no spills.
- **waves** that a SIMD holds at a time hide each other's waiting for memory. RADV counts them in 32 lanes on RDNA, of 16,
  or of 32 where a wave has 64 lanes; in 64 lanes on Vega and CDNA, of 10. Registers and workgroup memory limit them.
- **cycles** that a wave takes from a SIMD, by the compiler's own estimate (its "inverse throughput"); it takes a loop to
  run a fixed number of times, so that they compare texts of one kernel, not kernels.

The limits, which a test keeps: nothing spilled and no scratch, for all kernels, but attention with heads of other sizes
than 64 and 128; for the matmul's tiles and that attention at least 8 waves on RDNA2 and RDNA3, 2 on
Vega and CDNA. Without the hardware RADV counts RDNA4's waves with RDNA2's number of registers, so they have no limit. What is **bold** is
over a limit.

The tiles that the tuner may take on a GPU keep to the first limit too. A lane of a broadcast tile sums 4 columns of c
for each of its rows: with 64 rows in 256 registers RADV spilled 676 to 1,374, with 32 none, but NVK kept 1,072 bytes in
memory; so a GPU is offered no tile with more than 16 (\`kernels/matmul/matmul_choice.ts\`).

${results.map(section).join("\n")}`;
}

function section({ gpu, driver, kernels, matrices }: GpuResult): string {
  const without = gpu.leftOut ? ` Without ${gpu.leftOut.kernels}: ${gpu.leftOut.why}.` : "";
  return `## ${gpu.name}\n\n${gpu.architecture}, by ${driver}.${without}\n\n${tableOf(rowsOf(kernels))}\n${
    matrices ? matrixSection(matrices) : ""
  }`;
}

function matrixSection(kernels: readonly MatrixKernel[]): string {
  const full = kernels[0]!.flopPerCycleInFull.toFixed(0);
  return `
Kernels on its matrix units, which only Dawn reaches ([platforms](platforms.md#matrix-units)). Dawn makes their SPIR-V on
lavapipe of Debian's unstable Mesa, whose matrices are 8x8x8, and the shape is then changed to what this GPU has; they
are compiled for waves of as many lanes as a kernel's name says. **FLOP a cycle** are a SIMD's, by the compiler's own
estimate; matmul shared128, the largest tile in float32, has ${full}. Both are counted as the compiler counts, which takes
each loop to run eight times. That is 512 steps of k for these, which is the length of their blocks, and 128 of the 1,024
that shared128 has in one. Matrix units give 256 at most, or a third of it in float32x3. Not in these numbers are the
kernels that bring both factors to float16 before (matmul_exponents and matmul_halves). Of attention, whose
loops lie within each other, no operations are counted.

${matrixTable(kernels)}
`;
}
