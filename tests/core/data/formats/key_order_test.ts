import { doesNotThrow, equal, throws } from "node:assert/strict";
import { parseJson } from "../../../../core/data/formats/json_texts.ts";
import { checkOrder } from "../../../../core/data/formats/row_fields.ts";
import { parseRow } from "../../../../core/data/parse_row.ts";

const valueOf = (text: string) => (parseJson(text, { exact: true }) as { value: never }).value;

Deno.test("checkOrder() finds objects whose keys JavaScript has put into another order", () => {
  const lost = [
    ['{"b":1,"3":0}', "x"],
    ['{"a":{"2":1,"1":2}}', "x.a"],
    ['[0,{"a":1,"b":[{"z":1,"0":2}]}]', "x[1].b[0]"],
    ['{"10":1,"9":2}', "x"],
    ['{"a":2.0,"1":12345678901234567890}', "x"],
    ['{"a":1,"\\u0031":2}', "x"],
    ['{"\ue0001":1,"b":2,"1":3}', "x"],
    ['{"b":1,"4294967294":2}', "x"],
  ] as const;
  for (const [text, at] of lost) {
    throws(() => checkOrder(valueOf(text), "x"), {
      name: "UserError",
      message: `"${at}" is an object, expected keys that are no numbers, or in ascending order before the others: ` +
        "their order is lost",
    }, text);
  }
  const kept = [
    '{"1":1,"2":2,"a":3}',
    '{"a":1,"01":2}',
    '{"a":1,"-1":2,"1.5":3}',
    '{"b":1,"4294967295":2}',
    '{"a":"\\"3\\": 1","b":["3","4"],"c":": \\"1\\":"}',
    '{"1":1,"1":2,"a":3}',
    '{"a":1,"a":2,"__proto__":3}',
  ];
  for (const text of kept) doesNotThrow(() => checkOrder(valueOf(text), "x"), text);
});

Deno.test("parseRow() refuses what the chat template would write in another order, and only that", () => {
  const messages = '"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]';
  const tools = '[{"name":"f","parameters":{"b":1,"3":0}}]';
  const row = (more: string): unknown => parseRow(valueOf(`{${messages},${more}}`));
  throws(() => row(`"tools":${tools}`), /"tools\[0\]\.parameters" is an object, expected keys that are no numbers/);
  throws(() => row(`"tools":${JSON.stringify(tools)}`), /"tools\[0\]\.parameters" is an object/);
  throws(() => row('"chat_template_kwargs":{"b":1,"3":0}'), /"chat_template_kwargs" is an object/);
  const call = '{"type":"function","function":{"name":"f","arguments":{"z":1,"1":2}}}';
  const calls = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[${call}]}]}`;
  throws(() => parseRow(valueOf(calls)), /"messages\[1\]\.tool_calls\[0\]\.function\.arguments" is an object/);
  const gpt = JSON.stringify({ from: "function_call", value: '{"name":"f","arguments":{"z":1,"1":2}}' });
  throws(
    () => parseRow(valueOf(`{"conversations":[{"from":"human","value":"a"},${gpt}]}`)),
    /"conversations\[1\]\.value\[0\]\.arguments" is an object/,
  );
  equal((row('"meta":{"b":1,"3":0}') as { kind: string }).kind, "chat");
});
