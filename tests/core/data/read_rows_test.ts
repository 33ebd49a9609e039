import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { DataRow } from "../../../core/data/parse_row.ts";
import { readRows, type ReadRowsOptions } from "../../../core/data/read_rows.ts";
import { UserError } from "../../../core/error.ts";
import { withFile } from "./_fixtures.ts";

type Read = Awaited<ReturnType<typeof readRows>>;

/** Reads rows from a file rows.jsonl; `where` and messages come back without its folder. */
function read(content: string | Uint8Array, options: ReadRowsOptions = {}): Promise<Read> {
  return withFile("rows.jsonl", content, async (path) => {
    const folder = path.slice(0, -"rows.jsonl".length);
    try {
      const { rows, skipped, shapes, unread } = await readRows(path, options);
      const here = <T extends { where: string }>(row: T): T => ({ ...row, where: row.where.replace(folder, "") });
      return { rows: rows.map(here), skipped: skipped.map(here), shapes, unread };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.message.replaceAll(folder, ""));
    }
  });
}

async function readOne(row: unknown, options: ReadRowsOptions = {}): Promise<DataRow> {
  return (await read(JSON.stringify(row), options)).rows[0]!;
}

/** Expects a UserError with just this message. */
function fails(promise: Promise<unknown>, message: string): Promise<void> {
  return rejects(promise, { name: "UserError", message });
}

const place = { row: 0, where: "rows.jsonl:1" };
const user = { role: "user", content: "2+2?" };
const four = { role: "assistant", content: "4" };
const five = { role: "assistant", content: "5" };

Deno.test("readRows() reads text, and keeps reference and the columns that it does not use", async () => {
  deepEqual(await readOne({ prompt: "a", response: "b", reference: [1], id: "x", source: null }), {
    kind: "text",
    prompt: "a",
    response: "b",
    reference: [1],
    extra: { id: "x", source: null },
    ...place,
  });
  deepEqual(await readOne({ prompt: "a", chosen: "b", rejected: "c" }), {
    kind: "text_pair",
    prompt: "a",
    chosen: "b",
    rejected: "c",
    extra: {},
    ...place,
  });
});

Deno.test("readRows() takes the last turn of messages as the answer, and a prompt column beside them as extra", async () => {
  deepEqual(await readOne({ prompt: "2+2?", messages: [user, four, user, { ...five, name: "m" }] }), {
    kind: "chat",
    prompt: [user, four, user],
    response: [{ ...five, name: "m" }],
    extra: { prompt: "2+2?" },
    ...place,
  });
  await fails(
    read(JSON.stringify({ messages: [user, four, user] })),
    'Cannot read rows.jsonl:1: the last of "messages" has the role "user", expected "assistant"',
  );
  await fails(
    read(JSON.stringify({ messages: [user, { role: "assistant", content: null }] })),
    'Cannot read rows.jsonl:1: "messages[1].content" is null, expected a string, or "tool_calls" beside it',
  );
});

Deno.test("readRows() reads conversational prompts, explicit and implicit", async () => {
  const pair = { kind: "chat_pair", prompt: [user], chosen: [four], rejected: [five], extra: {}, ...place };
  deepEqual(await readOne({ prompt: [user], chosen: [four], rejected: [five] }), pair);
  deepEqual(await readOne({ chosen: [user, four], rejected: [user, five] }), pair);
  deepEqual(await readOne({ prompt: "2+2?", chosen: [user, four], rejected: [user, five] }), {
    ...pair,
    extra: { prompt: "2+2?" },
  });
  deepEqual(await readOne({ prompt: [user], response: [four] }), {
    kind: "chat",
    prompt: [user],
    response: [four],
    extra: {},
    ...place,
  });
  // As in TRL, the last turn is no prompt even where both are the same.
  deepEqual((await readOne({ chosen: [user, four], rejected: [user, four] })) as unknown, {
    ...pair,
    rejected: [four],
  });
  await fails(
    read(JSON.stringify({ chosen: [four], rejected: [five] })),
    'Cannot read rows.jsonl:1: "chosen" and "rejected" have no first turn in common, expected it, or "prompt" as messages',
  );
});

Deno.test("readRows() joins instruction and input, or fills the template", async () => {
  const prompt = async (row: object, template?: string): Promise<unknown> => {
    const read = await readOne({ output: "o", ...row }, template === undefined ? {} : { template });
    return read.kind === "text" ? read.prompt : read.kind;
  };
  equal(await prompt({ instruction: "i" }), "i");
  equal(await prompt({ instruction: "i", input: " \n" }), "i");
  equal(await prompt({ instruction: "i", input: "<noinput>" }), "i\n\n<noinput>");
  equal(await prompt({ instruction: "i", input: "n" }), "i\n\nn");
  equal(
    await prompt({ instruction: "{input} $&", input: "n" }, "### {instruction}|{input}|{other}:"),
    "### {input} $&|n|{other}:",
  );
  await fails(
    read("{}", { template: "{prompt}" }),
    'Cannot use the data template "{prompt}": it has no {instruction}',
  );
});

Deno.test("readRows() prefers token ids, and checks them", async () => {
  deepEqual(await readOne({ prompt: "a", prompt_ids: [1, 2], response_ids: [3] }), {
    kind: "ids",
    promptIds: [1, 2],
    responseIds: [3],
    extra: { prompt: "a" },
    ...place,
  });
  deepEqual(await readOne({ prompt_ids: [1], chosen_ids: [2], rejected_ids: [3] }), {
    kind: "ids_pair",
    promptIds: [1],
    chosenIds: [2],
    rejectedIds: [3],
    extra: {},
    ...place,
  });
  for (
    const [ids, message] of [
      [[1, -1], '"prompt_ids[1]" is -1, expected a token id'],
      [[1.5], '"prompt_ids[0]" is 1.5, expected a token id'],
      [[1, "2"], '"prompt_ids[1]" is the string "2", expected a token id'],
      [[], '"prompt_ids" is an empty list, expected a list of token ids'],
      ["1", '"prompt_ids" is the string "1", expected a list of token ids'],
    ] as const
  ) {
    await fails(
      read(JSON.stringify({ prompt_ids: ids, response_ids: [1] })),
      `Cannot read rows.jsonl:1: ${message}`,
    );
  }
});

Deno.test("readRows() names the line of a malformed row", async () => {
  const good = '{"prompt":"a","response":"b"}\n';
  await fails(
    read(`${good}\n{"prompt":"a","answer":"b","response":null}`),
    'Cannot read rows.jsonl:3: the row has the keys "prompt", "answer", "response" (null), expected one of ' +
      "{text}, {prompt, response}, {prompt, completion}, {messages}, {conversations}, {instruction, output, input?}, " +
      "{question, answer}, {chosen, rejected, prompt?}, {chosen_messages, rejected_messages, prompt?}, {real, generated}, {instruction, chosen, rejected, input?}, {question, chosen, rejected}, {conversations, chosen, rejected}, {prompt_ids, response_ids}, " +
      "{prompt_ids, chosen_ids, rejected_ids}, or data.columns to name them",
  );
  await fails(
    read(`${good}{"prompt":1,"response":"b"}`),
    'Cannot read rows.jsonl:2: "prompt" is 1, expected a string',
  );
  await rejects(read(`${good}{"prompt":`), /^UserError: Cannot read rows\.jsonl:2: not valid JSON \(.+\)$/);
  await fails(read(`${good}"x"`), 'Cannot read rows.jsonl:2: the row is the string "x", expected an object');
  await fails(read(`${good}null`), "Cannot read rows.jsonl:2: the row is null, expected an object");
});

Deno.test("readRows() counts rows, not lines, and copes with BOM, CRLF and blank lines", async () => {
  const { rows } = await read(
    '\ufeff\r\n{"prompt":"a","response":"b\u2028"}\r\n \r\n\n{"prompt":"\ufeffc","response":"d"}',
  );
  deepEqual(rows.map(({ row, where }) => [row, where]), [[0, "rows.jsonl:2"], [1, "rows.jsonl:5"]]);
  deepEqual(rows.map((row) => row.kind === "text" && row.prompt), ["a", "\ufeffc"]);
});

Deno.test("readRows() names the line that is not UTF-8", async () => {
  const encoder = new TextEncoder();
  const bytes = [...encoder.encode('{"prompt":"a","response":"b"}\n{"prompt":"'), 0xff, ...encoder.encode('"}\n')];
  await fails(read(new Uint8Array(bytes)), "Cannot read rows.jsonl:2: the line is not valid UTF-8");
  const { rows, skipped } = await read(new Uint8Array(bytes), { onBadRow: "skip" });
  equal(rows.length, 1);
  deepEqual(skipped, [{ where: "rows.jsonl:2", reason: "the line is not valid UTF-8" }]);
});

Deno.test("readRows() skips and counts malformed rows where asked, without renumbering the others", async () => {
  const text = '{"prompt":"a","response":"b"}\n{"prompt":\n{}\n{"prompt":"c","response":"d"}\n';
  const { rows, skipped } = await read(text, { onBadRow: "skip" });
  deepEqual(rows.map(({ row }) => row), [0, 3]);
  deepEqual(skipped.map(({ where }) => where), ["rows.jsonl:2", "rows.jsonl:3"]);
  ok(skipped[1]!.reason.startsWith("the row has no keys, expected one of "));
  deepEqual((await read(text, { onBadRow: "skip", limit: 1 })).skipped, []);
  await fails(
    read("[]\n", { onBadRow: "skip" }),
    "Cannot use rows.jsonl: it holds no rows, expected at least one",
  );
  await fails(
    read("1\n2\n", { onBadRow: "skip" }),
    "Cannot use rows.jsonl: all 2 rows are malformed, the first (rows.jsonl:1): the row is 1, expected an object",
  );
});

Deno.test("readRows() refuses an empty file, a missing one and a folder", async () => {
  const empty = "Cannot use rows.jsonl: it holds no rows, expected at least one";
  await fails(read(""), empty);
  await fails(read("\ufeff \n\n"), empty);
  await fails(readRows("/nowhere/rows.jsonl"), "Cannot read /nowhere/rows.jsonl: there is no such file");
  await rejects(readRows("tests"), /^UserError: Cannot read tests: .+/);
});

Deno.test("readRows() reads as many rows as limit says, and does not look at the rest", async () => {
  const line = '{"prompt":"a","response":"b"}\n';
  equal((await read(`${line}${line}not JSON`, { limit: 2 })).rows.length, 2);
  equal((await read(`[${line},${line},not JSON]`, { limit: 2 })).rows.length, 2);
});

Deno.test("readRows() reads JSON arrays and names the line of an element", async () => {
  const row = { prompt: 'quote " \\ brackets ]}{[ ,', response: "b" };
  for (const text of [JSON.stringify([row, row, row]), `\ufeff\n  ${JSON.stringify([row, row, row], null, 2)}\n`]) {
    const { rows } = await read(text);
    deepEqual(rows.map(({ row }) => row), [0, 1, 2]);
    deepEqual(rows.map((read) => read.kind === "text" && read.prompt), [row.prompt, row.prompt, row.prompt]);
  }
  const { rows } = await read(JSON.stringify([row, row], null, 2));
  deepEqual(rows.map(({ where }) => where), ["rows.jsonl:2", "rows.jsonl:6"]);
  await fails(
    read('[\n{"prompt":"a","response":"b"},\n\n{"prompt":"a",\n"response":3}]'),
    'Cannot read rows.jsonl:4: "response" is 3, expected a string',
  );
});

Deno.test("readRows() refuses a broken array", async () => {
  const row = '{"prompt":"a","response":"b"}';
  await fails(read(`[${row},\n${row}`), "Cannot read rows.jsonl:2: the array is not closed");
  await fails(read(`[${row}\n,`), "Cannot read rows.jsonl:2: the array is not closed");
  await fails(read(`[\n${row}]\n\n7`), "Cannot read rows.jsonl:4: there is text after the end of the array");
  await rejects(read(`[${row},]`), /^UserError: Cannot read rows\.jsonl:1: not valid JSON/);
  await rejects(read(`[${row},,${row}]`), /^UserError: Cannot read rows\.jsonl:1: not valid JSON/);
  await rejects(read(`[${row} ${row}]`), /^UserError: Cannot read rows\.jsonl:1: not valid JSON/);
});

Deno.test("readRows() reads a line of 10 MB, and one of 10 MB that is no JSON", async () => {
  const prompt = "é".repeat(5_000_000);
  const { rows } = await read(`${JSON.stringify({ prompt, response: "b" })}\n`);
  ok(rows.every((row) => row.kind === "text" && row.prompt === prompt));
  await rejects(read(`{"prompt":"${prompt}`), (error: Error) => {
    ok(error instanceof UserError && error.message.startsWith("Cannot read rows.jsonl:1: not valid JSON"));
    return error.message.length < 300;
  });
});

Deno.test("readRows() keeps a column named __proto__ a column", async () => {
  const { rows } = await read('{"prompt":"a","response":"b","__proto__":{"prompt":"c"}}');
  equal(Object.getPrototypeOf(rows[0]!.extra), Object.prototype);
  deepEqual(Object.keys(rows[0]!.extra), ["__proto__"]);
  await rejects(read('{"__proto__":{"prompt":"a","response":"b"}}'), UserError);
});

Deno.test("readRows() throws nothing but one-line UserErrors, whatever the rows are", async () => {
  const keys = fc.constantFrom(
    ...["prompt", "response", "chosen", "rejected", "messages", "instruction", "input", "output"],
    ...["prompt_ids", "response_ids", "chosen_ids", "rejected_ids", "reference", "role", "content", "__proto__"],
  );
  const message = fc.record({
    role: fc.constantFrom("user", "assistant", 1),
    content: fc.oneof(fc.string(), fc.jsonValue()),
  });
  const value = fc.oneof(fc.string(), fc.jsonValue(), fc.array(fc.integer({ min: -1, max: 9 })), fc.array(message));
  const row = fc.oneof({ weight: 4, arbitrary: fc.dictionary(keys, value) }, { weight: 1, arbitrary: fc.jsonValue() });
  const edit = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 4 }),
      fc.boolean(),
      fc.constantFrom(0, 2),
      fc.array(edit, { maxLength: 3 }),
      fc.constantFrom("error" as const, "skip" as const),
      async (rows, array, indent, edits, onBadRow) => {
        const text = array ? JSON.stringify(rows, null, indent) : rows.map((row) => JSON.stringify(row)).join("\n");
        let bytes = new TextEncoder().encode(text);
        for (const { at, byte, cut } of edits) {
          const index = at % (bytes.length + 1);
          if (cut) bytes = bytes.slice(0, index);
          else if (index < bytes.length) bytes[index] = byte;
        }
        try {
          const { rows } = await read(bytes, { onBadRow });
          ok(rows.length > 0);
        } catch (error) {
          ok(error instanceof UserError, String(error));
          // deno-lint-ignore no-control-regex
          ok(!/[\u0000-\u001f\u007f-\u009f]/.test(error.message), JSON.stringify(error.message));
          ok(error.message.length < 800);
        }
      },
    ),
    { numRuns: 300 },
  );
});
