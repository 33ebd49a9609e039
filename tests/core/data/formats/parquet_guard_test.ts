import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { parquetWriteBuffer } from "hyparquet-writer";
import { ByteReader } from "../../../../core/data/formats/byte_reader.ts";
import { jsonText } from "../../../../core/data/formats/json_numbers.ts";
import { readParquetRows } from "../../../../core/data/formats/parquet_rows.ts";
import { checkDeltas, checkRuns } from "../../../../core/data/formats/parquet_runs.ts";
import { checkThrift } from "../../../../core/data/formats/parquet_thrift.ts";
import { UserError } from "../../../../core/error.ts";
import { withFile } from "../_fixtures.ts";

const ROWS = 300;
const index = Array.from({ length: ROWS }, (_, i) => i);

/** Columns of every encoding that the writer knows, with nulls. */
const COLUMNS = [
  { name: "plain", data: index.map((i) => i % 7 === 0 ? null : `text ${i}`), type: "STRING", encoding: "PLAIN" },
  { name: "same", data: index.map((i) => `text ${i % 3}`), type: "STRING" },
  { name: "flag", data: index.map((i) => i % 5 === 0 ? null : i % 60 < 30), type: "BOOLEAN", encoding: "RLE" },
  {
    name: "small",
    data: index.map((i) => i % 9 === 0 ? null : i * i - 50),
    type: "INT32",
    encoding: "DELTA_BINARY_PACKED",
  },
  { name: "large", data: index.map((i) => BigInt(i) ** 7n), type: "INT64", encoding: "DELTA_BINARY_PACKED" },
  { name: "long", data: index.map((i) => `x${i}`), type: "STRING", encoding: "DELTA_LENGTH_BYTE_ARRAY" },
  { name: "shared", data: index.map((i) => `the same ${i}`), type: "STRING", encoding: "DELTA_BYTE_ARRAY" },
  { name: "split", data: index.map((i) => i / 2), type: "DOUBLE", encoding: "BYTE_STREAM_SPLIT" },
] as const;

function encode(codec: "UNCOMPRESSED" | "SNAPPY"): Uint8Array {
  const columnData = COLUMNS.map((column) => ({ ...column, data: [...column.data] }));
  return new Uint8Array(parquetWriteBuffer({ columnData, codec, rowGroupSize: 100 }));
}

function read(bytes: Uint8Array): Promise<string[]> {
  return withFile("rows.parquet", bytes, async (path) => {
    const rows = await Array.fromAsync(readParquetRows(path));
    return rows.map((row) => "value" in row ? jsonText(row.value) : row.problem);
  });
}

Deno.test("readParquetRows() reads every encoding, with whole floats and large integers as they are", async () => {
  for (const codec of ["UNCOMPRESSED", "SNAPPY"] as const) {
    const rows = await read(encode(codec));
    deepEqual(
      rows,
      index.map((i) => {
        const fields = COLUMNS.map(({ name, data }) => {
          const value = data[i]!;
          const text = name === "split" && Number.isInteger(value) ? `${value}.0` : jsonText(value);
          return `"${name}":${text}`;
        });
        return `{${fields.join(",")}}`;
      }),
    );
  }
  ok((await read(encode("SNAPPY")))[299]!.includes(String(299n ** 7n)));
});

const refusal = (message: RegExp) => (error: unknown) => error instanceof UserError && message.test(error.message);

Deno.test("checkRuns() refuses what the package would read otherwise, or for ever", () => {
  const runs = (bytes: number[], count: number, width = 1) =>
    checkRuns(Uint8Array.from(bytes), { width, count, isComplete: true });
  // 2^32 + 2 is 2 in 32 bits: a run of 1 value.
  throws(
    () => runs([0x82, 0x80, 0x80, 0x80, 0x10, 1], 1),
    refusal(/^a page has the number 4294967298, expected at most/),
  );
  throws(
    () => runs([0xff, 0xff, 0xff, 0x0f, 1], 8, 0),
    refusal(/^a run has 16777215 groups of 8 values, expected at most 65 for 8/),
  );
  throws(() => runs([0x14, 1], 9), refusal(/^a run has 10 values, expected at most the page's 9/));
  throws(() => runs([0x10, 1], 9), refusal(/^a page has levels of 8 values, expected 9/));
  throws(() => runs([], 1), refusal(/^a page has levels of 0 values, expected 1/));
  throws(() => runs([3, 1], 8, 33), refusal(/^a page's values have 33 bits, expected at most 32/));
  // Six ones, then packed 1 0 1 1 0 0 0 0, of which three count: two are ones.
  equal(checkRuns(Uint8Array.from([12, 1, 3, 0b1101]), { width: 1, count: 9, isComplete: true }, 1), 8);
});

Deno.test("checkDeltas() gives what is stored, and refuses blocks of nothing", () => {
  const seen: number[] = [];
  // 128 values in 4 parts, 5 values, the first 7; least difference -2, then 2 bits each: 0 1 2 3.
  const bytes = [0x80, 1, 4, 5, 14, 3, 2, 0, 0, 0, 0b11100100, 0, 0, 0, 0, 0, 0, 0];
  checkDeltas(new ByteReader(Uint8Array.from(bytes)), 5, (value) => seen.push(value));
  deepEqual(seen, [7, 5, 4, 4, 5]);
  const check = (bytes: number[], count = 300) => () => checkDeltas(new ByteReader(Uint8Array.from(bytes)), count);
  throws(check([0, 4, 5, 14, 3, 0, 0, 0, 0]), refusal(/^a page's blocks have 0 values in 4 parts, expected 128 in 4/));
  throws(check([0x80, 1, 0, 5, 14]), refusal(/^a page's blocks have 128 values in 0 parts/));
  throws(check([0x80, 1, 3, 5, 14]), refusal(/^a page's blocks have 128 values in 3 parts/));
  throws(check([0x80, 0x80, 0x80, 0x80, 8, 4, 5, 14]), refusal(/^a page has the number 2147483648/));
  throws(check([0x80, 1, 4, 5, 14, 3, 65, 0, 0, 0]), refusal(/^a page's differences have 65 bits/));
  throws(check([0x80, 1, 4, 5, 14, 3, 8, 0, 0, 0, 1, 2]), refusal(/^a page ends within a block/));
});

Deno.test("checkThrift() refuses a field that occurs twice, or whose number is cut to 32 bits", () => {
  throws(() => checkThrift(Uint8Array.from([0x15, 2, 0x05, 2, 4, 0])), refusal(/has the field 1 where it cannot be/));
  throws(
    () => checkThrift(Uint8Array.from([0x05, 0x82, 0x80, 0x80, 0x80, 0x20, 4, 0])),
    refusal(/the field 4294967297/),
  );
});

/** A generator of numbers below `below`, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

Deno.test("readParquetRows() reads or refuses changed files of every encoding, each at once", async () => {
  const files = [encode("UNCOMPRESSED"), encode("SNAPPY")];
  const next = numbers(12);
  let refused = 0;
  for (let i = 0; i < 400; i++) {
    const bytes = files[i % 2]!.slice();
    for (let change = next(4); change >= 0; change--) {
      const at = 4 + next(bytes.length - 12);
      if (next(3) > 0) bytes[at] = [0, 0x7f, 0x80, 0xff][next(4)]!;
      else if (next(2) > 0) bytes[at]! ^= 1 << next(8);
      else bytes.copyWithin(at, 4 + next(bytes.length - 12), bytes.length - 8);
    }
    const start = performance.now();
    await read(bytes).catch((error) => {
      ok(error instanceof UserError, String(error));
      refused++;
    });
    const took = performance.now() - start;
    ok(took < 5000, `file ${i} took ${took} ms`);
  }
  ok(refused > 100 && refused < 400, `${refused} refused`);
});
