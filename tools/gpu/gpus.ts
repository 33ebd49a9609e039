/** GPUs whose compilers can be asked without them. @module */
import type { Shape } from "./spirv_module.ts";

export type Architecture = "RDNA2" | "RDNA3" | "RDNA4" | "Vega" | "CDNA" | "Turing" | "Ampere";

/** A GPU that a driver of Mesa's compiles for on a machine that has none. */
export interface Gpu {
  readonly name: string;
  readonly architecture: Architecture;
  /** Lanes of its smallest and its largest subgroup, as its driver tells them. */
  readonly lanes: readonly [least: number, most: number];
  /** The shape of its matrix units in float16, as its driver tells it; absent where it has none. */
  readonly matrices?: Shape;
  /** The driver, as in the name of its library. */
  readonly driver: "radeon" | "nouveau";
  /** Environment variables that make the driver take itself to be on this GPU. */
  readonly env: Readonly<Record<string, string>>;
  /** Kernels that its compiler is not asked about, by how their names begin, and why. */
  readonly leftOut?: { readonly kernels: string; readonly why: string };
  /** A library of Mesa's that stands in for the kernel, where the driver cannot do without it. */
  readonly shim?: string;
}

function radeon(name: string, architecture: Architecture, chip: string): Gpu {
  const least = architecture.startsWith("RDNA") ? 32 : 64;
  return {
    ...{ name, architecture, lanes: [least, 64], driver: "radeon", env: { RADV_FORCE_FAMILY: chip } },
    // Vega and RDNA2 have none, and CDNA's are not in RADV.
    ...architecture === "RDNA3" && { matrices: { m: 16, n: 16, k: 16 } },
  };
}

function nvidia(name: string, architecture: Architecture, chipset: string): Gpu {
  return {
    name,
    architecture,
    lanes: [32, 32],
    driver: "nouveau",
    env: { NOUVEAU_CHIPSET: chipset },
    leftOut: { kernels: "attention", why: "NVK takes minutes for each text that needs more registers than there are" },
    shim: "libnouveau_noop_drm_shim.so",
  };
}

/** The GPUs of the table: AMD's by RADV, NVIDIA's by NVK; neither compiler is the maker's own. */
export const GPUS: readonly Gpu[] = [
  radeon("RX 6800", "RDNA2", "navi21"),
  radeon("RX 7900", "RDNA3", "navi31"),
  radeon("RX 9070", "RDNA4", "gfx1201"),
  radeon("Vega 64", "Vega", "vega10"),
  radeon("MI100", "CDNA", "mi100"),
  nvidia("RTX 2080 Ti", "Turing", "162"),
  nvidia("RTX 3080", "Ampere", "172"),
];
