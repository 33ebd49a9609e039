/** Matrix products, float32 and with bfloat16 weights. @module */
import { matmul, type MatmulMode } from "../../kernels/matmul/matmul.ts";
import type { Contender, Context, Product, Spec } from "../bench_types.ts";
import { checkClose, compare, seconds } from "../measure.ts";
import { spread, uniform } from "../values.ts";

type Sizes = readonly [m: number, n: number, k: number];

const MODES: readonly MatmulMode[] = ["NN", "NT", "TN"];
const QUICK: Readonly<Record<string, Sizes>> = {
  "512": [512, 512, 512],
  "1024": [1024, 1024, 1024],
  "256x4864x896": [256, 4864, 896],
};
const FULL: Readonly<Record<string, Sizes>> = { "256": [256, 256, 256] };
const GPU: Readonly<Record<string, Sizes>> = { "2048": [2048, 2048, 2048], "4096": [4096, 4096, 4096] };

/** The products; the large ones only where `gpu`. */
export function matmulSpecs({ gpu }: { gpu: boolean }): Spec[] {
  const specs: Spec[] = [];
  for (const [size, sizes] of Object.entries({ ...FULL, ...QUICK, ...(gpu ? GPU : {}) })) {
    for (const mode of MODES) {
      const name = `matmul/${mode.toLowerCase()}/${size}`;
      specs.push({ name, quick: size in QUICK, run: (context) => runMatmul(context, name, makeProduct(mode, sizes)) });
      if (mode === "TN") continue;
      const half = `matmul-bf16/${mode.toLowerCase()}/${size}`;
      specs.push({ name: half, quick: false, run: (context) => runHalf(context, half, makeProduct(mode, sizes)) });
    }
  }
  return specs;
}

/** Makes the inputs and 64 results in float64. */
export function makeProduct(mode: MatmulMode, [m, n, k]: Sizes): Product {
  const a = uniform(m * k, { seed: 1 });
  const b = uniform(n * k, { seed: 2 });
  const at = spread(m * n, 64).map((i, j) => Math.min(m * n - 1, i + j));
  return { mode, m, n, k, a, b, at, expected: dots({ mode, m, n, k, a, b, at }) };
}

/** The results at the product's places, in float64. */
export function dots({ mode, m, n, k, a, b, at }: Omit<Product, "expected">): Float64Array {
  return Float64Array.from(at, (place) => {
    const [row, column] = [Math.floor(place / n), place % n];
    let sum = 0;
    for (let i = 0; i < k; i++) {
      sum += a[mode === "TN" ? i * m + row : row * k + i]! * b[mode === "NT" ? column * k + i : i * n + column]!;
    }
    return sum;
  });
}

/** Our own product; `half` stores b as bfloat16. */
export function ownMatmul(
  { device, commands }: Context,
  product: Product,
  { name = "dnpo", half = false }: { name?: string; half?: boolean } = {},
): Contender {
  const { mode, m, n, k, at } = product;
  const a = device.upload(product.a, "a");
  const packed = half ? packHalf(product.b) : null;
  const b = packed ? device.upload(packed.words, "b") : device.upload(product.b, "b");
  const expected = packed ? dots({ ...product, b: packed.values }) : product.expected;
  const c = device.alloc(m * n * 4, "c");
  const run = (): void => matmul(commands, { mode, c, a, b, m, n, k, bType: half ? "bf16" : "f32" });
  return {
    name,
    async check() {
      run();
      commands.submit();
      const values = new Float32Array(await device.read(c));
      checkClose(at.map((i) => values[i]!), expected, { label: `matmul ${mode}` });
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) run();
        commands.submit();
        await device.sync();
      }),
    free() {
      for (const slice of [a, b, c]) device.free(slice);
    },
  };
}

async function runMatmul(context: Context, name: string, product: Product) {
  const { mode, m, n, k, at, expected } = product;
  const { jax, tfjs, torch } = context.peers;
  const contenders = [
    ownMatmul(context, product),
    ...(jax ? [jax.matmul(product)] : []),
    ...(tfjs ? [tfjs.matmul(product)] : []),
    ...(torch ? [torch.contender({ op: "matmul", mode, m, n, k, at }, { expected })] : []),
  ];
  return [await compare(context, { name, unit: "gflops", work: gflop(product), contenders })];
}

async function runHalf(context: Context, name: string, product: Product) {
  const contenders = [ownMatmul(context, product, { half: true }), ownMatmul(context, product, { name: "own f32" })];
  return [await compare(context, { name, unit: "gflops", work: gflop(product), contenders })];
}

/** Floating-point operations of one product, in 10⁹. */
export function gflop({ m, n, k }: Product): number {
  return 2e-9 * m * n * k;
}

/** Two bfloat16 to a word, cut off rather than rounded, and the values that they hold. */
function packHalf(
  b: Float32Array<ArrayBuffer>,
): { words: Uint32Array<ArrayBuffer>; values: Float32Array<ArrayBuffer> } {
  const bits = new Uint32Array(b.buffer).map((x) => x & 0xffff0000);
  const words = Uint32Array.from({ length: b.length / 2 }, (_, i) => (bits[2 * i]! >>> 16) | bits[2 * i + 1]!);
  return { words, values: new Float32Array(bits.buffer) };
}
