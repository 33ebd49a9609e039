import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { bf16ToF32, decodeFloat32, encodeFloat32, f16ToF32, f32ToBf16, f32ToF16 } from "../../core/dtype.ts";

const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The value of a bit pattern from the definition: sign, exponent, fraction. */
function valueOf(bits: number, { exponentBits, fractionBits }: { exponentBits: number; fractionBits: number }): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

const FORMATS = [
  { name: "bf16", layout: { exponentBits: 8, fractionBits: 7 }, decode: bf16ToF32, encode: f32ToBf16, inf: 0x7f80 },
  { name: "f16", layout: { exponentBits: 5, fractionBits: 10 }, decode: f16ToF32, encode: f32ToF16, inf: 0x7c00 },
];

/** The float32 after `value` (finite, positive), or before it with `step` −1. */
function neighbour(value: number, step: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0]! += step;
  return new Float32Array(bits.buffer)[0]!;
}

for (const { name, layout, decode, encode, inf } of FORMATS) {
  Deno.test(`${name} decodes every bit pattern to its value`, () => {
    const values = decode(ALL);
    for (let bits = 0; bits < 65536; bits++) {
      ok(Object.is(values[bits], valueOf(bits, layout)), `pattern ${bits}: ${values[bits]}`);
    }
  });

  Deno.test(`${name} encodes every decoded number to its bits, and NaN to NaN`, () => {
    const back = encode(decode(ALL));
    for (let bits = 0; bits < 65536; bits++) {
      if ((bits & 0x7fff) > inf) ok((back[bits]! & 0x7fff) > inf, `NaN pattern ${bits} became ${back[bits]}`);
      else strictEqual(back[bits], bits);
    }
  });

  Deno.test(`${name} rounds to nearest, ties to even, between all neighbours`, () => {
    for (let bits = 0; bits < inf; bits++) {
      // The neighbour of the largest number is where the next exponent would begin: what rounds to it is infinity.
      const low = valueOf(bits, layout);
      const high = bits + 1 === inf ? 2 ** (2 ** (layout.exponentBits - 1)) : valueOf(bits + 1, layout);
      const middle = (low + high) / 2;
      const even = bits & 1 ? bits + 1 : bits;
      const around = Float32Array.of(neighbour(middle, -1), middle, neighbour(middle, 1), -middle);
      deepStrictEqual([...encode(around)], [bits, even, bits + 1, even | 0x8000], `between ${low} and ${high}`);
    }
  });

  Deno.test(`${name} overflows to infinity of the same sign`, () => {
    deepStrictEqual([...encode(Float32Array.of(3.4028235e38, -3.4028235e38))], [inf, inf | 0x8000]);
  });
}

Deno.test("f32ToBf16() keeps a NaN whose payload is in the low half", () => {
  const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff80ffff).buffer);
  deepStrictEqual([...f32ToBf16(nan)], [0x7fc0, 0xffc0]);
});

Deno.test("decodeFloat32() reads bytes at odd offsets", () => {
  const bytes = Uint8Array.of(9, 0x80, 0x3f, 0x00, 0xc0);
  deepStrictEqual([...decodeFloat32(bytes.subarray(1), "BF16")], [1, -2]);
  deepStrictEqual([...decodeFloat32(Uint8Array.of(9, 0x00, 0x3c).subarray(1), "F16")], [1]);
  deepStrictEqual([...decodeFloat32(Uint8Array.of(9, 0, 0, 0x80, 0x3f).subarray(1), "F32")], [1]);
});

Deno.test("decodeFloat32() refuses a part of an element", () => {
  throws(() => decodeFloat32(new Uint8Array(6), "F32"), /length is 6 bytes, expected a multiple of 4/);
  throws(() => decodeFloat32(new Uint8Array(3), "F16"), RangeError);
});

Deno.test("encodeFloat32() gives little-endian bytes of each dtype", () => {
  const values = Float32Array.of(0, 1, -2).subarray(1);
  deepStrictEqual([...encodeFloat32(values, "F32")], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  deepStrictEqual([...encodeFloat32(values, "F16")], [0, 0x3c, 0, 0xc0]);
  deepStrictEqual([...encodeFloat32(values, "BF16")], [0x80, 0x3f, 0, 0xc0]);
});
