import { deepEqual, equal, throws } from "node:assert/strict";
import { checkUniformStruct, uniformBytes, writeUniforms } from "../../../kernels/device/uniform.ts";

const fields = { count: "u32", list: "array<vec4u, 2>", shift: "i32", scale: "f32" } as const;

Deno.test("writeUniforms() writes scalars in turn and a list at a multiple of 16 bytes, filled up with zeros", () => {
  equal(uniformBytes({ a: "u32" }), 16);
  equal(uniformBytes(fields), 64);
  const view = new DataView(new ArrayBuffer(96));
  for (let at = 0; at < 96; at += 4) view.setUint32(at, 99, true);
  writeUniforms(view, 16, { fields, values: { count: 7, list: [1, 2, 3, 4, 5], shift: -1, scale: 0.5 }, name: "x" });
  const words = Array.from({ length: 24 }, (_, i) => view.getUint32(4 * i, true));
  deepEqual(words.slice(4, 18), [7, 99, 99, 99, 1, 2, 3, 4, 5, 0, 0, 0, 0xffffffff, 0x3f000000]);
  deepEqual([...words.slice(0, 4), ...words.slice(18)], Array<number>(10).fill(99));
});

Deno.test("writeUniforms() refuses what does not fit", () => {
  const view = new DataView(new ArrayBuffer(64));
  const write = (change: Partial<Record<keyof typeof fields, unknown>>) => () =>
    writeUniforms(view, 0, {
      fields,
      values: { ...{ count: 0, list: [], shift: 0, scale: 0 }, ...change } as never,
      name: "x",
    });
  throws(write({ count: -1 }), /^RangeError: Cannot dispatch "x": uniform "count" is -1, expected an unsigned/);
  throws(write({ shift: 2 ** 31 }), /uniform "shift" is 2147483648, expected a 32-bit integer/);
  throws(write({ list: [0.5] }), /uniform "list" is 0\.5, expected an unsigned/);
  throws(write({ list: Array(9).fill(0) }), /uniform "list" has 9 numbers, expected at most 8/);
});

Deno.test("checkUniformStruct() reads lists and comments", () => {
  const code =
    "struct Params {\n  count: u32, // of rows, all\n  list: array<vec4u, 2>,\n  shift: i32,\n  scale: f32,\n}";
  checkUniformStruct("x", { code, fields });
  throws(() => checkUniformStruct("x", { code, fields: { ...fields, list: "array<vec4u, 3>" } }), {
    name: "TypeError",
    message: 'Cannot define "x": struct Params is {count: u32, list: array<vec4u, 2>, shift: i32, scale: f32}, ' +
      "expected {count: u32, list: array<vec4u, 3>, shift: i32, scale: f32}",
  });
});
