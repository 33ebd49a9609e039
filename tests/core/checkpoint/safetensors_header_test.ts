import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import {
  headerLength,
  parseSafetensorsHeader,
  readSafetensorsHeader,
  type SafetensorsHeader,
} from "../../../core/checkpoint/safetensors_header.ts";
import { UserError } from "../../../core/error.ts";
import { oneFile } from "../../../core/files/model_files.ts";
import { counting, rawSafetensors, safetensors, withFolder } from "./_fixtures.ts";

const BYTES: Record<string, number> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  U8: 1,
  I64: 8,
  F64: 8,
  BOOL: 1,
  I32: 4,
  I16: 2,
  I8: 1,
};

function readHeader(path: string): Promise<SafetensorsHeader> {
  const { files, file } = oneFile(path);
  return readSafetensorsHeader(files, file);
}

/** What readSafetensorsHeader() does, on bytes in memory. */
function parse(file: Uint8Array): SafetensorsHeader {
  const size = { path: "m.safetensors", fileSize: file.length };
  const length = headerLength(file.subarray(0, 8), size);
  return parseSafetensorsHeader(file.subarray(8, 8 + length), size);
}

function refuses(header: string, data: number, message: RegExp): void {
  throws(() => parse(rawSafetensors(header, new Uint8Array(data))), (error) => {
    ok(error instanceof UserError, String(error));
    ok(!error.message.includes("\n"));
    ok(error.message.includes("m.safetensors"), error.message);
    ok(message.test(error.message), error.message);
    return true;
  });
}

Deno.test("readSafetensorsHeader() gives dtype, shape and place of each tensor", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "m.safetensors");
    const file = safetensors({
      a: counting([2, 3], 0),
      empty: { dtype: "F16", shape: [0, 4], bytes: new Uint8Array() },
      scalar: { dtype: "I64", shape: [], bytes: new Uint8Array(8) },
    });
    await Deno.writeFile(path, file);
    const { tensors } = await readHeader(path);
    const start = file.length - 32;
    deepStrictEqual([...tensors], [
      ["a", { dtype: "F32", shape: [2, 3], offset: start, byteLength: 24 }],
      ["empty", { dtype: "F16", shape: [0, 4], offset: start + 24, byteLength: 0 }],
      ["scalar", { dtype: "I64", shape: [], offset: start + 24, byteLength: 8 }],
    ]);
  });
});

Deno.test("parseSafetensorsHeader() reads metadata, escaped names and padding", () => {
  const { metadata, tensors } = parse(
    rawSafetensors(
      `{"__metadata__":{"format":"pt"},"\\u0061\\"{":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   `,
      new Uint8Array(1),
    ),
  );
  deepStrictEqual({ ...metadata }, { format: "pt" });
  deepStrictEqual([...tensors.keys()], ['a"{']);
});

Deno.test("readSafetensorsHeader() refuses a missing, empty, cut-off or foreign file", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "m.safetensors");
    await rejects(readHeader(path), /^UserError: Cannot read .*m\.safetensors: there is no such file/);
    await rejects(readHeader(dir), /it is not a file/);
    const whole = safetensors({ "model.norm.weight": counting([8], 0) });
    for (const length of [0, 7, 8, 20, whole.length - 1]) {
      await Deno.writeFile(path, whole.subarray(0, length));
      await rejects(readHeader(path), UserError, `${length} bytes`);
    }
    await Deno.writeFile(path, whole.subarray(0, whole.length - 1));
    await rejects(readHeader(path), /"model\.norm\.weight" from .*expected an end of at most 31/);
    await Deno.writeTextFile(path, "version https://git-lfs.github.com/spec/v1\n");
    await rejects(readHeader(path), /header length is \d+ bytes, expected 2 to 35 \(the file has 43 bytes/);
  });
});

Deno.test("headerLength() refuses what no file can hold", () => {
  for (const length of [0n, 1n, 1000n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n]) {
    throws(() => parse(rawSafetensors("{}", new Uint8Array(), length)), /header length is \d+ bytes, expected 2 to 2/);
  }
  const large = new Uint8Array(8);
  new DataView(large.buffer).setBigUint64(0, 2n ** 30n, true);
  throws(() => headerLength(large, { path: "m", fileSize: 2 ** 40 }), /expected 2 to 16777216/);
});

Deno.test("parseSafetensorsHeader() names what is wrong in the JSON", () => {
  refuses(`[1]`, 0, /begins with 91, expected "\{"/);
  refuses(`{"a":\n}`, 0, /it is not JSON/);
  refuses(`{"a":{"shape":[{"b":[]}]}}`, 0, /nests deeper than 3/);
  refuses(`{"a":1,"\\u0061":2}`, 0, /"a" occurs twice/);
  refuses(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, /"dtype" occurs twice/);
  refuses(`{"__metadata__":{"a":1}}`, 0, /has 1 under "a", expected a string/);
  refuses(`{"__metadata__":null}`, 0, /"__metadata__" is null, expected an object/);
  refuses(`{}`, 3, /has 13 bytes, expected 10 from its header/);
});

Deno.test("parseSafetensorsHeader() names the tensor whose entry is wrong", () => {
  const entry = (dtype: unknown, shape: unknown, range: unknown) =>
    JSON.stringify({ "a.weight": { dtype, shape, data_offsets: range } });
  refuses(`{"a.weight":7}`, 0, /"a\.weight" from .*entry is 7/);
  refuses(entry("F4", [2], [0, 1]), 1, /"a\.weight" from .*dtype is "F4", expected one of BOOL/);
  refuses(entry("toString", [2], [0, 1]), 1, /dtype is "toString"/);
  refuses(entry("F32", [-1], [0, 4]), 4, /shape is \[-1\], expected a list of sizes/);
  refuses(entry("F32", [1.5], [0, 6]), 6, /shape is \[1\.5\]/);
  refuses(entry("F32", "1", [0, 4]), 4, /shape is "1"/);
  refuses(entry("F32", [2 ** 40, 2 ** 40], [0, 4]), 4, /span 4 bytes, expected 4\.8\d+e\+24 for F32/);
  refuses(entry("F32", [2], [0, 4]), 4, /span 4 bytes, expected 8 for F32 of shape \[2\]/);
  refuses(entry("F32", [1], [4, 0]), 4, /data_offsets are \[4,0\], expected begin at most end/);
  refuses(entry("F32", [1], [0]), 4, /data_offsets are \[0\], expected \[begin, end\]/);
  refuses(entry("F32", [1], [0, 4.5]), 5, /data_offsets are \[0,4\.5\]/);
  refuses(entry("F32", [2], [0, 8]), 4, /data_offsets are \[0,8\], expected an end of at most 4/);
});

Deno.test("parseSafetensorsHeader() refuses overlaps and holes", () => {
  const two = (first: [number, number], second: [number, number]) =>
    JSON.stringify({
      a: { dtype: "U8", shape: [first[1] - first[0]], data_offsets: first },
      b: { dtype: "U8", shape: [second[1] - second[0]], data_offsets: second },
    });
  refuses(two([0, 4], [2, 6]), 6, /"b" from .*overlaps another tensor: begin is 2, expected 4/);
  refuses(two([0, 4], [0, 4]), 4, /"b" from .*overlaps/);
  refuses(two([0, 2], [3, 6]), 6, /"b" from .*leaves a hole before it: begin is 3, expected 2/);
  refuses(two([1, 2], [2, 6]), 6, /"a" from .*leaves a hole/);
  refuses(two([0, 2], [2, 5]), 6, /expected .* from its header/);
  deepStrictEqual([...parse(rawSafetensors(two([2, 6], [0, 2]), new Uint8Array(6))).tensors.keys()], ["a", "b"]);
});

const BASE = {
  __metadata__: { format: "pt" },
  "model.embed_tokens.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
  "model.norm.weight": { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
  bias: { dtype: "F16", shape: [1], data_offsets: [32, 34] },
};
const TEXT = JSON.stringify(BASE);

const integer = fc.oneof(
  fc.integer({ min: -2, max: 40 }),
  fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 53, -1, 1e300, 0.5),
);
const anyValue = fc.oneof(integer, fc.constantFrom("F32", "F64", "X", null, true), fc.array(integer), fc.jsonValue());
const entry = fc.constantFrom("model.embed_tokens.weight", "model.norm.weight", "bias");

/** A header text, near the good one. */
const headerText = fc.oneof(
  fc.tuple(entry, fc.constantFrom("dtype", "shape", "data_offsets", "other"), anyValue).map(([name, key, value]) =>
    JSON.stringify({ ...BASE, [name]: { ...BASE[name as "bias"], [key]: value } })
  ),
  fc.tuple(entry, anyValue).map(([name, value]) => JSON.stringify({ ...BASE, [name]: value })),
  fc.tuple(fc.string(), entry).map(([name, from]) => JSON.stringify({ ...BASE, [name]: BASE[from as "bias"] })),
  fc.tuple(fc.nat(TEXT.length - 1), fc.nat(8), fc.string({ maxLength: 6, unit: "binary" })).map(([at, cut, text]) =>
    TEXT.slice(0, at) + text + TEXT.slice(at + cut)
  ),
  fc.constant(TEXT),
);
const stated = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 400n }) },
);

Deno.test("parseSafetensorsHeader() gives a one-line UserError or tensors that fill the file, whatever is mutated", () => {
  let accepted = 0;
  const property = fc.property(headerText, fc.integer({ min: 30, max: 38 }), stated, (header, dataLength, length) => {
    const file = rawSafetensors(header, new Uint8Array(dataLength), length);
    const started = performance.now();
    try {
      const { tensors } = parse(file);
      accepted++;
      const bytes = Number(new DataView(file.buffer).getBigUint64(0, true));
      const json = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + bytes)));
      deepStrictEqual([...tensors.keys()], Object.keys(json).filter((name) => name !== "__metadata__"));
      let total = 0;
      for (const { dtype, shape, offset, byteLength } of tensors.values()) {
        strictEqual(shape.reduce((a, b) => a * b, 1) * BYTES[dtype]!, byteLength);
        ok(offset >= 8 + bytes && offset + byteLength <= file.length);
        total += byteLength;
      }
      strictEqual(8 + bytes + total, file.length);
    } catch (error) {
      ok(error instanceof UserError, String(error));
      ok(!/[\n\r]/.test(error.message), error.message);
      ok(error.message.includes("m.safetensors"), error.message);
    }
    ok(performance.now() - started < 10_000);
  });
  fc.assert(property, {
    seed: 1,
    numRuns: 2000,
    examples: [[TEXT, 34, undefined], [TEXT, 33, undefined], [TEXT + "  ", 34, undefined]],
  });
  ok(accepted >= 10, `only ${accepted} accepted`);
});

Deno.test("readSafetensorsHeader() gives a UserError or the tensors for a file with bytes changed or cut", async () => {
  await withFolder(async (dir) => {
    const path = join(dir, "m.safetensors");
    const whole = rawSafetensors(TEXT, new Uint8Array(34));
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.nat(20) });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, byte, cut }) => {
        const file = whole.slice(0, whole.length - (cut > 10 ? cut : 0));
        if (at < file.length) file[at] = byte;
        await Deno.writeFile(path, file);
        try {
          ok((await readHeader(path)).tensors.size >= 3);
        } catch (error) {
          ok(error instanceof UserError, String(error));
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
