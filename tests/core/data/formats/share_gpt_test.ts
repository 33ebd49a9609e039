import { deepEqual, rejects } from "node:assert/strict";
import { fields, read } from "../_read_row.ts";

const user = { role: "user", content: "2+2?" };
const say = (from: string, value: string): Record<string, string> => ({ from, value });

Deno.test("readRows() knows the speakers of ShareGPT and its relatives", async () => {
  const roles = async (...names: string[]): Promise<unknown> => {
    const turns = [...names.map((from) => say(from, "a")), say("gpt", "b")];
    const { prompt } = await fields({ conversations: turns }) as { prompt: { role: string }[] };
    return prompt.map(({ role }) => role);
  };
  deepEqual(await roles("human", "user", "system"), ["user", "user", "system"]);
  const assistants = ["gpt", "assistant", "chatgpt", "bing", "bard", "bot", "model"];
  deepEqual(await roles(...assistants), assistants.map(() => "assistant"));
  const tools = ["tool", "observation", "function_response", "tool_response"];
  deepEqual(await roles(...tools), tools.map(() => "tool"));
  const fails = (turns: unknown, message: RegExp): Promise<void> =>
    rejects(read({ conversations: turns }), { name: "UserError", message });
  await fails(
    [say("narrator", "a"), say("gpt", "b")],
    /"conversations\[0\]\.from" is the string "narrator", expected one of human,/,
  );
  await fails(
    [{ from: "human", value: null }, say("gpt", "b")],
    /"conversations\[0\]\.value" is null, expected a string$/,
  );
});

Deno.test("readRows() makes a function_call the assistant's turn that calls tools", async () => {
  const calls = (value: string): Promise<Record<string, unknown>> =>
    fields({ conversations: [say("human", "2+2?"), say("function_call", value)] });
  const call = { type: "function", function: { name: "add", arguments: { a: 2 } } };
  const turn = { role: "assistant", content: "", tool_calls: [call] };
  const chat = { kind: "chat", prompt: [user], response: [turn] };
  deepEqual(await calls('{"name": "add", "arguments": {"a": 2}}'), chat);
  const two = { ...turn, tool_calls: [call, { ...call, function: { name: "add", arguments: '{"a": 3}' } }] };
  deepEqual(
    await calls(' [{"name":"add","arguments":{"a":2}},{"name":"add","arguments":"{\\"a\\": 3}"}] '),
    { ...chat, response: [two] },
  );
  for (const value of ["add(2, 2)", "[]", "{}", '{"name": "add"}', '{"name": 1, "arguments": {}}', "1", "[[]]", ""]) {
    await rejects(calls(value), { name: "UserError", message: /\[1\]\.value" is .+, expected a call as JSON, {name/ });
  }
});
