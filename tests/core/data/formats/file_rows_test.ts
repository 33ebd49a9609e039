import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { countRows, readFileRows } from "../../../../core/data/formats/file_rows.ts";
import { JsonFloat } from "../../../../core/data/formats/json_numbers.ts";
import type { JsonRow } from "../../../../core/data/formats/json_rows.ts";
import { parquetPath, withFile, withFolder } from "../_fixtures.ts";

async function collect(rows: AsyncIterable<JsonRow>): Promise<JsonRow[]> {
  return await Array.fromAsync(rows);
}

/** Values of a file's rows, or `line problem`. */
function read(name: string, content: string | Uint8Array): Promise<unknown[]> {
  return withFile(name, content, async (path) => {
    const rows = await collect(readFileRows(path));
    deepEqual(rows.map(({ row }) => row), rows.map((_, i) => i));
    equal(await countRows(path), rows.length);
    return rows.map((row) => "value" in row ? row.value : `${row.where.split(":").at(-1)} ${row.problem}`);
  });
}

const CSV = 'a,b\n1,"x, ""y"""\n\n"l1\nl2",\n';
const ROWS = [{ a: "1", b: 'x, "y"' }, { a: "l1\nl2", b: null }];

Deno.test("readFileRows() reads CSV and TSV by name and by content, with BOM and CRLF or without", async () => {
  deepEqual(await read("rows.csv", CSV), ROWS);
  deepEqual(await read("rows.txt", CSV), ROWS);
  const [first] = ROWS;
  deepEqual(await read("rows.CSV", "\ufeff" + CSV.replaceAll("\n", "\r\n")), [first, { a: "l1\r\nl2", b: null }]);
  deepEqual(await read("rows.tsv", 'a\tb\n1\t"x, ""y"""\n"l1\nl2"\t'), ROWS);
  deepEqual(await read("rows", "a\tb\n1,5\t2"), [{ a: "1,5", b: "2" }]);
  deepEqual(await read("rows.csv", "a\n"), []);
});

Deno.test("readFileRows() names the line where a wrong row of a table begins, and reads the others", async () => {
  const text = 'a,b\n"1\n2",3\n4\n\n5,6"7\n8,"9"z\n10,11,12\n"12\n13"x,14\n"",""\n"15,16\n';
  for (const [end, lines] of [["\n", text], ["\r\n", text.replaceAll("\n", "\r\n")]] as const) {
    deepEqual(await read("rows.csv", lines), [
      { a: `1${end}2`, b: "3" },
      { a: "4", b: null },
      { a: "5", b: '6"7' },
      { a: "8", b: "9z" },
      "8 the row has 3 fields, expected at most 2 as the first line has",
      { a: `12${end}13x`, b: "14" },
      { a: null, b: null },
      "12 a quote is not closed",
    ]);
  }
});

/** Tables, and what pandas 3.0.6 reads: read_csv(text, sep=sep, dtype=str, keep_default_na=False, na_values=[""]). */
const TABLES: readonly (readonly [name: "a.csv" | "a.tsv", text: string, rows: readonly (string | null)[][]])[] = [
  ["a.csv", 'h1,h2\n5\'6"7,x\n"8"z,y\n"9""q",w\nx"y"z,v\n', [["5'6\"7", "x"], ["8z", "y"], ['9"q', "w"], [
    'x"y"z',
    "v",
  ]]],
  ["a.csv", 'h1,h2\n "x",1\n"x" ,2\n"a"b"c,3\n', [[' "x"', "1"], ["x ", "2"], ['ab"c', "3"]]],
  ["a.tsv", 'h1\th2\nsay "hi"\tx\n"hi" she said\ty\n', [['say "hi"', "x"], ["hi she said", "y"]]],
  ["a.csv", "h1,h2,h3\n1,2\n3\n4,5,6\n", [["1", "2", null], ["3", null, null], ["4", "5", "6"]]],
  ["a.csv", "h1,h2\r1,2\r3,4\r", [["1", "2"], ["3", "4"]]],
  ["a.csv", 'h1,h2\n"x\ry",2\nx\ry,2\n"a\r\n\r\nb",3\n', [["x\ry", "2"], ["x", null], ["y", "2"], ["a\r\n\r\nb", "3"]]],
  ["a.csv", "h1,h2\n\n1,2\n \t \n3,4\n", [["1", "2"], ["3", "4"]]],
];

Deno.test("readFileRows() reads quotes, short rows and line ends of tables as pandas does", async () => {
  for (const [name, text, rows] of TABLES) {
    deepEqual((await read(name, text)).map((row) => Object.values(row as object)), rows, text);
  }
  deepEqual(await read("a.csv", ",a,\n0,x,y\n"), [{ "Unnamed: 0": "0", a: "x", "Unnamed: 2": "y" }]);
});

Deno.test("readFileRows() unpacks gzip, of several members too, whatever the file is called", async () => {
  const lines = '{"a":1}\n{"a":2}\n';
  const packed = new Uint8Array([...gzipSync(lines), ...gzipSync(lines)]);
  const four = [{ a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }];
  deepEqual(await read("rows.jsonl.gz", packed), four);
  deepEqual(await read("rows.jsonl", packed), four);
  deepEqual(await read("rows", packed), four);
  deepEqual(await read("rows.csv.gz", gzipSync(CSV)), ROWS);
});

for (const name of ["none", "snappy", "zstd", "gzip", "v2"]) {
  Deno.test(`readFileRows() reads what pyarrow wrote: ${name}`, async () => {
    const path = parquetPath(name);
    const rows = await collect(readFileRows(path));
    equal(rows.length, 12);
    equal(await countRows(path), 12);
    for (const [i, row] of rows.entries()) {
      ok("value" in row);
      equal(row.where, `${path}, row ${i}`);
      deepEqual(row.value, {
        prompt: `question ${i} é`,
        prompt_id: "same",
        messages: [{ content: `question ${i} é`, role: "user" }, { content: `answer ${i}`, role: "assistant" }],
        reference: i,
        maybe: i % 3 === 0 ? null : `m${i}`,
        nothing: null,
        ids: [1, 2, i],
        score: i % 2 === 0 ? new JsonFloat(`${i / 2}.0`) : i / 2,
      });
    }
  });
}

Deno.test("readFileRows() reads the wanted rows and columns of Parquet, and no other bytes of it", () =>
  withFolder(async (dir) => {
    const path = `${dir}/rows.parquet`;
    const bytes = await Deno.readFile(parquetPath("snappy"));
    const read = async (wanted: { from: number; to: number; only?: Uint32Array }): Promise<unknown[]> => {
      const rows = await collect(readFileRows(path, { wanted, columns: ["reference", "other"] }));
      return rows.map((row) => "value" in row ? row.value : row.problem);
    };
    // The third row group begins where the second one's last column ends: break the first two.
    await Deno.writeFile(path, bytes);
    deepEqual(await read({ from: 4, to: 6 }), [{ reference: 4 }, { reference: 5 }]);
    const only = Uint32Array.from([1, 10, 11]);
    deepEqual(await read({ from: 1, to: 12, only }), [{ reference: 1 }, { reference: 10 }, { reference: 11 }]);
    await Deno.writeFile(path, bytes.fill(0xff, 4, 200));
    deepEqual(await read({ from: 10, to: 12 }), [{ reference: 10 }, { reference: 11 }]);
    await rejects(collect(readFileRows(path)), /^UserError: Cannot read \S+rows\.parquet: not valid Parquet \(.+\)$/);
    const all = await collect(readFileRows(parquetPath("none"), { columns: ["other"] }));
    equal(Object.keys((all[0] as { value: object }).value).length, 8);
  }));
