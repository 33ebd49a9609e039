import { deepEqual, throws } from "node:assert/strict";
import { CHAT_HELP, CHAT_SETTINGS, readChatLine } from "../../cli/chat_commands.ts";

Deno.test("readChatLine() tells commands from prompts", () => {
  const cases: [string, unknown][] = [
    ["hello /reset", { prompt: "hello /reset" }],
    [" /reset ", { command: "reset", rest: "" }],
    ["/System be  brief\nplease", { command: "system", rest: "be  brief\nplease" }],
    ["/top-p 0.5", { setting: "top-p", rest: "0.5" }],
    ["/max", { setting: "max", rest: "" }],
    // Slashes that no command begins with belong to the prompt.
    ["/usr/bin/env is a path", { prompt: "/usr/bin/env is a path" }],
    ["/ 3", { prompt: "/ 3" }],
    ["/3", { prompt: "/3" }],
    ["/", { prompt: "/" }],
    ["//reset the counter", { prompt: "/reset the counter" }],
    ["  two spaces", { prompt: "  two spaces" }],
  ];
  for (const [line, read] of cases) deepEqual(readChatLine(line), read, line);
});

Deno.test("readChatLine() refuses what looks like a command and is none", () => {
  for (
    const [line, message] of [
      [
        "/foo",
        /^UserError: Cannot carry out \/foo: there is no such command, expected one that \/help lists; a prompt that begins with \/foo is typed \/\/foo$/,
      ],
      ["/tempratur 3", /there is no such command, expected \/temperature; /],
      ["/constructor", /there is no such command/],
    ] as const
  ) throws(() => readChatLine(line), message);
});

Deno.test("/help lists every setting, in lines for a narrow terminal", () => {
  const text = CHAT_HELP.join("\n");
  for (const name of Object.keys(CHAT_SETTINGS)) deepEqual([name, text.includes(`/${name} `)], [name, true]);
  for (const line of CHAT_HELP) deepEqual([line, line.length <= 60], [line, true]);
});
