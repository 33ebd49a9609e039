import { deepEqual, match, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { ChatVariables } from "../../../core/data/formats/chat_variables.ts";
import { encodePair, encodeResponse, type PairRow, readPairs, readResponses } from "../../../core/data/stage_files.ts";
import { smallTokenizer, withFile } from "./_fixtures.ts";

const ids = fc.array(fc.nat(99), { minLength: 1, maxLength: 5 });
const text = fc.string({ unit: "binary" }).filter((text) => text.isWellFormed());
const score = fc.oneof(fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0));
const options = { tokenizer: null, vocabSize: 100, maxLength: null };

const pair: PairRow = {
  row: 7,
  prompt: "p",
  promptIds: [1],
  chosen: "c",
  chosenIds: [2],
  rejected: "r",
  rejectedIds: [3],
  chosenFrom: "generated",
  scoreHuman: 0.5,
  scoreGenerated: null,
};

Deno.test("readResponses() reads what encodeResponse() wrote", async () => {
  const response = fc.record({
    row: fc.nat(),
    prompt: text,
    promptIds: ids,
    response: text,
    responseIds: ids,
    generated: text,
    generatedIds: ids,
    finished: fc.boolean(),
    messages: fc.array(fc.record({ role: fc.constantFrom("system", "user"), content: text }), {
      minLength: 1,
      maxLength: 3,
    }),
    variables: fc.constantFrom<ChatVariables[]>(
      { tools: [{ name: "f" }] },
      { chat_template_kwargs: { a: null } },
      { tools: [], chat_template_kwargs: {} },
    ),
    reference: fc.constantFrom<(string | string[] | null)[]>("42", ["a"], null),
  }, {
    requiredKeys: ["row", "prompt", "promptIds", "response", "responseIds", "generated", "generatedIds", "finished"],
  });
  await fc.assert(
    fc.asyncProperty(fc.array(response, { maxLength: 4 }), async (rows) => {
      const lines = rows.map(encodeResponse).join("");
      deepEqual(await withFile("responses.jsonl", lines, readResponses), rows);
    }),
    { numRuns: 50 },
  );
});

Deno.test("readPairs() reads what encodePair() wrote, and counts rows by their place in the file", async () => {
  const stored = fc.record({
    row: fc.nat(),
    prompt: text,
    promptIds: ids,
    chosen: text,
    chosenIds: ids,
    rejected: text,
    rejectedIds: ids,
    chosenFrom: fc.constantFrom("human" as const, "generated" as const),
    scoreHuman: score,
    scoreGenerated: score,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(stored, { minLength: 1, maxLength: 4 }), async (rows) => {
      await withFile("pairs.jsonl", rows.map(encodePair).join(""), async (path) => {
        const { pairs } = await readPairs(path, options);
        const expected = rows.map(({ row: dataRow, ...fields }, row) => {
          return { ...fields, dataRow, row, where: `${path}:${row + 1}`, conversational: false };
        });
        deepEqual(pairs, expected);
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("encodePair() writes the public keys in their order", () => {
  deepEqual(
    encodePair({ ...pair, scoreGenerated: NaN }),
    '{"row":7,"prompt":"p","prompt_ids":[1],"chosen":"c","chosen_ids":[2],"rejected":"r","rejected_ids":[3],' +
      '"chosen_from":"generated","score_human":0.5,"score_generated":null}\n',
  );
  const chat = { ...pair, messages: [{ role: "user", content: "a" }], variables: { tools: [{ name: "f" }] } };
  match(encodePair(chat), /"messages":\[\{"role":"user","content":"a"\}\],"tools":\[\{"name":"f"\}\],"chosen":/);
});

Deno.test("readPairs() reads bare ids as lines and as an array, and cuts at maxLength", async () => {
  const bare = { prompt_ids: [1, 2], chosen_ids: [3], rejected_ids: [4, 5, 6] };
  const long = { prompt_ids: [1, 2, 3, 4], chosen_ids: [3], rejected_ids: [4] };
  const rows = [long, bare];
  for (const content of [JSON.stringify(rows), rows.map((row) => JSON.stringify(row)).join("\n")]) {
    await withFile("pairs.json", content, async (path) => {
      const { pairs, report } = await readPairs(path, { ...options, maxLength: 4 });
      deepEqual(
        pairs.map(({ row, dataRow, promptIds, chosenIds, rejectedIds, chosenFrom, scoreHuman }) => {
          return [row, dataRow, promptIds, chosenIds, rejectedIds, chosenFrom, scoreHuman];
        }),
        [[1, null, [1, 2], [3], [4, 5], null, null]],
      );
      deepEqual([report.promptTooLong, report.cut], [1, 1]);
    });
  }
});

Deno.test("readPairs() reads text with a tokenizer, and needs one", async () => {
  const tokenizer = await smallTokenizer();
  await withFile("pairs.jsonl", '{"prompt":"a","chosen":"b","rejected":"hello"}', async (path) => {
    const { pairs } = await readPairs(path, { tokenizer, vocabSize: tokenizer.vocabSize, maxLength: null });
    deepEqual(tokenizer.decode(pairs[0]!.rejectedIds), "hello<|im_end|>");
    await rejects(readPairs(path, options), {
      name: "UserError",
      message: `Cannot tokenize ${path}:1 (row 0): the row is text, and the model has no tokenizer.json`,
    });
  });
});

Deno.test("readPairs() and readResponses() name line and key", async () => {
  const line = JSON.parse(encodePair(pair));
  for (
    const [change, message] of [
      [{ chosen_from: "judge" }, '"chosen_from" is the string "judge", expected "human" or "generated"'],
      [{ score_human: "1" }, '"score_human" is the string "1", expected a number or null'],
      [{ row: -1 }, '"row" is -1, expected an integer from 0'],
      [{ chosen_ids: [0.5] }, '"chosen_ids[0]" is 0.5, expected a token id'],
    ] as const
  ) {
    const content = encodePair(pair) + JSON.stringify({ ...line, ...change });
    await withFile(
      "pairs.jsonl",
      content,
      (path) => rejects(readPairs(path, options), { name: "UserError", message: `Cannot read ${path}:2: ${message}` }),
    );
  }
  const response = { row: 0, prompt: "p", prompt_ids: [1], response: "r", response_ids: [2], generated: "g" };
  for (
    const [change, message] of [
      [{}, '"generated_ids" is missing, expected a list of token ids'],
      [{ generated_ids: [2] }, '"finished" is missing, expected true or false'],
      [{ prompt: 3 }, '"prompt" is 3, expected a string'],
      [
        { messages: [{ role: "user" }] },
        '"messages[0].content" is missing, expected a string, or "tool_calls" beside it',
      ],
    ] as const
  ) {
    await withFile(
      "responses.jsonl",
      `\n${JSON.stringify({ ...response, ...change })}`,
      (path) => rejects(readResponses(path), { name: "UserError", message: `Cannot read ${path}:2: ${message}` }),
    );
  }
  await withFile("responses.jsonl", "7", (path) =>
    rejects(readResponses(path), {
      name: "UserError",
      message: `Cannot read ${path}:1: the row is 7, expected an object`,
    }));
});
