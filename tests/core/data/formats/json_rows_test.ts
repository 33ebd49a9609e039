import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { type JsonRow, readJsonRows } from "../../../../core/data/formats/json_rows.ts";
import { withFile } from "../_fixtures.ts";

async function collect(path: string, options: { maxLineBytes?: number } = {}): Promise<JsonRow[]> {
  return await Array.fromAsync(readJsonRows(path, options));
}

Deno.test("readJsonRows() refuses a line beyond the limit, and reads the next", async () => {
  const long = JSON.stringify("x".repeat(1_000_000));
  const rows = await withFile("a.jsonl", `1\n${long}\n3`, (path) => collect(path, { maxLineBytes: 1000 }));
  deepEqual(rows.map((row) => "value" in row ? row.value : row.problem), [1, "the line is longer than 1000 bytes", 3]);
});

Deno.test("readJsonRows() gives back what was written, as lines and as an array, whatever the spaces", async () => {
  const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 5 }), space, async (values, gap) => {
      const written = JSON.parse(JSON.stringify(values));
      const array = `${gap}[${gap}${
        values.map((value) => JSON.stringify(value, null, 1)).join(`${gap},${gap}`)
      }${gap}]`;
      const fromArray = await withFile("a.json", array + gap, (path) => collect(path));
      deepEqual(fromArray.map((row) => "value" in row ? row.value : row), written);
      deepEqual(fromArray.map(({ row }) => row), values.map((_, i) => i));
      // An object first, because a list in the first line would open an array.
      const lines = ["{}", ...values.map((value) => JSON.stringify(value))].join(`\r\n${gap}\n`);
      const fromLines = await withFile("a.jsonl", lines, (path) => collect(path));
      deepEqual(fromLines.slice(1).map((row) => "value" in row ? row.value : row), written);
    }),
    { numRuns: 100 },
  );
});
