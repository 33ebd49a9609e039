import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { JsonFloat, jsonText, plainValue } from "../../../../core/data/formats/json_numbers.ts";
import { type JsonRow, type JsonValue, readJsonRows } from "../../../../core/data/formats/json_rows.ts";
import { parseJson } from "../../../../core/data/formats/json_texts.ts";
import { readRows } from "../../../../core/data/read_rows.ts";
import { encodeResponse, readPairs, readResponses } from "../../../../core/data/stage_files.ts";
import { verifierInputs } from "../../../../core/label/verifier_protocol.ts";
import { CHATML, smallTokenizer, withFile } from "../_fixtures.ts";

function parse(text: string): JsonValue {
  const parsed = parseJson(text, { exact: true });
  ok("value" in parsed, text);
  return parsed.value;
}

/** What json.dumps(json.loads(text)) of Python 3.11 writes; ours writes a float as it was read. */
const NUMBERS: readonly (readonly [json: string, python: string])[] = [
  ["0", "0"],
  ["-0", "0"],
  ["-0.0", "-0.0"],
  ["2.0", "2.0"],
  ["2.50", "2.5"],
  ["1e5", "100000.0"],
  ["1E+2", "100.0"],
  ["1e22", "1e+22"],
  ["1e-7", "1e-07"],
  ["0.1", "0.1"],
  ["1.00000000000000000001", "1.0"],
  ["9007199254740991", "9007199254740991"],
  ["9007199254740992", "9007199254740992"],
  ["9007199254740993", "9007199254740993"],
  ["-12345678901234567890123", "-12345678901234567890123"],
  ["123456789012345678.0", "1.2345678901234568e+17"],
];

Deno.test("parseJson() keeps the numbers for chat templates as Python's json reads them, and for writing", async () => {
  const template = CHATML.replace(
    "message['content']",
    "message['content'] + (message.x | tojson) + (message.x | string)",
  );
  const tokenizer = await smallTokenizer({ chat_template: template });
  for (const [json, python] of NUMBERS) {
    const row = parse(`{"x":${json},"deep":[{"x":${json}}]}`) as { x: JsonValue };
    deepEqual(parse(jsonText(row)), row);
    const text = tokenizer.renderChat([{ role: "user", content: "", x: row.x }], { addGenerationPrompt: false });
    equal(text, `<|im_start|>user\n${python}${python}<|im_end|>\n`, json);
    const structured = structuredClone({ role: "user", content: "", x: row.x });
    equal(tokenizer.renderChat([structured], { addGenerationPrompt: false }), text, `a copy of ${json}`);
  }
  equal(
    jsonText(parse('{"a":2.50,"b":[2.00,1e5,-0.0,1E+2,9007199254740993]}')),
    '{"a":2.5,"b":[2.00,1e5,-0.0,1E+2,9007199254740993]}',
  );
  equal(JSON.stringify(new JsonFloat("2.0")), "2.0");
});

Deno.test("parseJson() reads NaN and Infinity as Python writes them, and nothing like them", () => {
  deepEqual(parse('{"a":NaN,"b":[Infinity, -Infinity ],"c":"NaN, \\" Infinity","0e1":0e1}'), {
    a: NaN,
    b: [Infinity, -Infinity],
    c: 'NaN, " Infinity',
    "0e1": new JsonFloat("0e1"),
  });
  deepEqual(
    parse('{"__proto__":{"a":1.0},"a":2.0,"a":3}'),
    JSON.parse('{"__proto__":{"a":0},"a":3}', (_k, v) => v === 0 ? new JsonFloat("1.0") : v),
  );
  for (const bad of ["nan", "-NaN", "+Infinity", "NaN1", "1NaN", "inf", "{NaN:1}", "Infinity5", "01", "1.", ".5"]) {
    ok("problem" in parseJson(`{"a":${bad}}`, { exact: true }), bad);
  }
  deepEqual(parseJson(`[-${"1".repeat(4301)}]`, { exact: true }), {
    problem: "not valid JSON (an integer has 4301 digits, expected at most the 4300 that Python reads)",
  });
});

Deno.test("readRows() refuses NaN where it is read, and takes it elsewhere", async () => {
  const read = (line: string) => withFile("a.jsonl", line, (path) => readRows(path));
  const messages = (x: string): string =>
    `[{"role":"user","content":"a"},{"role":"assistant","content":"b","calls":[{"x":${x}}]}]`;
  equal((await read('{"prompt":"a","response":"b","loss":NaN,"extra":{"x":[-Infinity]}}')).rows.length, 1);
  const cases = [
    [`{"messages":${messages("NaN")}}`, '"messages[1].calls[0].x" is NaN'],
    [`{"messages":${messages("1e999")}}`, '"messages[1].calls[0].x" is Infinity'],
    ['{"prompt":"a","response":"b","reference":-Infinity}', '"reference" is -Infinity'],
  ] as const;
  for (const [line, problem] of cases) {
    await rejects(read(line), {
      name: "UserError",
      message: new RegExp(
        `^Cannot read \\S+:1: ${problem.replace(/[[\].]/g, "\\$&")}, expected a finite number in a column`,
      ),
    });
  }
});

Deno.test("columns that hold plain numbers take floats where floats are meant, and refuse the others by name", async () => {
  const pair = (rest: string): string => `{"prompt":"p","chosen":"a","rejected":"b",${rest}}`;
  const read = (line: string) =>
    withFile(
      "a.jsonl",
      line,
      async (path) => await readPairs(path, { tokenizer: await smallTokenizer(), vocabSize: 400, maxLength: null }),
    );
  const { pairs: [first] } = await read(pair('"chosen_from":"human","row":3,"score_human":8.0,"score_generated":1e1'));
  deepEqual([first!.scoreHuman, first!.scoreGenerated, first!.dataRow], [8, 10, 3]);
  for (
    const [rest, problem] of [
      ['"chosen_from":"human","row":3.0', '"row" is 3.0, expected an integer from 0'],
      ['"chosen_from":"human","row":9007199254740993', '"row" is 9007199254740993, expected an integer from 0'],
      ['"score_human":NaN', '"score_human" is NaN, expected a number or null'],
      ['"score_human":9007199254740993', '"score_human" is 9007199254740993, expected a number or null'],
      ['"prompt_ids":[1],"chosen_ids":[5.0],"rejected_ids":[6]', '"chosen_ids[0]" is 5.0, expected a token id'],
      [
        '"prompt_ids":[9007199254740993],"chosen_ids":[5],"rejected_ids":[6]',
        '"prompt_ids[0]" is 9007199254740993, expected a token id',
      ],
    ] as const
  ) {
    await rejects(read(pair(rest)), ({ message }: Error) => message.endsWith(`:1: ${problem}`), problem);
  }
});

Deno.test("responses keep the digits of their reference, and a verifier gets numbers that are not rounded", async () => {
  const line = '{"row":0,"prompt":"p","prompt_ids":[1],"response":"r","response_ids":[2],"generated":"g",' +
    '"generated_ids":[3],"finished":true,"reference":{"id":9007199254740993,"a":[2.0,1e5,-0.0,0.5,7]}}\n';
  const [row] = await withFile("responses.jsonl", line, readResponses);
  equal(encodeResponse(row!), line);
  const { reference } = verifierInputs(row!)[0];
  deepEqual(reference, { id: 9007199254740993n, a: [2, 100000, -0, 0.5, 7] });
  deepEqual(structuredClone(reference), reference);
  deepEqual(plainValue(parse("[9007199254740992.0]")), [9007199254740992]);
});

function show(row: JsonRow): string {
  return `${row.where.split(":").at(-1)} ${"value" in row ? jsonText(row.value) : "!"}`;
}

/** Files, and the rows that `datasets` 5.0.1 reads, by their first lines; `!` is an unreadable row. */
const FILES: readonly (readonly [text: string, rows: readonly string[]])[] = [
  ['{"a":1}{"a":2}\n{"a":3}\n', ['1 {"a":1}', '1 {"a":2}', '2 {"a":3}']],
  ['{"a":"}{"} {"a":"\\"{"}', ['1 {"a":"}{"}', '1 {"a":"\\"{"}']],
  ['{\n "a": 1,\n "b": ["x\\n{",\n  2.0]\n}\n{\n "a": 2\n}\n', ['1 {"a":1,"b":["x\\n{",2.0]}', '6 {"a":2}']],
  ['{"a":\n1}{"a":\r\n2}\n', ['1 {"a":1}', '2 {"a":2}']],
  ['{"a":1}\r{"a":2}\r', ['1 {"a":1}', '1 {"a":2}']],
  // Those that datasets refuses, where we name the line and can go on.
  ['{"a":1},\n{"a":2}\n', ["1 !", '2 {"a":2}']],
  ['{"a":1\n{"a":2}\n{"a":[3}\n{"a":4}\n', ["1 !", '2 {"a":2}', "3 !", '4 {"a":4}']],
  ['{"a":"x\n{"a":2}}\n{"a":3}{"b"', ["1 !", "2 !", '3 {"a":3}', "3 !"]],
  ['{\n "a": 1,\n\n{\n "a": 2\n}\n', ["1 !", "2 !", '4 {"a":2}']],
  ['{"a":1}{"b":\n2}{"c":3} x\n{"d":4}', ['1 {"a":1}', '1 {"b":2}', "2 !", '3 {"d":4}']],
];

Deno.test("readJsonRows() reads objects that share a line or go over several, and counts them alike", async () => {
  for (const [text, expected] of FILES) {
    await withFile("a.jsonl", text, async (path) => {
      deepEqual((await Array.fromAsync(readJsonRows(path, { exact: true }))).map(show), expected, text);
      const counting = readJsonRows(path, { wanted: { from: Infinity, to: Infinity } });
      deepEqual(await counting.next(), { done: true, value: expected.length }, text);
      const [last] = await Array.fromAsync(readJsonRows(path, { exact: true, wanted: { from: 1, to: 2 } }));
      deepEqual(last && show(last), expected[1]);
    });
  }
});

Deno.test("readJsonRows() is not held up by brackets that are left open", async () => {
  const deep = `${"{\n".repeat(900)}${"1,\n".repeat(18_000)}x }\n`;
  for (const text of ["{\n".repeat(40_000), "{\n{\n}\n".repeat(10_000), '{"a":[1,\n'.repeat(20_000), deep]) {
    const start = performance.now();
    await withFile("a.jsonl", text, (path) => Array.fromAsync(readJsonRows(path)));
    ok(performance.now() - start < 20_000);
  }
});
