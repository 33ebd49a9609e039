/** What the versions of Mesa's driver for CPUs do differently, and how one is told from another. @module */
import { SUBGROUP_MATRIX } from "./subgroup_matrix.ts";

/**
 * The version of Mesa that an adapter's lavapipe is like:
 * - 22: `subgroupBroadcast` from a constant lane is an instruction or two, whatever the width of vectors.
 * - 25: a broadcast over 16 lanes is a loop over them, and each access of a buffer becomes several blocks, so that kernels
 *   take 5 to 10 times as long to compile.
 * - 26: such a broadcast is a loop still, but what all lanes load from one place is loaded once.
 */
export type Lavapipe = 22 | 25 | 26;

/** The bindings that a group may have with Mesa 25; Mesa 26 has some more, and Mesa 22 a thousandth. */
const MILLION = 1_000_000;
/** And with Dawn on any driver. */
const DAWN_BINDINGS = 1000;
/** Lanes over which a broadcast is one instruction in all versions. */
const SHORT = 8;

/**
 * Which lavapipe an adapter is; null for all others. No adapter tells Mesa's version, and 22.3 and 25.0 may bear one name,
 * but the limits differ. Dawn tells its own in their place, but has lavapipe's subgroup matrices, which came with 26;
 * where it does not offer what is experimental, as in a browser, 26 counts as 25. The same driver behind OpenGL tells no
 * limit, and is none of these.
 */
export function lavapipeOf(
  { info, limits, features }: Pick<GPUAdapter, "info" | "limits" | "features">,
): Lavapipe | null {
  if (!/\bllvmpipe\b/.test(`${info.description} ${info.device}`)) return null;
  const { maxBindingsPerBindGroup: bindings } = limits;
  if (bindings <= DAWN_BINDINGS) return (features as unknown as ReadonlySet<string>).has(SUBGROUP_MATRIX) ? 26 : 25;
  if (bindings > 2 * MILLION) return null;
  return bindings < MILLION ? 22 : bindings === MILLION ? 25 : 26;
}

/** Whether lanes are faster when each loads what all need than when one loads it and broadcasts it. */
export function loadsBeforeBroadcasts(lavapipe: Lavapipe | null, lanes: number): boolean {
  return lavapipe === 26 && lanes > SHORT;
}

/** Whether compiling is so slow that kernels with few accesses of buffers are taken, and vectors of 512 bits never pay. */
export function compilesSlowly(lavapipe: Lavapipe | null): boolean {
  return lavapipe === 25;
}

/** Whether subgroups of so many lanes multiply matrices, where an adapter lists them: with 16, Mesa 26's driver crashes. */
export function multipliesMatrices(lavapipe: Lavapipe | null, lanes: number): boolean {
  return lavapipe === null || lanes === SHORT;
}
