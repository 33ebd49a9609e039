/** Reads one row, for tests of what a row holds. @module */
import { columnsText, type DataRow } from "../../../core/data/parse_row.ts";
import { readRows, type ReadRowsOptions } from "../../../core/data/read_rows.ts";
import { withFile } from "./_fixtures.ts";

/** Reads one row of JSON; the shape comes as `owner: columns`. */
export function read(row: unknown, options: ReadRowsOptions = {}): Promise<{ row: DataRow; shape: string }> {
  return withFile("rows.jsonl", JSON.stringify(row), async (path) => {
    const { rows: [first], shapes: [shape] } = await readRows(path, options);
    return { row: first!, shape: `${shape!.owner}: ${columnsText(shape!)}` };
  });
}

/** What the row holds, without its place and the columns left over. */
export async function fields(row: unknown, options: ReadRowsOptions = {}): Promise<Record<string, unknown>> {
  const { row: { extra: _, where: __, row: ___, ...rest } } = await read(row, options);
  return rest;
}
