/** Products with quantized weights, beside the same ones in bfloat16 and float32. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { gatherRows } from "../../kernels/rows/gather_rows.ts";
import { quantize } from "../../kernels/storage/quantize.ts";
import { QUANTIZED, type QuantizedStorage, storedBytes } from "../../kernels/storage/storage.ts";
import type { Contender, Context, Product, Spec } from "../bench_types.ts";
import { checkClose, compare, seconds } from "../measure.ts";
import { dots, gflop, makeProduct, ownMatmul } from "./matmul_case.ts";

/** Forward and backward, and the row that a single sequence decodes. */
const PRODUCTS = [
  ["NT", 32, 2048, 896],
  ["NT", 128, 2048, 896],
  ["NN", 32, 896, 2048],
  ["NN", 128, 896, 2048],
  ["NT", 1, 4096, 2048],
] as const;

/** Each product in each quantized type. */
export function storedMatmulSpecs(): Spec[] {
  return QUANTIZED.flatMap((storage) =>
    PRODUCTS.map(([mode, ...sizes]): Spec => {
      const name = `matmul-${storage}/${mode.toLowerCase()}/${sizes.join("x")}`;
      const run = (context: Context) => runStored(context, { name, storage, product: makeProduct(mode, sizes) });
      return { name, quick: false, run };
    })
  );
}

async function runStored(
  context: Context,
  { name, storage, product }: { name: string; storage: QuantizedStorage; product: Product },
) {
  const contenders = [
    await storedMatmul(context, storage, product),
    ownMatmul(context, product, { name: "own bf16", half: true }),
    ownMatmul(context, product, { name: "own f32" }),
  ];
  return [await compare(context, { name, unit: "gflops", work: gflop(product), contenders })];
}

async function storedMatmul(context: Context, storage: QuantizedStorage, product: Product): Promise<Contender> {
  const { device, commands } = context;
  const { mode, m, n, k, at } = product;
  const [rows, columns] = mode === "NT" ? [n, k] : [k, n];
  const bytes = storedBytes(storage, { rows, columns });
  const [a, b, scales] = [
    device.upload(product.a, "a"),
    device.alloc(bytes.data, "b"),
    device.alloc(bytes.scales, "s"),
  ];
  const [x, c] = [device.upload(product.b, "x"), device.alloc(m * n * 4, "c")];
  const [bad, index] = [device.alloc(4, "bad"), device.upload(Uint32Array.from({ length: rows }, (_, i) => i), "rows")];
  const source = { x, sourceStorage: "f32", firstRow: 0, rows, columns } as const;
  quantize(commands, { data: b, scales, storage, bad, mark: 1, ...source });
  gatherRows(commands, { out: x, x: b, storage, scales, index, rows, sourceRows: rows, columns });
  commands.submit();
  const expected = dots({ ...product, b: await floatsOf(device, x) });
  for (const slice of [x, bad, index]) device.free(slice);
  const run = (): void => matmul(commands, { mode, c, a, b, m, n, k, bType: storage, scales });
  return {
    name: "dnpo",
    async check() {
      run();
      commands.submit();
      const values = await floatsOf(device, c);
      checkClose(at.map((i) => values[i]!), expected, { label: `matmul ${mode} of ${storage}` });
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) run();
        commands.submit();
        await device.sync();
      }),
    free() {
      for (const slice of [a, b, c, scales]) device.free(slice);
    },
  };
}

async function floatsOf(device: Device, slice: Slice): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array(await device.read(slice));
}
