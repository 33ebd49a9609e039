/** The documents of a task: rows as `datasets` gives them to lm-eval, and how many of them are evaluated. @module */
import { UserError } from "../error.ts";
import { errorLine } from "../data/formats/data_problems.ts";
import { JsonFloat, type JsonValue } from "../data/formats/json_numbers.ts";
import { checkOrder } from "../data/formats/row_fields.ts";
import { isRecord } from "../values.ts";
import { isFloat } from "./doc_fields.ts";
import type { Doc, TaskConfig } from "./task_config.ts";

/**
 * The documents of rows of one split: with the task's `process_docs`, and all with the same columns in the same order.
 * `places` are what the rows are called. Throws a UserError that names a row which it cannot read.
 */
export function documentsOf(config: TaskConfig, rows: readonly Doc[], places: readonly string[] = []): Doc[] {
  const { process_docs: process, check_docs: check = (doc: Doc) => doc, task } = config;
  const docs = alignObjects(rows) as Doc[];
  return docs.map((doc, i) => {
    try {
      checkOrder(doc, "row");
      return check(process?.apply(doc) ?? doc);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`Cannot use ${places[i] ?? `row ${i}`} for the task ${task}: ${errorLine(error)}`);
    }
  });
}

/** How many of `count` documents a limit takes: a number, or a share below 1 of them. Throws a UserError. */
export function limitOf(limit: number | undefined, count: number): number {
  if (limit === undefined) return count;
  if (!(limit > 0 && (limit < 1 || Number.isSafeInteger(limit)))) {
    throw new UserError(`Cannot limit the documents to ${limit}: expected a number of documents, or a share below 1`);
  }
  return Math.min(count, limit < 1 ? Math.ceil(count * limit) : limit);
}

/**
 * Values of one column as `datasets` 5 holds them: whole numbers beside floats are floats, objects of the same keys have
 * them in one order. Values of several types, objects of other keys among them, stay as they are.
 */
function alignValues(values: readonly JsonValue[]): readonly JsonValue[] {
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.length > 0 && present.every(isRecord)) {
    const keysOf = (object: object): string => JSON.stringify(Object.keys(object).sort());
    const keys = keysOf(present[0] as object);
    return present.every((object) => keysOf(object as object) === keys)
      ? alignObjects(values as readonly (Doc | null)[])
      : values;
  }
  if (present.length > 0 && present.every(Array.isArray)) return alignLists(values as readonly (JsonValue[] | null)[]);
  const isNumber = (value: JsonValue): boolean => typeof value === "number" || value instanceof JsonFloat;
  if (present.some(isFloat) && present.every(isNumber) && !present.every(isFloat)) {
    return values.map((value) =>
      typeof value === "number" && Number.isInteger(value) ? new JsonFloat(`${value}.0`) : value
    );
  }
  return values;
}

/** Objects that all have the keys of any of them, null where they had none. */
function alignObjects(objects: readonly (Doc | null)[]): readonly JsonValue[] {
  const keys = [...new Set(objects.flatMap((object) => Object.keys(object ?? {})))];
  const columns = keys.map((key) => {
    const before = objects.map((object) => object?.[key] ?? null);
    return { key, before, after: alignValues(before) };
  });
  const isSame = columns.every(({ before, after }) => before === after) &&
    objects.every((object) => object === null || Object.keys(object).join("\n") === keys.join("\n"));
  if (isSame) return objects;
  return objects.map((object, i) =>
    object === null ? null : Object.fromEntries(columns.map(({ key, after }) => [key, after[i]!]))
  );
}

function alignLists(lists: readonly (JsonValue[] | null)[]): readonly JsonValue[] {
  const before = lists.flatMap((list) => list ?? []);
  const after = alignValues(before);
  if (before === after) return lists;
  let at = 0;
  return lists.map((list) => list === null ? null : after.slice(at, at += list.length) as JsonValue[]);
}
