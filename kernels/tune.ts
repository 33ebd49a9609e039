/** Chooses the variants of the kernels for a device by measuring them. @module */
import process from "node:process";
import { Commands } from "./device/commands.ts";
import type { Device, DeviceFamily, Slice } from "./device/device.ts";
import { Profiler } from "./device/profile.ts";
import type { TileClass, Tuning } from "./device/tuning.ts";
import { freeMatmul, matmulBy, type MatmulMode, type MatmulVariant, tileClass } from "./matmul/matmul.ts";

/** Sizes of a product. */
export type Sizes = readonly [m: number, n: number, k: number];

/** One variant's rate. */
export interface Measurement {
  /** What was computed. */
  mode: MatmulMode;
  sizes: Sizes;
  variant: MatmulVariant;
  /** 10⁹ floating-point operations a second, the best of the rounds. */
  gflops: number;
  /** Whether this is the variant that is used from now on. */
  chosen: boolean;
}

/** What {@linkcode tune} found. */
export interface TuneResult {
  tuning: Tuning;
  measurements: Measurement[];
}

/** One choice: the sizes to measure, and the variants, of which the first is the default. */
interface VariantChoice {
  mode: MatmulMode;
  sizes: Sizes;
  variants: readonly MatmulVariant[];
}

const MODES = ["NN", "NT", "TN"] as const;

const SIZES: Readonly<Record<DeviceFamily, Readonly<Record<"few" | "small" | "large", Sizes>>>> = {
  cpu: { few: [8, 1024, 512], small: [128, 512, 512], large: [256, 1024, 512] },
  gpu: { few: [8, 4096, 1024], small: [128, 1024, 512], large: [2048, 2048, 1024] },
};

/** The variants to try for a class. A CPU compiles a text for a second or so: the fewer the better. */
const CHOICES: Readonly<Record<DeviceFamily, readonly VariantChoice[]>> = {
  cpu: [
    ...choices("cpu", "large", MODES, ["broadcast64", "broadcast32image"]),
    ...choices("cpu", "small", MODES, ["broadcast32", "broadcast32image"]),
    ...choices("cpu", "few", ["NT"], ["broadcast8", "broadcast8image"]),
  ],
  gpu: [
    ...choices("gpu", "large", MODES, ["shared128", "shared64"]),
    ...choices("gpu", "small", MODES, ["shared32", "shared64"]),
    ...choices("gpu", "few", ["NN", "NT"], ["shared16", "shared32"]),
  ],
};

/** What stands for a family where the two are compared, and the sizes for it. */
const CHAMPION = { cpu: "broadcast32", gpu: "shared64" } as const;
const FAMILY_SIZES: Readonly<Record<DeviceFamily, Sizes>> = { cpu: [64, 256, 512], gpu: SIZES.gpu.large };
/** Another variant must be faster than the default by this, so that noise decides little. */
const BETTER = 1.05;
/** The other family must be faster by this: it can change the bits of results, which a tile cannot. */
const FAMILY_BETTER = 1.5;
/** What is slower than the best by this with NN is not tried in the other modes at these sizes. */
const HOPELESS = 1.2;
const ROUNDS = 3;
/** Seconds of work in a round where there are no timestamps, to outweigh the fence. */
const UNTIMED_ROUND = 0.05;

function choices(
  family: DeviceFamily,
  size: "few" | "small" | "large",
  modes: readonly MatmulMode[],
  variants: readonly MatmulVariant[],
): VariantChoice[] {
  return modes.map((mode) => ({ mode, sizes: SIZES[family][size], variants }));
}

/**
 * Measures the variants of each kernel and returns the choice, without setting it; `onMeasure` is told each class before
 * its turn. Takes a second or so where the driver has compiled the kernels before. Throws DeviceError.
 */
export async function tune(
  device: Device,
  { onMeasure = () => {} }: { onMeasure?: (what: TileClass) => void } = {},
): Promise<TuneResult> {
  const commands = new Commands(device);
  const kept = device.tuning;
  device.tuning = null;
  commands.profiler = device.family === "gpu" && device.features.has("timestamp-query")
    ? new Profiler(device)
    : undefined;
  const measurements: Measurement[] = [];
  const measure = async (choice: VariantChoice, variants: readonly MatmulVariant[]): Promise<number[]> => {
    onMeasure(classOf(choice));
    return await rates(commands, { ...choice, variants });
  };
  const note = (
    { mode, sizes, variants }: VariantChoice,
    { gflops, chosen }: { gflops: readonly number[]; chosen: number },
  ): void => {
    variants.forEach((variant, i) =>
      measurements.push({ mode, sizes, variant, gflops: gflops[i]!, chosen: i === chosen })
    );
  };
  try {
    const families = [device.family, device.family === "cpu" ? "gpu" : "cpu"] as const;
    const champions: VariantChoice = {
      mode: "NN",
      sizes: FAMILY_SIZES[device.family],
      variants: families.map((name) => CHAMPION[name]),
    };
    const [own, other] = await measure(champions, champions.variants);
    const takesOther = other! > FAMILY_BETTER * own!;
    const family = families[takesOther ? 1 : 0];
    note(champions, { gflops: [own!, other!], chosen: takesOther ? 1 : 0 });
    const tiles: Partial<Record<TileClass, MatmulVariant>> = {};
    const hopeless = new Set<string>();
    for (const choice of CHOICES[family]) {
      const key = (variant: MatmulVariant): string => `${choice.sizes} ${variant}`;
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
    freeMatmul(commands);
  }
}

/** The class that a measurement stands for. */
export function classOf({ mode, sizes: [m, n, k] }: { mode: MatmulMode; sizes: Sizes }): TileClass {
  return tileClass({ mode, m, n, k });
}

/** The best rate of each variant over the rounds, whose order turns around. */
async function rates(commands: Commands, { mode, sizes: [m, n, k], variants }: VariantChoice): Promise<number[]> {
  const { device, profiler } = commands;
  const [a, b, c] = [m * k, n * k, m * n].map((size) => filled(device, size)) as [Slice, Slice, Slice];
  const flop = 2 * m * n * k;
  const once = (variant: MatmulVariant): void => matmulBy(commands, variant, { mode, a, b, c, m, n, k });
  const seconds = async (variant: MatmulVariant, repeats: number): Promise<number> => {
    const clock = device.family === "cpu" ? cpuSeconds : () => performance.now() / 1000;
    const start = clock();
    for (let i = 0; i < repeats; i++) once(variant);
    commands.submit();
    if (profiler) return (await profiler.read()).reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
    await device.sync();
    return clock() - start;
  };
  try {
    const best = variants.map(() => 0);
    // The first call compiles.
    const repeats: number[] = [];
    for (const variant of variants) {
      await seconds(variant, 1);
      repeats.push(profiler ? 1 : Math.ceil(UNTIMED_ROUND / Math.max(1e-3, await seconds(variant, 1))));
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

/** Seconds that this process has kept all cores busy: what a CPU would take by itself, whatever else it is doing. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 / navigator.hardwareConcurrency;
}

/** A buffer of numbers whose sums stay small. */
function filled(device: Device, size: number): Slice {
  return device.upload(Float32Array.from({ length: size }, (_, i) => (i % 7 - 3) / 8), "tuning");
}
