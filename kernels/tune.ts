/** Chooses the variants of the kernels for a device by measuring them. @module */
import { Commands } from "./device/commands.ts";
import type { Device } from "./device/device.ts";
import { compilesSlowly } from "./device/lavapipe.ts";
import { Profiler } from "./device/profile.ts";
import type { Slice } from "./device/slice.ts";
import type { DeviceFamily, TileClass, Tuning } from "./device/tuning.ts";
import {
  fittingVariant,
  matmulBy,
  type MatmulMode,
  type MatmulPrecision,
  type MatmulVariant,
  matrixShape,
  type MatrixVariant,
  tileClass,
} from "./matmul/matmul.ts";
import { lanesOf, suits64Rows } from "./matmul/matmul_choice.ts";
import { BROADCAST_TILES, isBroadcast } from "./matmul/matmul_tiles.ts";

/** Sizes of a product. */
export type Sizes = readonly [m: number, n: number, k: number];

/** One variant's rate. */
export interface Measurement {
  /** What was computed. */
  mode: MatmulMode;
  /** Sizes of the product. */
  sizes: Sizes;
  /** How exactly; absent: float32. */
  precision?: MatmulPrecision;
  /** Tile that was measured. */
  variant: MatmulVariant;
  /** 10⁹ floating-point operations a second, the best of the rounds. */
  gflops: number;
  /** Whether the tuning uses this variant. */
  chosen: boolean;
}

/** What {@linkcode tune} found. */
export interface TuneResult {
  /** The choice, as `Device.tuning` takes it. */
  tuning: Tuning;
  /** All that was measured. */
  measurements: Measurement[];
}

/** One choice to make. */
export interface VariantChoice {
  /** What is computed. */
  readonly mode: MatmulMode;
  /** The sizes to measure. */
  readonly sizes: Sizes;
  /** How exactly (default: float32). */
  readonly precision?: MatmulPrecision;
  /** The variants to compare; the first is the default. */
  readonly variants: readonly MatmulVariant[];
}

const MODES = ["NN", "NT", "TN"] as const;

const SIZES: Readonly<Record<DeviceFamily, Readonly<Record<"few" | "small" | "large", Sizes>>>> = {
  cpu: { few: [8, 1024, 512], small: [128, 512, 512], large: [256, 1024, 512] },
  gpu: { few: [8, 4096, 1024], small: [128, 1024, 512], large: [2048, 2048, 1024] },
};

/** The variants to try for each class. They are few because a CPU takes about a second to compile each. */
const CHOICES: Readonly<Record<DeviceFamily, readonly VariantChoice[]>> = {
  cpu: [
    ...choices("cpu", "large", MODES, ["turned64", "turned32", "broadcast32image"]),
    ...choices("cpu", "small", MODES, ["turned32", "broadcast32image"]),
    ...choices("cpu", "few", ["NT"], ["broadcast8", "broadcast8image"]),
    { mode: "NT", sizes: [1, 2048, 1024], variants: ["broadcast1", "broadcast1image"] },
  ],
  gpu: [
    ...choices("gpu", "large", MODES, ["shared128", "shared64"]),
    ...choices("gpu", "small", MODES, ["shared32", "shared64"]),
    ...choices("gpu", "few", ["NN", "NT"], ["shared16", "shared32"]),
    { mode: "NT", sizes: [1, 4096, 4096], variants: ["vector4", "shared16"] },
  ],
};

/** The tiles of subgroup matrices to try, those of few rows apart, for which there is one. */
const MATRIX_CHOICES: Readonly<Record<DeviceFamily, Readonly<Record<"small" | "large", readonly MatrixVariant[]>>>> = {
  cpu: { small: ["matrix32", "matrix16"], large: ["matrix32", "matrix16"] },
  gpu: { small: ["matrix32", "matrix64"], large: ["matrix128", "matrix64"] },
};

/** The choices that {@linkcode tune} makes for a device that runs this family, each among the variants that fit it. */
export function choicesFor(device: Device, family: DeviceFamily): VariantChoice[] {
  // Each access of a buffer costs compile time, as each text does, and the first of images wins there anyway.
  const imagesAlone = family === "cpu" && compilesSlowly(device.lavapipe);
  const has64Rows = suits64Rows({ lanes: lanesOf(device), lavapipe: device.lavapipe });
  const suited = (variant: MatmulVariant): MatmulVariant =>
    fittingVariant(device, variant === "turned64" && !has64Rows ? "turned32" : variant);
  const own = CHOICES[family].map((choice) => ({
    ...choice,
    variants: imagesAlone
      ? choice.variants.map(suited).filter((tile) => isBroadcast(tile) && BROADCAST_TILES[tile].image).slice(0, 1)
      : [...new Set(choice.variants.map(suited))],
  }));
  return [...own, ...matrixChoices(device)];
}

/** Of each precision; none where the device has no matrices. All modes read a tile alike, and NN has both ways of storing. */
function matrixChoices(device: Device): VariantChoice[] {
  const { family } = device;
  const mode = "NN" as const;
  return (["float32x3", "float16"] as const).flatMap((precision) =>
    (["large", "small"] as const).map((size) => ({
      mode,
      sizes: SIZES[family][size],
      precision,
      variants: MATRIX_CHOICES[family][size].filter((variant) => matrixShape(device, variant, { precision })),
    }))
  ).filter(({ variants }) => variants.length > 0);
}

/** The variants that stand for the families when these are compared, and the sizes of that comparison. */
const CHAMPION = { cpu: "turned32", gpu: "shared64" } as const;
const FAMILY_SIZES: Readonly<Record<DeviceFamily, Sizes>> = { cpu: [64, 256, 512], gpu: SIZES.gpu.large };
/** A variant replaces the default only if it is faster by this factor, so that noise decides little. */
const BETTER = 1.05;
/** The other family is chosen only if it is faster by this factor: unlike a tile, it can change the bits of results. */
const FAMILY_BETTER = 1.5;
/** A variant that is slower than the best by this factor in mode NN is not tried in the other modes. */
const HOPELESS = 1.2;
const ROUNDS = 3;
/** Seconds of work in a round without timestamps, so that the fence weighs little. */
const UNTIMED_ROUND = 0.05;
/** And with them, so that a clock of 0.1 ms, as browsers have it, weighs little; in so many calls at most. */
const TIMED_ROUND = 0.005;
const TIMED_CALLS = 50;

function choices(
  family: DeviceFamily,
  size: "few" | "small" | "large",
  modes: readonly MatmulMode[],
  variants: readonly MatmulVariant[],
): VariantChoice[] {
  return modes.map((mode) => ({ mode, sizes: SIZES[family][size], variants }));
}

/** How {@linkcode tune} measures. */
export interface TuneOptions {
  /** Called with what is measured next: a class of products, or which of the families is the faster. */
  onMeasure?: (what: TileClass | "families") => void;
  /** Seconds of work that all cores have done for this process, for devices that are a CPU (default: the wall clock). */
  cpuSeconds?: () => number;
}

function wallSeconds(): number {
  return performance.now() / 1000;
}

/**
 * Measures the variants of the matmul and returns the choice; `device.tuning` stays as it was. Takes about a second if
 * the driver has compiled the kernels before. Throws DeviceError.
 *
 * @example
 * ```ts
 * import { openDevice, tune } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * const { tuning } = await tune(device);
 * device.tuning = tuning;
 * assert.ok(tuning.family === "cpu" || tuning.family === "gpu");
 * ```
 */
export async function tune(
  device: Device,
  { onMeasure = () => {}, cpuSeconds = wallSeconds }: TuneOptions = {},
): Promise<TuneResult> {
  using commands = new Commands(device);
  const kept = device.tuning;
  device.tuning = null;
  commands.profiler = device.family === "gpu" && device.features.has("timestamp-query")
    ? new Profiler(device)
    : undefined;
  const measurements: Measurement[] = [];
  const measure = async (
    choice: VariantChoice,
    variants: readonly MatmulVariant[],
    what: TileClass | "families" = classOf(choice),
  ): Promise<number[]> => {
    onMeasure(what);
    const clock = device.family === "cpu" ? cpuSeconds : wallSeconds;
    return await rates(commands, { ...choice, variants }, clock);
  };
  const note = (
    { mode, sizes, precision, variants }: VariantChoice,
    { gflops, chosen }: { gflops: readonly number[]; chosen: number },
  ): void => {
    variants.forEach((variant, i) =>
      measurements.push({
        mode,
        sizes,
        ...precision && { precision },
        variant,
        gflops: gflops[i]!,
        chosen: i === chosen,
      })
    );
  };
  try {
    const families = familiesFor(device);
    const champions: VariantChoice = {
      mode: "NN",
      sizes: FAMILY_SIZES[device.family],
      variants: families.map((name) => fittingVariant(device, CHAMPION[name])),
    };
    let family = device.family;
    if (families.length > 1) {
      const gflops = await measure(champions, champions.variants, "families");
      const chosen = gflops[1]! > FAMILY_BETTER * gflops[0]! ? 1 : 0;
      family = families[chosen]!;
      note(champions, { gflops, chosen });
    }
    const tiles: Partial<Record<TileClass, MatmulVariant>> = {};
    const hopeless = new Set<string>();
    for (const choice of choicesFor(device, family)) {
      const key = (variant: MatmulVariant): string => `${choice.precision} ${choice.sizes} ${variant}`;
      const variants = choice.variants.filter((variant) => !hopeless.has(key(variant)));
      const gflops = await measure(choice, variants);
      const most = Math.max(...gflops);
      const chosen = most > BETTER * gflops[0]! ? gflops.indexOf(most) : 0;
      tiles[classOf(choice)] = variants[chosen]!;
      if (choice.mode === "NN") {
        variants.filter((_, i) => i > 0 && HOPELESS * gflops[i]! < most).forEach((variant) =>
          hopeless.add(key(variant))
        );
      }
      note({ ...choice, variants }, { gflops, chosen });
    }
    return { tuning: { family, tiles }, measurements };
  } finally {
    device.tuning = kept;
  }
}

/** The families to compare, the device's own first; where compiling is slow the other is not tried, as it never won there. */
function familiesFor({ family, lavapipe }: Device): DeviceFamily[] {
  return compilesSlowly(lavapipe) ? [family] : [family, family === "cpu" ? "gpu" : "cpu"];
}

/** The class that a measurement stands for. */
export function classOf(
  { mode, sizes: [m, n, k], precision = "float32" }: Pick<VariantChoice, "mode" | "sizes" | "precision">,
): TileClass {
  return tileClass({ mode, m, n, k, precision });
}

/** The best rate of each variant over the rounds; every other round runs in reverse order. */
async function rates(
  commands: Commands,
  { mode, sizes: [m, n, k], precision = "float32", variants }: VariantChoice,
  clock: () => number,
): Promise<number[]> {
  const { device, profiler } = commands;
  const [a, b, c] = [m * k, n * k, m * n].map((size) => filled(device, size)) as [Slice, Slice, Slice];
  const flop = 2 * m * n * k;
  const multiply = (variant: MatmulVariant): void => matmulBy(commands, variant, { mode, a, b, c, m, n, k, precision });
  const seconds = async (variant: MatmulVariant, repeats: number): Promise<number> => {
    const start = clock();
    for (let i = 0; i < repeats; i++) multiply(variant);
    commands.submit();
    const times = await profiler?.read() ?? [];
    const timed = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
    // A clock that stands still or goes back says nothing.
    if (timed > 0 && times.every(({ untimed }) => untimed === 0)) return timed;
    await device.sync();
    return clock() - start;
  };
  try {
    const best = variants.map(() => 0);
    // The first call also compiles.
    const repeats: number[] = [];
    for (const variant of variants) {
      await seconds(variant, 1);
      const once = await seconds(variant, 1);
      repeats.push(
        profiler
          ? Math.min(TIMED_CALLS, Math.ceil(TIMED_ROUND / once))
          : Math.ceil(UNTIMED_ROUND / Math.max(1e-3, once)),
      );
    }
    for (let round = 0; round < ROUNDS; round++) {
      const order = variants.map((_, i) => round % 2 === 0 ? i : variants.length - 1 - i);
      for (const i of order) {
        const rate = repeats[i]! * flop / await seconds(variants[i]!, repeats[i]!) / 1e9;
        best[i] = Math.max(best[i]!, rate);
      }
    }
    await device.check();
    return best;
  } finally {
    for (const slice of [a, b, c]) device.free(slice);
  }
}

/** A buffer of small numbers of both signs, so that their sums stay small. */
function filled(device: Device, size: number): Slice {
  return device.upload(Float32Array.from({ length: size }, (_, i) => (i % 7 - 3) / 8), "tuning");
}
