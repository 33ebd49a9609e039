import { equal, rejects } from "node:assert/strict";
import { readRows, type ReadRowsOptions } from "../../../core/data/read_rows.ts";
import { withFile } from "./_fixtures.ts";
import { read } from "./_read_row.ts";

const user = { role: "user", content: "2+2?" };
const four = { role: "assistant", content: "4" };

Deno.test("readRows() refuses a source whose answers are all empty", async () => {
  const fails = (rows: unknown[], message: RegExp, options: ReadRowsOptions = {}): Promise<void> =>
    withFile(
      "rows.jsonl",
      rows.map((row) => JSON.stringify(row)).join("\n"),
      (path) => rejects(readRows(path, options), { name: "UserError", message }),
    );
  const blank = { prompt: "a", response: " \n" };
  const why = /^Cannot use \S+rows\.jsonl: "response" is empty in all 2 rows, expected answers \(data\.columns/;
  await fails([blank, { prompt: "b", response: "" }], why);
  await fails([blank, blank, blank], why, { limit: 2 });
  await fails([{ messages: [user, { ...four, content: [] }] }], /"response" is empty in all 1 rows/);
  await fails([{ prompt: "a", chosen: "", rejected: "b" }], /"chosen" is empty in all 1 rows/);
  // A model may have generated nothing but empty answers.
  equal((await read({ prompt: "a", chosen: "b", rejected: "" })).row.kind, "text_pair");
  // One answer of several may be empty, and one row tells nothing of the others.
  await withFile(
    "rows.jsonl",
    [blank, { prompt: "b", response: "c" }].map((row) => JSON.stringify(row)).join("\n"),
    async (path) => {
      equal((await readRows(path)).rows.length, 2);
      equal((await readRows(path, { limit: 1 })).rows.length, 1);
    },
  );
  const call = { role: "assistant", content: "", tool_calls: [{ function: {} }] };
  equal((await read({ messages: [user, call] })).row.kind, "chat");
});
