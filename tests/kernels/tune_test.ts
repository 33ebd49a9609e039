import { deepEqual, equal, ok } from "node:assert/strict";
import { Commands } from "../../kernels/device/commands.ts";
import { isVariant, matmul } from "../../kernels/matmul/matmul.ts";
import { choicesFor, classOf, tune } from "../../kernels/tune.ts";
import { type DeviceKind, standInDevice } from "../../tools/wgsl/stand_in_device.ts";
import { device } from "../_shared/device.ts";

Deno.test("tune() chooses a tile for each class by its rate, and leaves the device as it was", async () => {
  const tuning = { family: device.family, tiles: {} };
  device.tuning = tuning;
  const bytes = device.bytes;
  const told: string[] = [];
  const { tuning: made, measurements } = await tune(device, { onMeasure: (what) => told.push(what) });
  equal(told[0], "families");
  deepEqual([...new Set(told)], told);
  equal(device.tuning, tuning);
  equal(device.bytes, bytes);
  device.tuning = null;
  for (const mode of ["NN", "NT", "TN"] as const) ok(isVariant(made.tiles[`${mode}/large`]), mode);
  ok(isVariant(made.tiles["NT/few"]));
  ok(measurements.every(({ gflops }) => gflops > 0 && Number.isFinite(gflops)), JSON.stringify(measurements));
  // The first two stand for the families.
  const [families, tiles] = [measurements.slice(0, 2), measurements.slice(2)];
  deepEqual(families.map(({ variant }) => variant.replace(/\d+/, "")).sort(), ["shared", "turned"]);
  for (const [what, tile] of Object.entries(made.tiles)) {
    ok(told.includes(what), what);
    const rates = tiles.filter((one) => classOf(one) === what);
    const chosen = rates.filter((one) => one.chosen && one.variant === tile);
    equal(chosen.length, 1, what);
    // The default stays unless another is faster by 5 %.
    for (const { gflops } of rates) ok(1.05 * chosen[0]!.gflops >= gflops, what);
  }
});

Deno.test("tune() offers a GPU no tile that it would never take", async () => {
  for (const least of [32, 64]) {
    using gpu = await standInDevice({ name: `gpu ${least}`, family: "gpu", least }, { compiler: "naga", take() {} });
    const offered = choicesFor(gpu, "cpu").map(({ mode, sizes, variants }) => [classOf({ mode, sizes }), ...variants]);
    deepEqual(offered.sort(), [
      ["NN/large", "turned16", "broadcast16image"],
      ["NN/small", "turned16", "broadcast16image"],
      ["NT/few", "broadcast8", "broadcast8image"],
      ["NT/large", "turned16", "broadcast16image"],
      ["NT/least", "broadcast1", "broadcast1image"],
      ["NT/small", "turned16", "broadcast16image"],
      ["TN/large", "turned16", "broadcast16image"],
      ["TN/small", "turned16", "broadcast16image"],
    ]);
    ok(choicesFor(gpu, "gpu").some(({ variants }) => variants.includes("shared128")));
  }
});

Deno.test("tune() offers a CPU 64 rows from 16 lanes on", async () => {
  for (const [least, rows] of [[8, []], [16, ["turned64"]]] as const) {
    using cpu = await standInDevice({ name: `cpu ${least}`, family: "cpu", least }, { compiler: "naga", take() {} });
    const large = choicesFor(cpu, "cpu").filter((choice) => classOf(choice).endsWith("/large"));
    deepEqual(large.map(({ variants }) => variants), Array(3).fill([...rows, "turned32", "broadcast32image"]));
  }
});

Deno.test("tune() offers one tile that reads images where compiling is slow", async () => {
  const kind = { name: "cpu 8", family: "cpu", least: 8 } as const;
  const take = (): void => {};
  using slow = await standInDevice({ ...kind, lavapipe: 25 }, { compiler: "naga", take });
  using quick = await standInDevice({ ...kind, lavapipe: 22 }, { compiler: "naga", take });
  const [few, all] = [choicesFor(slow, "cpu"), choicesFor(quick, "cpu")];
  deepEqual(few.map(classOf), all.map(classOf));
  deepEqual(
    few.map(({ variants }) => variants),
    all.map(({ variants }) => variants.filter((variant) => /image$|^turned/.test(variant)).slice(0, 1)),
  );
  ok(few.every(({ variants }) => variants.length === 1) && all.every(({ variants }) => variants.length === 2));
});

Deno.test("tune() offers tiles of matrix units in each precision where the device has some that fit", async () => {
  const offered = async (kind: Partial<DeviceKind>): Promise<unknown> => {
    const all = { name: "own", family: "gpu", least: 32, ...kind } as const;
    using device = await standInDevice(all, { compiler: "tint", take() {} });
    return choicesFor(device, "gpu").filter(({ precision }) => precision).map((choice) => [
      classOf(choice),
      ...choice.variants,
    ]);
  };
  const gpu = (...small: string[]) =>
    ["float32x3", "float16"].flatMap((
      name,
    ) => [[`${name}/large`, "matrix128", "matrix64"], [`${name}/small`, ...small]]);
  deepEqual(await offered({}), []);
  for (const matrices of [[16, 16, 16], [8, 8, 8], [8, 16, 16]] as const) {
    deepEqual(await offered({ matrices }), gpu("matrix32", "matrix64"));
    deepEqual(await offered({ matrices, most: 64 }), gpu("matrix32", "matrix64"));
  }
  // Of 128 lanes a workgroup has two subgroups at most.
  deepEqual(await offered({ matrices: [16, 16, 16], least: 128 }), []);
  const small = ["matrix32", "matrix16"];
  deepEqual(
    await offered({ matrices: [8, 8, 8], family: "cpu", least: 8 }),
    ["float32x3", "float16"].flatMap((name) => [[`${name}/large`, ...small], [`${name}/small`, ...small]]),
  );
});

Deno.test("a product on matrix units takes the tile that was tuned for its precision", async () => {
  const names: string[] = [];
  const kind = { name: "own", family: "gpu", least: 32, matrices: [16, 16, 16] } as const;
  using device = await standInDevice(kind, { compiler: "tint", take: ({ name }) => names.push(name) });
  using commands = new Commands(device);
  const slice = device.alloc(2 ** 22, "test");
  const sizes = { mode: "NT", a: slice, b: slice, c: slice, m: 512, n: 512, k: 512 } as const;
  const tileOf = (precision: "float32x3" | "float16", m: number): string => {
    names.length = 0;
    matmul(commands, { ...sizes, m, precision });
    return names.map((name) => /^matmul (\w+\d+) /.exec(name)?.[1]).filter(Boolean).join();
  };
  equal(tileOf("float16", 512), "matrix32");
  device.tuning = { family: "gpu", tiles: { "float16/large": "matrix64", "float32x3/small": "shared64" } };
  equal(tileOf("float16", 512), "matrix64");
  // What is tuned for others does not count, nor what is no such tile.
  equal(tileOf("float32x3", 512), "matrix32");
  equal(tileOf("float32x3", 256), "");
  equal(tileOf("float16", 16), "matrix16");
});
