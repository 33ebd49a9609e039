/** Calls that ask for every text of the matmul. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import type { DeviceFamily, Tuning } from "../../kernels/device/tuning.ts";
import { halveFactors } from "../../kernels/matmul/matmul_halves.ts";
import { addExceptions } from "../../kernels/matmul/matmul_on_matrices.ts";
import { matmul, matmulBy, type MatmulVariant, VARIANTS } from "../../kernels/matmul/matmul.ts";
import { isQuantized, type Storage, STORAGE_FACTS, storedColumns } from "../../kernels/storage/storage.ts";
import { choicesFor } from "../../kernels/tune.ts";

const MODES = ["NN", "NT", "TN"] as const;
const STORAGES = Object.keys(STORAGE_FACTS) as Storage[];

/** The tiles that suit each family. */
const TILES: Readonly<Record<DeviceFamily, readonly MatmulVariant[]>> = {
  cpu: VARIANTS.filter((variant) => /^(broadcast|turned)/.test(variant)),
  gpu: VARIANTS.filter((variant) => /^(shared|vector)/.test(variant)),
};

/** Sizes that differ in what is a multiple of what, in whether blocks of k run side by side, and in one row or two. */
const SIZES = [
  [128, 128, 128],
  [128, 128, 132],
  [128, 132, 126],
  [130, 126, 128],
  [8, 512, 2048],
  [1, 512, 256],
  [1, 1024, 2048],
  [2, 512, 2048],
] as const;

/** Sizes of low-rank adapters, for which the device's own choice is a turned tile or one of few rows. */
const THIN_SIZES = [[4096, 16, 128], [2048, 32, 128], [2048, 512, 16], [8, 1024, 512], [16, 1024, 512]] as const;

/** Lanes with which every layout and storage is recorded; 0 where subgroups are not granted. */
const USUAL_LANES = [0, 8];

/**
 * Records products with every tile that suits the recorder's family, with every storage, size and layout; unless
 * `thorough`, each layout with one size only, each size with one layout, and with few numbers of lanes what is stored
 * otherwise.
 */
export function recordProducts(commands: Commands, slice: Slice, { thorough }: { thorough: boolean }): void {
  const { device } = commands;
  const usual = thorough || device.family === "gpu" || USUAL_LANES.includes(device.subgroupSize);
  const buffers = { a: slice, b: slice, c: slice };
  recordFactors(commands, slice);
  for (const mode of MODES) {
    for (const [m, n, k] of THIN_SIZES) matmul(commands, { ...buffers, mode, m, n, k });
    for (const variant of TILES[device.family]) {
      // They have no text for the others, and are never chosen there.
      if (
        (/^broadcast([12](image)?|16wide)$/.test(variant) && mode !== "NT") ||
        (variant === "broadcast26wide" && mode === "TN")
      ) continue;
      device.tuning = everywhere(device.family, variant);
      for (const bType of STORAGES) {
        if (bType !== "f32" && (mode === "TN" || !(usual || bType === "nf4"))) continue;
        for (const [i, [m, n, k]] of SIZES.entries()) {
          const ldb = storedColumns(bType, mode === "NT" ? k : n);
          const { group } = STORAGE_FACTS[bType];
          const given = { ...buffers, mode, m, n, k, bType, ...(isQuantized(bType) ? { scales: slice } : {}) };
          const layouts = [
            {},
            { bias: slice, accumulate: true },
            { aFirst: 4, bFirst: 8 * group, scale: 0.5 },
            { lda: (mode === "TN" ? m : k) + 1 },
            { ldb: ldb + 2 * group },
            { ldc: n + 1 },
          ];
          for (const layout of thorough || (usual && i === 0) ? layouts : layouts.slice(0, 1)) {
            const call = { ...given, ...layout };
            matmul(commands, call);
            if (bType === "f32") matmulBy(commands, variant, call);
          }
        }
      }
    }
  }
  device.tuning = null;
}

/** Records the products that tuning a GPU may choose for it from the tiles of the other family, with every storage. */
export function recordTuned(commands: Commands, slice: Slice): void {
  const { device } = commands;
  if (device.family !== "gpu") return;
  const buffers = { a: slice, b: slice, c: slice };
  for (const { mode, sizes: [m, n, k], variants } of choicesFor(device, "cpu")) {
    for (const variant of variants) {
      matmulBy(commands, variant, { ...buffers, mode, m, n, k });
      device.tuning = everywhere("cpu", variant);
      for (const bType of mode === "TN" ? [] : STORAGES) {
        matmul(commands, { ...buffers, mode, m, n, k, bType, ...(isQuantized(bType) && { scales: slice }) });
      }
    }
  }
  device.tuning = null;
}

/** Records what products on subgroup matrices do with their factors, which every compiler takes. */
function recordFactors(commands: Commands, slice: Slice): void {
  const sizes = { m: 8, n: 8, k: 64, lda: 64, ldb: 64, aFirst: 0, bFirst: 0 };
  for (const bType of STORAGES) {
    // b along k in one part, and across it in two.
    for (const [i, mode] of (["NT", "NN"] as const).entries()) {
      const parts = i + 1;
      const cut = { lines: 16, depth: 16, band: 2, parts };
      const factors = { ...sizes, mode, a: slice, b: slice, bType, scales: slice };
      const blocks = { block: 64, first: 0, count: 1 };
      const { exponents } = halveFactors(commands, factors, { ...blocks, cuts: { a: cut, b: cut, steps: 1 } });
      const c = { c: slice, ldc: 8, cFirst: 0 };
      const run = { ...c, cBlock: 0, first: 0, count: 1 };
      addExceptions(commands, { ...factors, ...c, scale: 1, accumulate: false }, { run, exponents, block: 64 });
    }
  }
}

/** Records products on subgroup matrices: with every tile, precision, storage, and way to write c. */
export function recordMatrixProducts(commands: Commands, slice: Slice): void {
  const buffers = { a: slice, b: slice, c: slice };
  for (const mode of MODES) {
    for (const variant of VARIANTS.filter((name) => name.startsWith("matrix"))) {
      for (const precision of ["float32x3", "float16"] as const) {
        for (const bType of mode === "TN" ? ["f32"] as const : STORAGES) {
          const given = { ...buffers, mode, bType, precision, ...isQuantized(bType) && { scales: slice } };
          matmulBy(commands, variant, { ...given, m: 128, n: 128, k: 128 });
          matmulBy(commands, variant, { ...given, m: 128, n: 128, k: 128, ldc: 129 });
        }
      }
    }
  }
}

/** A tuning that has chosen one tile for all sizes. */
function everywhere(family: DeviceFamily, variant: MatmulVariant): Tuning {
  const classes = MODES.flatMap((mode) => (["few", "small", "large"] as const).map((size) => `${mode}/${size}`));
  return { family, tiles: Object.fromEntries([...classes, "NT/least"].map((own) => [own, variant])) };
}
