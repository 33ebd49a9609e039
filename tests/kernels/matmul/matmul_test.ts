import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { Commands } from "../../../kernels/device/commands.ts";
import { Device } from "../../../kernels/device/device.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import { matmul, matmulBy, type MatmulMode, type MatmulVariant } from "../../../kernels/matmul/matmul.ts";
import { accessFor } from "../../../kernels/matmul/matmul_access.ts";
import { thinVariant } from "../../../kernels/matmul/matmul_choice.ts";
import { planFor } from "../../../kernels/matmul/matmul_plan.ts";
import { isQuantized } from "../../../kernels/storage/storage.ts";
import { commands, device, guarded, limited, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";
import { asGpu, bf16Cases, type Case, CASES, describe, packBf16, PLACED, record, run, stored } from "./_products.ts";

const MODES = ["NN", "NT", "TN"] as const;
/** The tiles of each family but those that bf16 alone has. */
const VARIANTS: Readonly<Record<DeviceFamily, readonly MatmulVariant[]>> = {
  cpu: ["broadcast32", "broadcast32image", "broadcast8", "broadcast8image"],
  gpu: ["shared128", "shared64", "shared32", "shared16", "vector4"],
};
/** A recorder on the same device, as if it were a CPU that does not grant subgroups. */
const withoutSubgroups = new Commands(new Device(device.gpu, { info: device.info, family: "cpu", subgroupSize: 0 }));
/** A recorder on the same device, as if it were a CPU on which 16 lanes load what they share. */
const withLoads = new Commands(
  new Device(device.gpu, { info: device.info, family: "cpu", subgroupSize: 16, lavapipe: 26 }),
);

/** Their text is a smaller tile's with more rows, and takes seconds to compile. */
const LARGE: readonly MatmulVariant[] = ["shared128"];

// What is left out here and below, of the tiles whose texts take long to compile, is in
// tests/soak/matmul_soak_test.ts.
for (const mode of MODES) {
  for (const variant of [...VARIANTS.cpu, ...VARIANTS.gpu]) {
    if (variant === "vector4" && mode !== "NT") continue;
    Deno.test(`matmul() ${mode} matches float64 in ${variant} at all kinds of sizes`, async (t) => {
      for (const it of CASES.slice(0, LARGE.includes(variant) ? 3 : CASES.length)) {
        await t.step(describe(it), () => run(mode, it, { variant }));
      }
    });
  }
}

for (const mode of MODES) {
  for (
    const variant of ["broadcast32image", "broadcast8", "shared64", "shared16", "vector4"] as const
  ) {
    if (variant === "vector4" && mode !== "NT") continue;
    Deno.test(`matmul() ${mode} with places and a scale matches float64 in ${variant}`, async (t) => {
      for (const it of PLACED) await t.step(describe(it), () => run(mode, it, { variant }));
    });
  }
}

const TURNED: readonly Case[] = [
  { m: 136, n: 20, k: 1100, gaps: [4, 8, 12], firsts: [8, 4, 12], scale: 2, accumulate: true, bias: true },
  { m: 68, n: 16, k: 132 },
  { m: 35, n: 5, k: 67, gaps: [1, 3, 2], firsts: [0, 6, 0], accumulate: true },
  { m: 1, n: 1, k: 1 },
];

for (const mode of MODES) {
  for (const variant of ["turned32", "turned16"] as const) {
    Deno.test(`matmul() ${mode} matches float64 in ${variant}, which is broadcast's with rows and columns exchanged`, async (t) => {
      // One case is enough of the text with more rows; that of 64 is in the soak.
      for (const it of TURNED.slice(0, variant === "turned32" ? 1 : TURNED.length)) {
        await t.step(describe(it), () => run(mode, it, { variant }));
      }
      await t.step("bias", () => run(mode, { m: 9, n: 22, k: 36, bias: true }, { variant }));
    });
  }

  Deno.test(`matmul() ${mode} gives the same bits in a turned tile`, async () => {
    const [m, n, k] = [70, 20, 1100];
    const [old, b] = [randomF32(m * n, 14), guarded(randomF32(n * k, 13))];
    const [a, bias] = [guarded(randomF32(m * k, 12)), guarded(randomF32(n, 15))];
    const bits = async (variant: MatmulVariant): Promise<Uint32Array> => {
      const c = guarded(old);
      matmulBy(commands, variant, { mode, c, a, b, bias, m, n, k, scale: 0.3, accumulate: true });
      commands.submit();
      const values = await readU32(c);
      release(c);
      return values;
    };
    deepEqual(await bits("turned16"), await bits("broadcast8"));
    release(a, b, bias);
  });
}

for (const mode of MODES) {
  Deno.test(`matmul() ${mode} gives the same bits from images whose lines have gaps`, async () => {
    const [m, n, k] = [20, 24, 28];
    // Lines of 128, 256, 2048 and 4096 texels; both matrices begin some rows and columns within their buffers.
    for (const [lda, ldb] of [[512, 3 * 1024], [3 * 1024, 512], [16384, 8192], [96, 16384]] as const) {
      const [aFirst, bFirst] = [lda + 8, 2 * ldb + 4];
      const [a, b] = [lda, ldb].map((stride, i) => guarded(randomF32(40 * stride, 20 + i)));
      const bits = async (variant: MatmulVariant): Promise<Uint32Array> => {
        const c = guarded(m * n);
        matmulBy(commands, variant, { mode, c, a: a!, b: b!, m, n, k, lda, ldb, aFirst, bFirst });
        commands.submit();
        const values = await readU32(c);
        release(c);
        return values;
      };
      const expected = await bits("broadcast8");
      for (const variant of ["turned16", "broadcast8image"] as const) {
        deepEqual(await bits(variant), expected, `${variant} ${lda} ${ldb}`);
      }
      release(a!, b!);
    }
  });
}

/** Factors with gaps between their rows, and the widths of their images, which a turned product has the other way round. */
const WIDTHS = [
  { mode: "NN", lda: 512, ldb: 1024, a: 256, b: 128 },
  { mode: "NT", lda: 1024, ldb: 512, a: 128, b: 256 },
  { mode: "TN", lda: 2048, ldb: 1024, a: 256, b: 512 },
  { mode: "NT", lda: 1024, ldb: 96, a: 4096, b: 4096, alone: 256 },
  { mode: "NT", lda: 1024, ldb: 1024, bType: "bf16", a: 256, b: 128 },
  { mode: "NT", lda: 1024, ldb: 2048, bType: "int8", a: 256, b: 128 },
] as const;

Deno.test("matmul() gives images lines with gaps by the strides of its factors, whatever b is stored as", async () => {
  const recorder = limited({});
  const [slice, c] = [4 * 2048 * 40, 4 * 32 * 32].map((bytes) => recorder.device.alloc(bytes, "x")) as [Slice, Slice];
  const made: (number | undefined)[] = [];
  recorder.device.allocImage = (...given) => {
    made.push(given[2]);
    return Device.prototype.allocImage.apply(recorder.device, given);
  };
  for (const it of WIDTHS) {
    const { mode, lda, ldb } = it;
    const sizes = { mode, m: 32, n: 32, k: 32, bType: "bType" in it ? it.bType : "f32" } as const;
    const variant = sizes.bType === "f32" ? "turned16" : "broadcast16image";
    const scales = isQuantized(sizes.bType) ? { scales: slice } : {};
    matmulBy(recorder, variant, { ...sizes, ...scales, c, a: slice, b: slice, lda, ldb });
    recorder.release();
    const { image, imageOfA } = planFor(recorder.device, sizes, variant);
    // Where lanes load what they share, only b is read from an image.
    const expected = !image ? [] : imageOfA ? [it.a, it.b] : ["alone" in it ? it.alone : it.b];
    deepEqual(made.splice(0), expected, `${mode} ${lda} ${ldb} ${sizes.bType}`);
  }
  await recorder.device.check();
  recorder.device.free(slice);
  recorder.device.free(c);
});

Deno.test("matmul() chooses the tiles of thin products by their sizes", () => {
  const chosen = (mode: MatmulMode, [m, n, k]: readonly [number, number, number]): string | undefined =>
    thinVariant(commands.device, { mode, m, n, k });
  for (const mode of MODES) {
    equal(chosen(mode, [512, 16, 896]), "turned16");
    equal(chosen(mode, [512, 32, 896]), "turned16");
    equal(chosen(mode, [4096, 32, 896]), "turned32");
    equal(chosen(mode, [8192, 896, 16]), "turned32");
    equal(chosen(mode, [512, 896, 320]), undefined);
    equal(chosen(mode, [64, 16, 64]), undefined);
  }
  equal(chosen("TN", [16, 896, 512]), "broadcast16image");
  equal(chosen("TN", [8, 896, 512]), "broadcast8image");
  // What is decoded has tiles of its own.
  equal(chosen("NT", [16, 896, 512]), undefined);
  equal(thinVariant(commands.device, { mode: "NT", m: 512, n: 16, k: 896, bType: "bf16" }), undefined);
  equal(thinVariant(asGpu.device, { mode: "NT", m: 512, n: 16, k: 896 }), undefined);
});

for (const mode of ["NN", "NT"] as const) {
  for (
    const variant of ["broadcast16image", "broadcast8", "shared64", "shared16", "vector4"] as const
  ) {
    if (variant === "vector4" && mode !== "NT") continue;
    Deno.test(`matmul() ${mode} reads a bf16 b in ${variant}`, async (t) => {
      for (const it of bf16Cases(mode)) await t.step(describe(it), () => run(mode, it, { variant }));
    });
  }

  Deno.test(`matmul() ${mode} reads a bf16 b in broadcast32wide`, async () => {
    // Meant for 16 lanes; with 8 it takes seconds to compile.
    await run(mode, { m: 33, n: 136, k: 136, bType: "bf16", accumulate: true }, { variant: "broadcast32wide" });
  });
}

for (
  const [name, recorder] of Object.entries({
    "a CPU": commands,
    "a CPU without subgroups": withoutSubgroups,
    "a CPU whose lanes load what they share": withLoads,
    "a GPU": asGpu,
  })
) {
  Deno.test(`matmul() chooses tiles that fit the sizes on ${name}`, async () => {
    for (const m of [1, 30, 100]) await run("NT", { m, n: 48, k: 64 }, { recorder });
    await run("NN", { m: 20, n: 45, k: 67, gaps: [1, 3, 2] }, { recorder });
    await run("TN", { m: 64, n: 20, k: 2503, accumulate: true }, { recorder });
    await recorder.device.check();
  });
}

for (const mode of ["NN", "NT"] as const) {
  for (const family of ["cpu", "gpu"] as const) {
    const recorder = family === "cpu" ? commands : asGpu;
    Deno.test(`matmul() ${mode} gives a row the same bits whatever m and the tile, ${family}`, async () => {
      const [n, k, most] = [76, 1100, 200];
      const a = randomF32(most * k, 5);
      const buffers = { a: guarded(a), b: guarded(randomF32(n * k, 6)), bias: guarded(randomF32(n, 7)) };
      const rows = async (m: number, variant?: MatmulVariant): Promise<Float32Array> => {
        const c = guarded(m * n);
        record(recorder, variant, { mode, c, ...buffers, m, n, k });
        recorder.submit();
        const values = await readF32(c);
        release(c);
        return values;
      };
      const whole = await rows(most);
      ok(whole.every((v) => v !== 0 && Number.isFinite(v)));
      for (const m of [1, 5, 33]) {
        deepEqual(await rows(m), whole.slice(0, m * n));
        for (const variant of VARIANTS[family]) deepEqual(await rows(m, variant), whole.slice(0, m * n));
      }
      release(...Object.values(buffers));
    });
  }
}

for (const mode of ["NN", "NT"] as const) {
  const tiles = ["broadcast32image", "broadcast16image", "broadcast8", undefined] as const;
  Deno.test(`matmul() ${mode} gives the same bits from bf16 as from the values it stands for`, async () => {
    // k ends half into eight after two blocks, b's rows at eights or halves of eights; with n 600 blocks run in turn.
    for (const [n, k, ldb] of [[76, 1100, 1104], [76, 1100, 1100], [600, 1032, 1032]] as const) {
      const m = 33;
      const [rows, columns] = mode === "NT" ? [n, k] : [k, n];
      const stride = mode === "NT" ? ldb : n + (ldb - k);
      const values = stored(rows, columns, { stride, seed: 10, whole: true });
      const words = guarded(packBf16(values));
      const buffers = { a: guarded(randomF32(m * k, 11)), f32: guarded(values) };
      const product = async (recorder: Commands, variant?: MatmulVariant, b?: Slice): Promise<Float32Array> => {
        const c = guarded(m * n);
        const operands = { a: buffers.a, b: b ?? buffers.f32, bType: b ? "bf16" : "f32" } as const;
        record(recorder, variant, { mode, c, ...operands, m, n, k, ldb: stride });
        recorder.submit();
        const out = await readF32(c);
        release(c);
        return out;
      };
      const expected = await product(commands, "broadcast8");
      ok(expected.every((v) => v !== 0 && Number.isFinite(v)));
      for (const variant of tiles) {
        const got = await product(commands, variant, words);
        deepEqual(got, expected, `${variant} ${n} ${k} ${ldb}`);
      }
      deepEqual(await product(withoutSubgroups, undefined, words), expected, "without subgroups");
      release(words, ...Object.values(buffers));
    }
  });
}

for (const mode of MODES) {
  Deno.test(`matmul() ${mode} gives the bits of broadcasts where lanes load what they share`, async () => {
    const [m, n, k] = [72, 76, 136];
    const buffers = { a: guarded(randomF32(m * k, 8)), b: guarded(randomF32(n * k, 9)) };
    const product = async (recorder: Commands, variant: MatmulVariant): Promise<Float32Array> => {
      const c = guarded(m * n);
      matmulBy(recorder, variant, { mode, c, ...buffers, m, n, k });
      recorder.submit();
      const values = await readF32(c);
      release(c);
      return values;
    };
    const expected = await product(commands, "broadcast32");
    ok(expected.every((v) => v !== 0 && Number.isFinite(v)));
    for (const variant of ["broadcast32", "broadcast32image", "turned32"] as const) {
      const { source, key, requires } = planFor(withLoads.device, { mode, m, n, k }, variant);
      deepEqual([requires, key], [[], "broadcast 32x64 by 16 lanes without subgroups"], source.name);
      deepEqual(await product(withLoads, variant), expected, variant);
    }
    await withLoads.device.check();
    release(...Object.values(buffers));
  });
}

for (const family of ["cpu", "gpu"] as const) {
  Deno.test(`matmul() TN gives the same bits whatever the tile, ${family}`, async () => {
    const [m, n, k] = [72, 136, 2052];
    const buffers = { a: guarded(randomF32(m * k, 8)), b: guarded(randomF32(n * k, 9)) };
    const recorder = family === "cpu" ? commands : asGpu;
    let first: Float32Array | undefined;
    for (const variant of VARIANTS[family]) {
      const c = guarded(m * n);
      matmulBy(recorder, variant, { mode: "TN", c, ...buffers, m, n, k });
      recorder.submit();
      const values = await readF32(c);
      release(c);
      first ??= values;
      ok(values.every((v) => v !== 0 && Number.isFinite(v)));
      deepEqual(values, first, variant);
    }
    release(...Object.values(buffers));
  });
}

Deno.test("matmul() takes the tuned tile of its class", async () => {
  // Larger subgroups have the 8 lanes of a workgroup; smaller ones would have a part of them.
  const subgroupSize = Math.min(8, device.subgroupSize);
  const tuned = new Commands(new Device(device.gpu, { info: device.info, family: "cpu", subgroupSize }));
  tuned.device.tuning = { family: "gpu", tiles: { "NT/few": "broadcast32image" } };
  /** The tile of a product, and which operands it reads how. */
  const planned = async (sizes: Case): Promise<string> => {
    await run("NT", sizes, { recorder: tuned });
    const { m, n, k, bType = "f32" } = sizes;
    const operands = { a: guarded(m * k), b: guarded(bType === "bf16" ? n * k / 2 : n * k) };
    const plan = planFor(tuned.device, { mode: "NT", m, n, k, bType });
    const places = { aFirst: 0, bFirst: 0, cFirst: 0, placed: false };
    const layout = { plan, ...operands, ...places, lda: k, ldb: k, ldc: n };
    const { access } = accessFor(tuned.device, { mode: "NT", m, n, k, bType }, layout);
    release(...Object.values(operands));
    const from = (isImage: boolean): string => isImage ? "image" : "buffer";
    return `${plan.variant}: a from ${from(access.aImage)}, ${access.bWide ? "eights of b" : "b"} from ${
      from(access.bImage)
    }`;
  };
  const few = { m: 9, n: 512, k: 512, bias: true };
  equal(await planned(few), "broadcast32image: a from image, b from image");
  // One row or two have tiles of their own.
  tuned.device.tuning = { family: "cpu", tiles: { "NT/least": "broadcast1image" } };
  equal(await planned({ m: 1, n: 1100, k: 2048 }), "broadcast1image: a from image, b from image");
  equal(await planned({ m: 2, n: 512, k: 2048 }), "broadcast2image: a from image, b from image");
  equal(await planned({ m: 3, n: 512, k: 2048 }), "broadcast8image: a from image, b from image");
  equal(await planned({ m: 2, n: 512, k: 512 }), "broadcast2image: a from buffer, b from buffer");
  tuned.device.tuning = { family: "cpu", tiles: {} };
  equal(await planned({ m: 1, n: 512, k: 512 }), "broadcast1: a from buffer, b from buffer");
  equal(await planned({ m: 2, n: 512, k: 512 }), "broadcast2: a from buffer, b from buffer");
  tuned.device.tuning = { family: "gpu", tiles: { "NT/few": "broadcast32image" } };
  // Too little work for copies to images.
  equal(await planned({ m: 9, n: 68, k: 132 }), "broadcast32image: a from buffer, b from buffer");
  // The classes are measured with f32: bf16 has tiles of its own.
  equal(await planned({ ...few, bType: "bf16" }), "broadcast16image: a from image, eights of b from image");
  // No tile was measured for this class: the tuned family's own choice.
  equal(await planned({ m: 20, n: 68, k: 132 }), "shared32: a from buffer, b from buffer");
});

Deno.test("planFor() gives a CPU turned tiles, of more rows where there is more work, and rows where these suit c better", () => {
  for (const [lanes, large] of [[8, "turned32"], [16, "turned64"]] as const) {
    const cpu = new Device(device.gpu, { info: device.info, family: "cpu", subgroupSize: lanes });
    const chosen = (mode: MatmulMode, [m, n, k]: readonly number[]): string =>
      planFor(cpu, { mode, m: m!, n: n!, k: k! }).variant;
    for (const mode of MODES) {
      equal(chosen(mode, [512, 512, 512]), large);
      equal(chosen(mode, [256, 512, 512]), "turned32");
      equal(chosen(mode, [1546, 176, 64]), "turned16");
      equal(chosen(mode, [96, 1024, 512]), "broadcast32image");
      equal(chosen(mode, [32, 1024, 1024]), "broadcast32image");
      equal(chosen(mode, [32, 32, 64]), "turned16");
      equal(chosen(mode, [8, 1024, 512]), "broadcast8");
    }
    // What was tuned for a class is fitted to c as well.
    cpu.tuning = { family: "cpu", tiles: { "NT/small": "turned32" } };
    equal(chosen("NT", [64, 1024, 512]), "turned32");
    equal(chosen("NT", [32, 1024, 512]), "broadcast32image");
  }
});

Deno.test("planFor() gives a bf16 b to wide tiles where there are lanes for them", () => {
  const wide = new Device(device.gpu, { info: device.info, family: "cpu", subgroupSize: 16 });
  for (const mode of ["NN", "NT"] as const) {
    equal(planFor(wide, { mode, m: 64, n: 512, k: 512, bType: "bf16" }).variant, "broadcast32wide");
    equal(planFor(wide, { mode, m: 4, n: 512, k: 512, bType: "bf16" }).variant, "broadcast8");
  }
  const rowsOfNf4 = (m: number): number => planFor(wide, { mode: "NN", m, n: 512, k: 512, bType: "nf4" }).rows;
  deepEqual([20, 32, 50, 64, 128].map(rowsOfNf4), [26, 32, 26, 32, 26]);
});

for (const [lanes, tileOf16, tileOf32] of [[8, "16x64", "32x64"], [16, "16x128", "32x128"]] as const) {
  Deno.test(`planFor() gives NT of a quantized b with ${lanes} lanes tiles of 32 rows where they fit its rows better than those of 16`, () => {
    const cpu = new Device(device.gpu, { info: device.info, family: "cpu", subgroupSize: lanes });
    for (const bType of ["int8", "nf4"] as const) {
      const tileOf = (m: number, k = 896): string => {
        const { rows, columns } = planFor(cpu, { mode: "NT", m, n: 512, k, bType });
        return `${rows}x${columns}`;
      };
      equal(tileOf(16), "8x128");
      for (const m of [32, 64, 96, 144, 300]) equal(tileOf(m), "32x64");
      for (const m of [48, 80, 112]) equal(tileOf(m), tileOf16);
      // Rows of a in one set of a cache.
      equal(tileOf(64, 2048), tileOf32);
      equal(tileOf(48, 2048), tileOf16);
    }
  });
}

Deno.test("matmul() leaves c alone without rows, and clears it without k", async () => {
  const buffers = { c: guarded(12), a: guarded(4), b: guarded(4) };
  matmul(commands, { mode: "NT", ...buffers, m: 0, n: 4, k: 4 });
  deepEqual(await readF32(buffers.c), new Float32Array(12).fill(-12345.5));
  matmul(commands, { mode: "NT", ...buffers, m: 3, n: 4, k: 0 });
  deepEqual(await readF32(buffers.c), new Float32Array(12));
  release(...Object.values(buffers));
});

Deno.test("matmul() names a stride that does not fit", () => {
  const buffers = { c: guarded(16), a: guarded(16), b: guarded(16) };
  const sizes = { m: 4, n: 4, k: 4 };
  throws(
    () => matmul(commands, { mode: "NN", ...buffers, ...sizes, lda: 3 }),
    new RangeError("Cannot multiply: lda is 3, expected at least its 4 columns"),
  );
  throws(
    () => matmul(commands, { mode: "NT", ...buffers, ...sizes, bType: "bf16", ldb: 5 }),
    /of stride 5 from element 0 on, expected NN or NT and multiples of 2/,
  );
  throws(() => matmul(commands, { mode: "TN", ...buffers, ...sizes, bType: "bf16" }), /mode is TN with a b in bf16/);
  release(...Object.values(buffers));
});

for (const mode of ["NN", "NT"] as const) {
  for (
    const variant of [
      "broadcast8",
      "broadcast2",
      "broadcast1image",
      "broadcast16image",
      "broadcast16wide",
      "broadcast32image",
      "shared64",
      "shared16",
      "vector4",
    ] as const
  ) {
    if (/^(vector4|broadcast(16wide|(1|2|32)(image)?))$/.test(variant) && mode !== "NT") continue;
    const recorder = variant.startsWith("broadcast") ? commands : asGpu;
    Deno.test(`matmul() ${mode} of a stored b is that of its numbers in f32, bit for bit, in ${variant}`, async (t) => {
      for (const bType of ["f16", "int8", "int4", "int4z", "nf4"] as const) {
        // A text of 32 rows, or of twice the columns, compiles for long: what is ragged has those of fewer.
        const isLarge = variant === "broadcast32image" || variant === "broadcast16wide";
        if (variant === "broadcast16wide" && bType !== "int8") continue;
        const sizes = isLarge
          ? [[40, 68, 192, 0]] as const
          : [[9, 68, 132, 0], [20, 39, 77, 0], [1, 35, 1160, 0]] as const;
        // Rows that begin where a word of scales does, which of these types has two groups or a longer one.
        const hasWords = mode === "NT" && recorder === commands && !isLarge && ["int8", "int4", "nf4"].includes(bType);
        // The last has rows of which every other one begins within a word, and that end before what is stored does.
        const words = [[3, 35, 576, 0], [5, 35, 120, 0], [3, 35, 576, 32]] as const;
        for (const [m, n, k, gap] of [...sizes, ...(hasWords ? words.slice(0, bType === "nf4" ? 2 : 3) : [])]) {
          if (bType === "f16" && (mode === "NT" ? k : n) % 2 !== 0) continue;
          // Its scales alone are read otherwise than int4's, in each tile by the same lines.
          if (bType === "int4z" && variant !== "broadcast8" && m !== sizes[0]![0]) continue;
          await t.step(`${bType} ${m}x${n}x${k}${gap ? ` with gap ${gap}` : ""}`, async () => {
            const [rows, columns] = mode === "NT" ? [n, k + gap] : [k, n];
            // Some scales and numbers are among binary16's smallest.
            const values = randomF32(rows * columns, 2).map((w, i) => w * 2 ** -(i >> 6) * 2 ** 4);
            const stored = storeMatrix(bType, values, { rows, columns });
            const buffers = { a: guarded(randomF32(m * k, 1)), full: guarded(stored.values), b: guarded(stored.data) };
            const scales = stored.scales && guarded(stored.scales);
            const [one, two] = [guarded(m * n), guarded(m * n)];
            const sizes = { mode, m, n, k, a: buffers.a, ...(gap > 0 && { ldb: columns }) };
            matmulBy(recorder, variant, { ...sizes, c: one, b: buffers.full });
            matmulBy(recorder, variant, { ...sizes, c: two, b: buffers.b, bType, ...(scales && { scales }) });
            recorder.submit();
            deepEqual(await readU32(two), await readU32(one));
            release(one, two, ...Object.values(buffers), ...(scales ? [scales] : []));
          });
        }
      }
    });
  }
}

// All lanes load a tile's codes together; sizes end within texels and groups. A tile of 32 rows compiles for many
// seconds, so that the one of 8 rows, whose lanes own as many columns, has most of the cases.
for (
  const [variant, bTypes] of [["broadcast8image", ["int8", "int4", "int4z", "nf4"]], ["broadcast32image", [
    "int4",
  ]]] as const
) {
  Deno.test(`matmul() NN of dealt codes is that of their numbers in f32, bit for bit, in ${variant}`, async (t) => {
    for (const bType of bTypes) {
      const all = [[27, 268, 132, 0], [9, 39, 77, 0], [9, 200, 1160, 128]] as const;
      // int4z differs from int4 in its scales alone.
      const fewer = bType === "int4z" || variant === "broadcast32image";
      for (const [m, n, k, firsts] of fewer ? all.slice(2) : all) {
        await t.step(`${bType} ${m}x${n}x${k} from element ${firsts} on`, async () => {
          const stored = storeMatrix(bType, randomF32(n * k, 2), { rows: k, columns: n });
          const from = <T extends Float32Array | Uint32Array>(values: T, first: number): T => {
            const out = new (values.constructor as new (length: number) => T)(first + values.length);
            out.set(values, first);
            return out;
          };
          const buffers = {
            a: guarded(randomF32(m * k, 1)),
            full: guarded(stored.values),
            b: guarded(from(stored.data, firsts / (bType === "int8" ? 4 : 8))),
            scales: guarded(from(stored.scales!, firsts / (bType === "int4z" ? 32 : 64))),
          };
          const [one, two] = [guarded(m * n), guarded(m * n)];
          const sizes = { mode: "NN", m, n, k, a: buffers.a } as const;
          matmulBy(commands, "broadcast8", { ...sizes, c: one, b: buffers.full });
          matmulBy(commands, variant, {
            ...{ ...sizes, c: two, b: buffers.b, bType, scales: buffers.scales },
            ...(firsts > 0 && { bFirst: firsts }),
          });
          commands.submit();
          deepEqual(await readU32(two), await readU32(one));
          release(one, two, ...Object.values(buffers));
        });
      }
    }
  });
}

Deno.test("matmul() refuses a stored b that it cannot read", () => {
  const slice = guarded(64 * 64);
  const call = { c: slice, a: slice, b: slice, m: 4, n: 64, k: 64 };
  throws(() => matmul(commands, { ...call, mode: "TN", bType: "int8", scales: slice }), {
    name: "RangeError",
    message:
      "Cannot multiply: mode is TN with a b in int8 of stride 64 from element 0 on, expected NN or NT and multiples of 32",
  });
  throws(() => matmul(commands, { ...call, mode: "NT", bType: "nf4", scales: slice, ldb: 96 }), {
    name: "RangeError",
    message:
      "Cannot multiply: mode is NT with a b in nf4 of stride 96 from element 0 on, expected NN or NT and multiples of 64",
  });
  throws(() => matmul(commands, { ...call, mode: "NT", bType: "int4" }), {
    name: "RangeError",
    message: "Cannot multiply: b is stored as int4, expected scales",
  });
  release(slice);
});
