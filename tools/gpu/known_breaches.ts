/** Kernels that are known to break a limit: a list that is only to become shorter. @module */
import type { MatrixKernel } from "./matrix_kernels.ts";
import { type CompiledKernel, rowName } from "./rows.ts";

/** Names of rows, and the GPUs on which they are over a limit. */
export type Breaches = Readonly<Record<string, readonly string[]>>;

/** What is known, of the GPUs and kernels that tests/e2e/gpu_limits_test.ts compiles. */
export const KNOWN_BREACHES: Breaches = {};

/** A GPU of the tool's JSON. */
export interface GpuKernels {
  readonly name: string;
  readonly kernels: readonly CompiledKernel[];
  readonly matrices?: readonly MatrixKernel[];
}

/** What differs from what is known: limits that others break, and rows that are listed and break none. */
export function unknownBreaches(gpus: readonly GpuKernels[], known: Breaches): string[] {
  const problems: string[] = [];
  for (const { name, kernels } of gpus) {
    const over = new Set<string>();
    for (const kernel of kernels.filter(({ broken }) => broken.length > 0)) {
      const row = rowName(kernel);
      over.add(row);
      if (!known[row]?.includes(name)) problems.push(`${name}: ${kernel.label}: ${kernel.broken.join("; ")}`);
    }
    for (const [row, on] of Object.entries(known)) {
      if (on.includes(name) && !over.has(row)) {
        problems.push(`${name}: ${row}: it breaks no limit, expected to be taken off KNOWN_BREACHES`);
      }
    }
  }
  return problems;
}
