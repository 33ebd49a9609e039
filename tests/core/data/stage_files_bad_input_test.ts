/** Data files that lie: Parquet, gzip and tables. */
import { equal, ok } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { readRows } from "../../../core/data/read_rows.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../_shared/refusal.ts";
import { parquetPath, withFile } from "./_fixtures.ts";

const GOOD = '{"prompt":"a","response":"b"}\n';
const plain = await Deno.readFile(parquetPath("none"));
const snappy = await Deno.readFile(parquetPath("snappy"));

/** A copy with bytes replaced; a negative place is counted from the end. */
function put(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at < 0 ? copy.length + at : at);
  return copy;
}

/** A Parquet file with this metadata. */
function withMetadata(...metadata: number[]): Uint8Array {
  const length = [metadata.length & 255, metadata.length >> 8, 0, 0];
  return new Uint8Array([
    ...new TextEncoder().encode("PAR1"),
    0,
    0,
    0,
    0,
    ...metadata,
    ...length,
    0x50,
    0x41,
    0x52,
    0x31,
  ]);
}

/** The bytes of a number as Thrift's compact protocol has it. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

/** Where the good file says that it has twelve rows: field 3 of the metadata, after the schema. */
const schemaEnd = plain.length - 8 - new DataView(plain.buffer).getUint32(plain.length - 8, true);
const rowsAt = plain.findIndex((byte, i) =>
  i > schemaEnd && byte === 0x16 && plain[i + 1] === 24 && plain[i + 2] === 0x19
);

/** A page's header: its type, sizes and number of values. */
const header = (unpacked: number, packed: number, values: number): number[] => [
  ...[0x15, 0, 0x15, ...varint(unpacked * 2), 0x15, ...varint(packed * 2), 0x2c, 0x15, ...varint(values * 2)],
  ...[0x15, 0, 0x15, 6, 0x15, 6, 0, 0],
];

const PARQUET: Case<Uint8Array>[] = [
  ["nothing", new Uint8Array(), /it has 0 bytes, expected PAR1 at its begin and end/],
  ["a begin alone", plain.slice(0, 100), /it does not end with PAR1 \(is it cut\?\)/],
  ["all but the last byte", plain.slice(0, -1), /it does not end with PAR1/],
  ["text", new TextEncoder().encode(GOOD.repeat(9)), /it does not end with PAR1/],
  [
    "metadata longer than the file",
    put(plain, -8, 0xff, 0xff, 0xff, 0x7f),
    /its metadata has 2147483647 bytes, expected at/,
  ],
  ["metadata of no bytes", put(plain, -8, 0, 0, 0, 0), /not valid Parquet \(.*bytes are missing/],
  [
    "a list of two thousand million",
    withMetadata(0x29, 0xfc, ...varint(2e9), 0),
    /a list of its metadata has 2000000000/,
  ],
  ["lists in lists", withMetadata(0x19, ...Array(500).fill(0x19), 0), /./],
  ["structs in structs", withMetadata(...Array(500).fill(0x1c), 0), /nests deeper than 32 levels/],
  ["a number without end", withMetadata(0x16, ...Array(300).fill(0xff), 0), /a number of its metadata has no end/],
  [
    "more rows than bytes could hold",
    rewriteRows(varint(4e12)),
    /its number of rows is 2000000000000, expected 0 to \d+ in/,
  ],
  ["a negative number of rows", rewriteRows(varint(23)), /its number of rows is -12, expected 0 to/],
  ["other rows than its row groups", rewriteRows(varint(26)), /its row groups have 12 rows, expected 13 as it says/],
  [
    "a page that unpacks to a gigabyte",
    put(snappy, 4, ...header(1 << 30, 40, 5)),
    /a page of 40 bytes unpacks to 1073741824/,
  ],
  [
    "a page beyond the chunk",
    put(plain, 4, ...header(1 << 24, 1 << 24, 5)),
    /a page has 16777216 bytes, expected at most/,
  ],
  [
    "a page with too many values",
    put(plain, 4, ...header(90, 90, 1e9)),
    /a page has 1000000000 values, expected at most 5/,
  ],
  ["zeros for pages", plain.slice().fill(0, 4, 1500), /not valid Parquet/],
];

function rewriteRows(value: number[]): Uint8Array {
  ok(rowsAt > 0);
  const [before, after] = [plain.slice(0, rowsAt + 1), plain.slice(rowsAt + 2, -8)];
  const length = after.length + before.length + value.length - schemaEnd;
  return new Uint8Array([...before, ...value, ...after, length & 255, length >> 8, 0, 0, ...plain.slice(-4)]);
}

Deno.test("readRows() names what a Parquet file claims and does not have, within memory", async () => {
  const before = Deno.memoryUsage().rss;
  await refuseAll(PARQUET, (bytes) => withFile("rows.parquet", bytes, (path) => readRows(path)));
  await refuseAll(
    PARQUET.map((
      [what, bytes],
    ): Case<Uint8Array> => [what, bytes, /^Cannot read \S+rows\.parquet: not valid Parquet \(/]),
    (bytes) => withFile("rows.parquet", bytes, (path) => readRows(path, { onBadRow: "skip" })),
  );
  ok(Deno.memoryUsage().rss - before < 200 << 20);
});

Deno.test("readRows() reads or refuses Parquet with anything changed", async () => {
  const files = await Promise.all(
    ["none", "snappy", "zstd", "gzip", "v2"].map((name) => Deno.readFile(parquetPath(name))),
  );
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.constantFrom(0, 1, 127, 128, 255, 16),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (file, changes, inMetadata) => {
        const bytes = file.slice();
        const from = inMetadata ? bytes.length - 2500 : 0;
        for (const { at, byte } of changes) bytes[from + Math.floor(at * (bytes.length - 1 - from))] = byte;
        await withFile("rows.parquet", bytes, (path) => passesOrRefuses(() => readRows(path, { onBadRow: "skip" })));
      },
    ),
    { numRuns: 60 },
  );
});

const bomb = gzipSync(new Uint8Array(100 << 20).fill(0x20));
const packed = gzipSync(GOOD.repeat(1000));
const GZIP: Case<Uint8Array>[] = [
  ["a bomb", bomb, /its \d+ bytes of gzip unpack to more than \d+, expected text/],
  ["a cut file", packed.subarray(0, 60), /rows\.jsonl\.gz: not valid gzip: /],
  ["text after it", new Uint8Array([...packed, ...new TextEncoder().encode("more text")]), /not valid gzip: /],
  ["a wrong sum", put(packed, -6, 1, 2), /not valid gzip: /],
  ["a bad row", gzipSync(GOOD + "{}\n"), /rows\.jsonl\.gz:2: the row has no keys/],
];

Deno.test("readRows() stops at gzip that is broken, or unpacks without end", () =>
  refuseAll(GZIP, (bytes) => withFile("rows.jsonl.gz", bytes, (path) => readRows(path))));

const TABLES: Case<string | Uint8Array>[] = [
  ["an open quote", 'prompt,response\na,b\n"a,b\na,b\n', /rows\.csv:3: a quote is not closed/],
  [
    "too few fields",
    "prompt,response\na\n",
    /rows\.csv:2: the row has the keys "prompt", "response" \(null\), expected/,
  ],
  ["too many fields", "prompt,response\na,b,c\n", /rows\.csv:2: the row has 3 fields, expected at most 2/],
  [
    "an empty cell",
    "prompt,response\na,\n",
    /rows\.csv:2: the row has the keys "prompt", "response" \(null\), expected one of/,
  ],
  ["two columns of a name", "prompt,prompt\na,b\n", /rows\.csv:1: two columns have the name "prompt"/],
  ["a header alone", "prompt,response\n", /rows\.csv: it holds no rows/],
  ["nothing", "", /rows\.csv: it holds no rows/],
  ["semicolons", "prompt;response\na;b\n", /rows\.csv:2: the row has the keys "prompt;response", expected one of/],
  [
    "bad UTF-8",
    new Uint8Array([...new TextEncoder().encode("prompt,response\na,b\nc,"), 0xff]),
    /rows\.csv:3: the line is not valid UTF-8/,
  ],
  [
    "an open quote before 40 MB",
    `prompt,response\n"a,${`${"b".repeat(1 << 20)}\n`.repeat(20)}`,
    /rows\.csv:\d+: the row has more than 16777216 characters/,
  ],
  ["zero bytes", "\0".repeat(1 << 20), /rows\.csv: it holds no rows/],
  [
    "ten million commas",
    "prompt,response\n" + ",".repeat(1 << 20),
    /rows\.csv:2: the row has 1048577 fields, expected at most 2/,
  ],
];

Deno.test("readRows() names the line of what is wrong with a table", () =>
  refuseAll(
    TABLES,
    (text) =>
      withFile("rows.csv", typeof text === "string" ? new TextEncoder().encode(text) : text, (path) => readRows(path)),
  ));

Deno.test("readRows() with on_bad_row skip counts a table's wrong rows, and reads the others", () =>
  withFile("rows.csv", 'prompt,response\na,b\nc\nd,e,f\ng,h\n"i,j\n', async (path) => {
    const { rows, skipped } = await readRows(path, { onBadRow: "skip" });
    equal(rows.map(({ row }) => row).join(), "0,3");
    equal(skipped.map(({ where }) => where.split(":").at(-1)).join(), "3,4,6");
  }));

const SHAPES: Case<unknown>[] = [
  ...[null, "a", [], {}, [null], ["a"], [{}], [{ from: "human" }], [{ from: "robot", value: "a" }], [{
    from: "gpt",
    value: 1,
  }]]
    .map((
      value,
    ): Case<unknown> => [`conversations ${JSON.stringify(value)}`, { conversations: value }, /:1: .*conversations/]),
  ["a conversation that ends with the user", {
    conversations: [{ from: "gpt", value: "a" }, { from: "human", value: "b" }],
  }, /:1: the last of "conversations" has the role "user"/],
  ...[1, {}, [1], ["a"]].flatMap((value): Case<unknown>[] => [
    [`an answer ${JSON.stringify(value)}`, { question: "q", answer: value }, /:1: "answer" is/],
    [`a completion ${JSON.stringify(value)}`, { prompt: "p", completion: value }, /:1: "completion" is/],
    [`real ${JSON.stringify(value)}`, { real: value, generated: "a" }, /:1: "?(real|generated)/],
  ]),
  ["a system turn that is a number", {
    messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }],
    system: "",
    x: 1,
    prompt: 1,
    completion: 2,
  }, /:1: the row fits both/],
];

Deno.test("readRows() names key and place of a wrong shape", () =>
  refuseAll(SHAPES, (row) => withFile("rows.jsonl", JSON.stringify(row), (path) => readRows(path))));
