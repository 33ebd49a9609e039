/** Rows that are broken: encodings, lengths, nulls, types; and the files between the stages. @module */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { readRows } from "../../../core/data/read_rows.ts";
import { readPairs, readResponses } from "../../../core/data/stage_files.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../_shared/refusal.ts";
import { withFile } from "./_fixtures.ts";

const GOOD = '{"prompt":"a","response":"b"}\n';
const row = (value: unknown): string => JSON.stringify(value) + "\n";
const ids = (change: Record<string, unknown>): string => row({ prompt_ids: [1], response_ids: [2], ...change });
const pair = (change: Record<string, unknown>): string => row({ prompt: "a", chosen: "b", rejected: "c", ...change });
const chat = (messages: unknown): string => row({ messages });
const raw = (...bytes: number[]): Uint8Array =>
  new Uint8Array([
    ...new TextEncoder().encode('{"prompt":"'),
    ...bytes,
    ...new TextEncoder().encode('","response":"b"}\n'),
  ]);
const MB10 = "x".repeat(10 << 20);
const user = { role: "user", content: "a" };
const bot = { role: "assistant", content: "b" };

const LINE = /rows\.jsonl:2: ./;
const key = (name: string): RegExp => new RegExp(`rows\\.jsonl:2: .*${name}`);

/** Second lines, or whole files where they begin with a bracket. */
const ROWS: Case<string | Uint8Array>[] = [
  ["no JSON", "prompt,response\n", /:2: not valid JSON/],
  ["half a row", '{"prompt": "a", "resp\n', /:2: not valid JSON/],
  ["a comma at the end", '{"prompt":"a","response":"b",}\n', /:2: not valid JSON/],
  ["single quotes", "{'prompt':'a','response':'b'}\n", /:2: not valid JSON/],
  ["NaN", '{"prompt":NaN,"response":"b"}\n', /:2: "prompt" is NaN, expected a string/],
  ["text between two rows", `${GOOD.trim()},${GOOD}`, /:2: not valid JSON/],
  ["a zero byte", "\0\n", /:2: not valid JSON/],
  ["a control character", '{"prompt":"\x1b[2J","response":"b"}\n', /:2: not valid JSON/],
  ["brackets without end", `{"prompt":${"[".repeat(100_000)}\n`, /:2: not valid JSON/],
  ["bad UTF-8: a lone byte", raw(0xff), /:2: the line is not valid UTF-8/],
  ["bad UTF-8: cut", raw(0xe2, 0x82), /:2: the line is not valid UTF-8/],
  ["bad UTF-8: too long", raw(0xc0, 0xaf), /:2: the line is not valid UTF-8/],
  ["bad UTF-8: a surrogate", raw(0xed, 0xa0, 0x80), /:2: the line is not valid UTF-8/],
  ["bad UTF-8: beyond Unicode", raw(0xf5, 0x80, 0x80, 0x80), /:2: the line is not valid UTF-8/],
  ["Latin-1", raw(0xe9), /:2: the line is not valid UTF-8/],
  ["UTF-16", new Uint8Array(new Uint16Array([...GOOD].map((c) => c.charCodeAt(0))).buffer), LINE],
  ["gzip", new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), LINE],
  ["10 MB of a letter", MB10 + "\n", /:2: not valid JSON/],
  ["10 MB in an open text", `{"prompt":"${MB10}\n`, /:2: not valid JSON/],
  ["10 MB in a wrong key", row({ question: MB10 }), /:2: the row has the keys "question"/],
  ["10 MB as a key", row({ [MB10]: 1 }), /:2: the row has the keys "x+…"/],
  ["10 MB of bad UTF-8", new Uint8Array(10 << 20).fill(0xff), /:2: the line is not valid UTF-8/],
  ["10 MB where a list belongs", ids({ prompt_ids: MB10 }), key("prompt_ids")],
  ["10 MB of brackets", "[".repeat(10 << 20) + "\n", /:2: not valid JSON \(it nests deeper than 1000 levels\)/],
  [
    "a thousand and one levels",
    row({ prompt: "a", response: "b", reference: 0 }).replace("0", "[".repeat(1001) + "]".repeat(1001)),
    /nests deeper/,
  ],
  ["a million keys", row(Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, i]))), /keys "k0".*…/],
  ...["null", "1", '"text"', "true", "[]", "[{}]"].map(
    (value): Case<string> => [`the row ${value}`, `${value}\n`, /:2: the row is .+, expected an object/],
  ),
  ["no keys", "{}\n", /:2: the row has no keys, expected one of/],
  ["no answer", row({ prompt: "a" }), key('"prompt", expected one of')],
  ["no prompt", row({ response: "b" }), key('"response", expected one of')],
  ["a prompt null", row({ prompt: null, response: "b" }), key('"prompt" \\(null\\)')],
  ["an answer null", row({ prompt: "a", response: null }), key('"response" \\(null\\)')],
  ["keys of the prototype", '{"__proto__":{"prompt":"a","response":"b"}}\n', key("__proto__")],
  ...[1, true, {}, { role: "user" }].map(
    (
      value,
    ): Case<string> => [`a prompt ${JSON.stringify(value)}`, row({ prompt: value, response: "b" }), key('"prompt" is')],
  ),
  ...[1, true, {}, ["b"]].map(
    (
      value,
    ): Case<string> => [
      `an answer ${JSON.stringify(value)}`,
      row({ prompt: "a", response: value }),
      key('"response" is'),
    ],
  ),
  ...[[], "1", 1, {}, [-1], [1.5], ["1"], [null], [[1]], [2 ** 53], [1e300]].flatMap((value): Case<string>[] => [
    [`prompt_ids ${JSON.stringify(value)}`, ids({ prompt_ids: value }), key("prompt_ids")],
    [`response_ids ${JSON.stringify(value)}`, ids({ response_ids: value }), key("response_ids")],
  ]),
  ...["chosen", "rejected", "prompt"].flatMap((name) =>
    [null, 1, {}].map((
      value,
    ): Case<string> => [`${name} ${JSON.stringify(value)}`, pair({ [name]: value }), key(`"${name}"`)])
  ),
  ["a chosen text, a rejected list", row({ chosen: [user, bot], rejected: "b" }), key('"rejected" is')],
  ["sides without a common turn", row({ chosen: [bot], rejected: [bot] }), key("no first turn in common")],
  ...[null, "a", [], [user], [user, user], [bot], [null], [[]], ["a"], [{}], [user, { role: "assistant" }]].map(
    (value): Case<string> => [`messages ${JSON.stringify(value)}`, chat(value), key("messages")],
  ),
  ...[[{ role: 1, content: "a" }, bot], [{ ...user, content: null }, bot], [{ ...user, content: [{ text: "a" }] }, bot]]
    .map(
      (
        value,
      ): Case<string> => [`messages ${JSON.stringify(value)}`, chat(value), key("messages\\[0\\]\\.(role|content)")],
    ),
  ...[
    [
      { type: "image_url", image_url: { url: "a.png" } },
      'content\\[0\\].type" is the string "image_url", expected "text": images',
    ],
    [{ type: "image" }, 'content\\[0\\].type" is the string "image"'],
    [{ text: "a" }, 'content\\[0\\].type" is missing'],
    [{ type: "text" }, 'content\\[0\\].text" is missing, expected a string'],
    ["a", 'content\\[0\\]" is the string "a", expected a part {type: "text", text}'],
  ].map(([part, name]): Case<string> => [
    `a part ${JSON.stringify(part)}`,
    chat([{ ...user, content: [part] }, bot]),
    key(name as string),
  ]),
  ...["[]", 1, {}, [1], [{}, null]].map((calls): Case<string> => [
    `tool_calls ${JSON.stringify(calls)}`,
    chat([user, { ...bot, tool_calls: calls }]),
    key('"messages\\[1\\].tool_calls" is .+, expected a list of objects'),
  ]),
  [
    "a function_call",
    chat([user, { ...bot, function_call: { name: "f" } }]),
    key('"messages\\[1\\].function_call" is an object, expected "tool_calls"'),
  ],
  ["content null beside no calls", chat([user, { ...bot, content: null, tool_calls: [] }]), key("content")],
  ...([
    [1, '"tools" is 1, expected a list of objects'],
    [{ type: "function" }, '"tools" is an object, expected a list of objects'],
    ["weather", '"tools" is text that is not valid JSON .+, expected a list of objects'],
    ['{"type":"function"}', '"tools" is an object'],
    [["weather"], '"tools\\[0\\]" is the string "weather", expected an object'],
    ["[1]", '"tools\\[0\\]" is 1, expected an object'],
  ] as const).map(([tools, message]): Case<string> => [
    `tools ${JSON.stringify(tools)}`,
    row({ messages: [user, bot], tools }),
    key(message),
  ]),
  ...([
    ["{}", '"chat_template_kwargs" is .+, expected an object'],
    [[], '"chat_template_kwargs" is an empty list, expected an object'],
    [{ messages: [] }, '"chat_template_kwargs" has "messages", expected variables of the template alone'],
    [{ add_generation_prompt: true }, 'has "add_generation_prompt"'],
    [{ chat_template: "" }, 'has "chat_template", .+ \\(data\\.chat_template\\)'],
    [{ max_length: 1 }, 'has "max_length"'],
    [{ tools: "[]" }, '"chat_template_kwargs.tools" is the string "\\[\\]", expected a list of objects'],
    [{ documents: [1] }, '"chat_template_kwargs.documents\\[0\\]" is 1, expected an object'],
  ] as const).map(([kwargs, message]): Case<string> => [
    `chat_template_kwargs ${JSON.stringify(kwargs)}`,
    row({ messages: [user, bot], chat_template_kwargs: kwargs }),
    key(message),
  ]),
  ["KTO's label", row({ prompt: "a", completion: "b", label: false }), key('"label" is false: the row is KTO')],
  [
    "an instruction without output",
    row({ instruction: "a", input: "" }),
    key('"instruction", "input", expected one of'),
  ],
  ["an instruction that is a number", row({ instruction: 1, output: "b" }), key('"instruction" is 1')],
  ["an input that is a list", row({ instruction: "a", input: [], output: "b" }), key('"input" is an empty list')],
];

const bytes = (text: string | Uint8Array): Uint8Array =>
  typeof text === "string" ? new TextEncoder().encode(text) : text;
const second = (line: string | Uint8Array): Uint8Array => {
  const [first, rest] = [bytes(GOOD), bytes(line)];
  const file = new Uint8Array(first.length + rest.length);
  file.set(first);
  file.set(rest, first.length);
  return file;
};

Deno.test("readRows() names line and key of a malformed row", () =>
  refuseAll(ROWS, (line) => withFile("rows.jsonl", second(line), (path) => readRows(path))));

Deno.test("readRows() with on_bad_row skip counts and names every malformed row, and reads the others", async () => {
  const faults: string[] = [];
  for (const [what, line] of ROWS) {
    // Files that a zero byte or a newline within a character cuts into more lines than one.
    const file = second(second(line));
    await withFile("rows.jsonl", file, async (path) => {
      const { rows, skipped } = await readRows(path, { onBadRow: "skip" });
      if (rows.length !== 2 || skipped.length === 0) {
        faults.push(`${what}: ${rows.length} rows, ${skipped.length} skipped`);
      }
      for (const { where, reason } of skipped) {
        if (!/rows\.jsonl:\d+$/.test(where) || reason.includes("\n")) faults.push(`${what}: ${where} ${reason}`);
      }
    });
  }
  deepEqual(faults, []);
});

Deno.test("readRows() takes what looks nested and is text", async () => {
  for (
    const prompt of ["[".repeat(5000), '\\"['.repeat(2000), '"{'.repeat(2000), "\\".repeat(3001), "[{\n".repeat(2000)]
  ) {
    const lines = row({ prompt, response: "b" }) + row({ prompt: "a", response: prompt, reference: [[[prompt]]] });
    await withFile("rows.jsonl", lines, async (path) => {
      const { rows: [first, second] } = await readRows(path);
      ok(first?.kind === "text" && second?.kind === "text");
      deepEqual([first.prompt, second.response, second.reference], [prompt, prompt, [[[prompt]]]]);
    });
  }
});

const FILES: Case<string>[] = [
  ["nothing", "", /Cannot use \S+rows\.jsonl: it holds no rows/],
  ["blank lines", "\n \r\n\t\n", /it holds no rows/],
  ["a byte order mark alone", "\ufeff", /it holds no rows/],
  ["an empty array", "[]", /it holds no rows/],
  ["an open array", `[${GOOD}`, /rows\.jsonl:\d+: .*the array is not closed/],
  ["an array with a hole", `[${GOOD.trim()},,${GOOD.trim()}]`, /rows\.jsonl:1: not valid JSON/],
  ["an array with a comma at the end", `[${GOOD.trim()},]`, /rows\.jsonl:1: not valid JSON/],
  ["text after the array", `[${GOOD.trim()}]\n${GOOD}`, /rows\.jsonl:2: there is text after the end of the array/],
  ["an array of arrays", `[[${GOOD.trim()}]]`, /rows\.jsonl:1: the row is a list/],
  ["an array of nulls", "[null]", /rows\.jsonl:1: the row is null/],
  [
    "an array whose third element is wrong",
    `[${GOOD},${GOOD},\n{"prompt":1,"response":""}]`,
    /rows\.jsonl:4: "prompt" is 1/,
  ],
  ["an object that holds the rows", `{"data": [${GOOD.trim()}]}`, /rows\.jsonl:1: the row has the keys "data"/],
];

Deno.test("readRows() names what is wrong with a file", () =>
  refuseAll(FILES, (text) => withFile("rows.jsonl", text, (path) => readRows(path))));

const RESPONSE = {
  row: 0,
  prompt: "a",
  prompt_ids: [1],
  response: "b",
  response_ids: [2],
  generated: "c",
  generated_ids: [3],
  finished: true,
};
const PAIR = {
  row: 0,
  prompt: "",
  prompt_ids: [1],
  chosen: "",
  chosen_ids: [2],
  rejected: "",
  rejected_ids: [3],
  chosen_from: "human",
  score_human: 1,
  score_generated: null,
};
const WRONG = {
  number: [null, "1", -1, 1.5, {}, [], true],
  string: [null, 1, {}, [], true],
  boolean: [null, "true", 1, {}, []],
  ids: ["x", 1, {}, [], ["x"], [-1], [1.5], [null], [[1]]],
};
/** Second rows with a key's value wrong. */
const wrongOf = (good: Record<string, unknown>, keys: readonly string[]): Case<string>[] =>
  keys.flatMap((name) => {
    const value = good[name];
    return WRONG[Array.isArray(value) ? "ids" : typeof value as "string"].map((other): Case<string> => [
      `${name} ${JSON.stringify(other)}`,
      row(good) + row({ ...good, [name]: other }),
      new RegExp(`\\.jsonl:2: .*${name}`),
    ]);
  });

Deno.test("readResponses() names line and key of a wrong response", () =>
  refuseAll(
    wrongOf(RESPONSE, Object.keys(RESPONSE)),
    (text) => withFile("responses.jsonl", text, (path) => readResponses(path)),
  ));

Deno.test("readPairs() names line and key of a wrong pair", async () => {
  const cases = wrongOf(PAIR, ["prompt_ids", "chosen_ids", "rejected_ids"]);
  const labels: Case<string>[] = [
    ...["x", 1, {}, []].map((value) => ["chosen_from", value] as const),
    ...["x", {}, [], true].flatMap((value) => [["score_human", value], ["score_generated", value]] as const),
    ...[null, "x", -1, 1.5, {}].map((value) => ["row", value] as const),
  ].map(([name, value]) => [
    `${name} ${JSON.stringify(value)}`,
    row(PAIR) + row({ ...PAIR, [name]: value }),
    new RegExp(`pairs\\.jsonl:2: .*"${name}" is`),
  ]);
  await refuseAll(
    [...cases, ...labels],
    (text) => withFile("pairs.jsonl", text, (path) => readPairs(path, { tokenizer: null, vocabSize: 9, maxLength: 9 })),
  );
});

Deno.test("readPairs() and readRows() read or refuse files with anything changed, and skip what they refuse", async () => {
  const good = [RESPONSE, PAIR, { messages: [user, bot] }, { chosen: [user, bot], rejected: [user, bot] }].map(row)
    .join("");
  const change = fc.record({ at: fc.nat(good.length), cut: fc.nat(20), put: fc.uint8Array({ maxLength: 4 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      let file = new TextEncoder().encode(good);
      for (const { at, cut, put } of changes) {
        file = new Uint8Array([...file.subarray(0, at), ...put, ...file.subarray(at + cut)]);
      }
      await withFile("rows.jsonl", file, async (path) => {
        await passesOrRefuses(() => readRows(path));
        await passesOrRefuses(() => readResponses(path));
        await passesOrRefuses(() => readPairs(path, { tokenizer: null, vocabSize: 9, maxLength: null }));
        await passesOrRefuses(async () => {
          const { rows, skipped } = await readRows(path, { onBadRow: "skip" });
          ok(rows.length > 0);
          equal(new Set(skipped.map(({ where }) => where)).size, skipped.length);
        });
      });
    }),
    { numRuns: 150 },
  );
});
