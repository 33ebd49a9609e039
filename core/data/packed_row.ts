/** Encoded rows as they are kept and sent between threads: ids as 32-bit integers. @module */
import type { EncodedRow } from "./encode_row.ts";
import type { DataRow } from "./parse_row.ts";

/** An encoded row with its ids in typed arrays. */
export type PackedRow = Omit<EncodedRow, "promptIds" | "answers"> & {
  promptIds: Int32Array;
  answers: (Omit<EncodedRow["answers"][number], "ids"> & { ids: Int32Array })[];
};

/** What a row's ids depend on besides tokenizer and options. */
export type RowContent = Omit<DataRow, "row" | "where" | "reference" | "extra">;

/** The part of a row that is encoded. */
export function contentOf({ row: _, where: __, reference: ___, extra: ____, ...content }: DataRow): RowContent {
  return content;
}

/** Packs the ids of a row. */
export function packRow(row: EncodedRow): PackedRow {
  return {
    ...row,
    promptIds: Int32Array.from(row.promptIds),
    answers: row.answers.map((answer) => ({ ...answer, ids: Int32Array.from(answer.ids) })),
  };
}

/** The row that was packed, in lists of its own. */
export function unpackRow(row: PackedRow): EncodedRow {
  return {
    ...row,
    promptIds: listOf(row.promptIds),
    answers: row.answers.map((answer) => ({ ...answer, ids: listOf(answer.ids) })),
  };
}

/** As `Array.from`, which goes through an iterator and takes ten times as long. */
function listOf(ids: Int32Array): number[] {
  const list = new Array<number>(ids.length);
  for (let i = 0; i < ids.length; i++) list[i] = ids[i]!;
  return list;
}

/** The memory in bytes that a packed row takes at most besides its content, which has the texts of answers too. */
export function packedBytes({ prompt, promptIds, conversational, answers }: PackedRow): number {
  let bytes = (conversational ? 2 * prompt.length : 0) + promptIds.byteLength;
  for (const { ids, lossMask } of answers) bytes += ids.byteLength + 8 * (lossMask?.length ?? 0);
  return bytes;
}

/**
 * The characters in a value of JSON, and one for each part of it; null if it has an object of a class, of which neither
 * a copy in another thread nor a comparison would be right.
 */
export function jsonSize(value: unknown): number | null {
  if (typeof value === "string") return value.length + 1;
  if (typeof value !== "object" || value === null) return 1;
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return null;
  let sum = 1;
  for (const key of Object.keys(value)) {
    const size = jsonSize((value as Record<string, unknown>)[key]);
    if (size === null) return null;
    sum += size + (Array.isArray(value) ? 0 : key.length);
  }
  return sum;
}

/** Whether two values of JSON are the same, to the order of keys and the sign of zero, which a template can print. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [keysA, keysB] = [Object.keys(a), Object.keys(b)];
  return keysA.length === keysB.length &&
    keysA.every((key, i) =>
      key === keysB[i] && sameJson((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key])
    );
}
