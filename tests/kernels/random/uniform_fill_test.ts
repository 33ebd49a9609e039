import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { philox4x32 } from "../../../kernels/random/philox.ts";
import { uniformFill } from "../../../kernels/random/uniform_fill.ts";
import { commands, device, guarded, limited, readU32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

const KEY = [0xfedcba98, 7] as const;

/** The bits of the numbers as float64 gives them. */
function expectedBits(count: number, { first, bound }: { first: number; bound: number }): Uint32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const word = philox4x32([Math.floor((first + i) / 4), 0, 0, 0], KEY)[(first + i) % 4]!;
    out[i] = (2 * (word + 0.5) * 2 ** -32 - 1) * bound;
  }
  return new Uint32Array(out.buffer);
}

for (const { family, commands } of families) {
  Deno.test(`uniformFill() gives the bits of float64, wherever it begins (${family} kernels)`, async () => {
    for (const [count, first] of [[1, 0], [1, 3], [2, 3], [3, 1], [4, 0], [257, 6], [1000, 4 * 2 ** 29 + 3]] as const) {
      for (const bound of [1, 0.75, 1 / 3, 1 / Math.sqrt(4096), 1 / Math.sqrt(896), 1 / Math.sqrt(5)]) {
        const out = guarded(count);
        uniformFill(commands, { out, count, first, key: KEY, bound });
        commands.submit();
        deepEqual(await readU32(out), expectedBits(count, { first, bound }), `${count} from ${first}, bound ${bound}`);
        release(out);
      }
    }
  });
}

Deno.test("uniformFill() gives the bits of float64 for many numbers", async () => {
  for (const bound of [1 / Math.sqrt(7), 1 + 2 ** -30 + 2 ** -52, 2 - 2 ** -52, 2 ** -40 / 3, 2 ** 40 / 3]) {
    const [count, first] = [100_000, 12345];
    const out = device.alloc(count * 4, "uniform");
    uniformFill(commands, { out, count, first, key: KEY, bound });
    deepEqual(await readU32(out), expectedBits(count, { first, bound }), `bound ${bound}`);
    device.free(out);
  }
});

/** |2u − 1| · 2³² of the word at `first`. */
function magnitude(first: number): bigint {
  const word = BigInt(philox4x32([Math.floor(first / 4), 0, 0, 0], KEY)[first % 4]!);
  const scaled = 2n * word + 1n - 2n ** 32n;
  return scaled < 0n ? -scaled : scaled;
}

Deno.test("uniformFill() rounds twice, as float64 and then float32 do", async () => {
  let once = 0;
  for (let first = 0; first < 200; first++) {
    const a = magnitude(first);
    // A bound whose product with the number is so near the middle of two float32 that float64 rounds it to the middle.
    const middle = (2n * (2n ** 23n + BigInt(first * 40_000 + first)) + 1n) << 60n;
    const mantissa = (2n * middle + a) / (2n * a);
    if (mantissa < 2n ** 52n || mantissa >= 2n ** 53n) continue;
    const bound = Number(mantissa) * 2 ** -52;
    const [bits] = expectedBits(1, { first, bound });
    const isEven = (middle >> 61n) % 2n === 0n;
    const product = a * mantissa;
    if (product !== middle && isEven === product > middle) once++;
    const out = guarded(1);
    uniformFill(commands, { out, count: 1, first, key: KEY, bound });
    deepEqual([...await readU32(out)], [bits], `number ${first}, bound ${bound}`);
    release(out);
  }
  ok(once > 20, `${once} numbers would be others if they were rounded once`);
});

/** 2 ** -power modulo an odd number. */
function halved(power: bigint, modulus: bigint): bigint {
  let out = 1n;
  for (let i = 0n; i < power; i++) out = out * ((modulus + 1n) / 2n) % modulus;
  return out;
}

Deno.test("uniformFill() rounds the middle of two float64 to the even one", async () => {
  let found = 0;
  for (let first = 0; first < 4000; first++) {
    const a = magnitude(first);
    const bits = BigInt(a.toString(2).length) + 53n;
    // The product's first 25 bits are to be those of a middle of two float32, and 2 ** (bits - 54) is to follow.
    const top = (a - 1n) * halved(29n, a) % a;
    const [product, limit] = [(top << bits - 25n) + (1n << bits - 54n), 1n << 24n];
    const mantissa = product / a;
    if (top % 4n !== 1n || top < limit || mantissa < 2n ** 52n || mantissa >= 2n ** 53n) continue;
    equal(mantissa * a, product);
    found++;
    const bound = Number(mantissa) * 2 ** -52;
    const out = guarded(1);
    uniformFill(commands, { out, count: 1, first, key: KEY, bound });
    deepEqual(await readU32(out), expectedBits(1, { first, bound }), `number ${first}, bound ${bound}`);
    release(out);
  }
  ok(found > 2, `${found} such products`);
});

Deno.test("uniformFill() draws the same in windows", async () => {
  const commands = limited({ maxStorageBufferBindingSize: 1024, maxComputeWorkgroupsPerDimension: 5 });
  const [count, first, bound] = [3001, 2, 0.1];
  const out = guarded(count);
  uniformFill(commands, { out, count, first, key: KEY, bound });
  commands.submit();
  deepEqual(await readU32(out), expectedBits(count, { first, bound }));
  release(out);
});

Deno.test("uniformFill() refuses a bound that is no positive number", () => {
  const out = guarded(4);
  for (const bound of [0, -1, NaN, Infinity, 2 ** -100]) {
    throws(
      () => uniformFill(commands, { out, count: 4, first: 0, key: KEY, bound }),
      /^RangeError: Cannot draw uniform numbers: bound is \S+, expected 2\^-60 to 2\^60/,
    );
  }
  release(out);
});
