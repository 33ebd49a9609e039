import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { ChatVariables } from "../../../../core/data/formats/chat_variables.ts";
import type { JsonValue } from "../../../../core/data/formats/json_rows.ts";
import type { Message } from "../../../../core/data/formats/messages.ts";
import { type ChatTemplate, compileChatTemplate } from "../../../../core/data/tokenizer/chat_template.ts";
import { compileTemplate } from "../../../../core/data/tokenizer/template/compile_template.ts";
import { loadTokenizer } from "../../../../core/data/tokenizer/tokenizer.ts";
import { CHATML, withFolder, writeTokenizer } from "../_fixtures.ts";

const user = { role: "user", content: "2+2?" };
const four = { role: "assistant", content: "4" };

function compile(chat_template: JsonValue, jinja: string | null = null): ChatTemplate | null {
  const specialTokens = { bos_token: "<s>", eos_token: "<|im_end|>" };
  return compileChatTemplate({ chat_template }, { dir: "model", jinja, specialTokens });
}

Deno.test("compileChatTemplate() renders turns, special tokens and the generation prompt", () => {
  const render = compile(CHATML)!;
  equal(
    render([user, four], { addGenerationPrompt: false }),
    "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n",
  );
  equal(render([user], { addGenerationPrompt: true }), "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n");
});

Deno.test("compileChatTemplate() drops the line ends of blocks as transformers does, CRLF or not", () => {
  const source =
    "{{ bos_token }}\n{%- for m in messages %}\n  {%- if m.role == 'user' %}\n[{{ m.content }}]\n  {% endif %}\n{% endfor %}\nend";
  const expected = "<s>[2+2?]\nend";
  equal(compile(source)!([user, four], { addGenerationPrompt: false }), expected);
  equal(compile(source.replaceAll("\n", "\r\n"))!([user, four], { addGenerationPrompt: false }), expected);
});

Deno.test("compileChatTemplate() gives tools and documents as none, and a turn's other keys", () => {
  const render = compile("{% if tools is not none or documents is not none %}tools{% endif %}{{ messages[0].name }}")!;
  equal(render([{ ...user, name: "Ann" }], { addGenerationPrompt: false }), "Ann");
});

Deno.test("compileChatTemplate() takes the default of a list, and the file before both", () => {
  const list = [{ name: "tool_use", template: "tool" }, { name: "default", template: "default" }];
  equal(compile(list)!([user], { addGenerationPrompt: false }), "default");
  equal(compile(list, "file")!([user], { addGenerationPrompt: false }), "file");
  equal(compile(null), null);
  throws(() => compile([list[0]!]), {
    name: "UserError",
    message: 'Cannot use "chat_template" of model/tokenizer_config.json: the list has no {name: "default", template}',
  });
  throws(() => compile(1), {
    name: "UserError",
    message:
      'Cannot use "chat_template" of model/tokenizer_config.json: expected a string or a list of {name, template}',
  });
});

Deno.test("compileChatTemplate() gives a row's tools and variables, and takes tool_use for rows with tools", () => {
  const list = [{ name: "tool_use", template: "{{ tools | length }} tools" }, { name: "default", template: "{{ a }}" }];
  const render = compile(list)!;
  const text = (variables: ChatVariables): string => render([user], { ...variables, addGenerationPrompt: false });
  equal(text({ chat_template_kwargs: { a: "b" } }), "b");
  equal(text({ tools: [{}] }), "1 tools");
  equal(text({ tools: [] }), "0 tools");
  equal(text({ tools: [{}], chat_template_kwargs: { tools: null, a: 1 } }), "1");
  const eos = compile("{{ eos_token }}{{ messages | length }}{{ documents is none }}")!;
  const variables = { eos_token: "!", documents: [] };
  equal(eos([user], { chat_template_kwargs: variables, addGenerationPrompt: false }), "!1False");
});

Deno.test("loadTokenizer() refuses tools where their template is a file that is not read", () =>
  withFolder(async (dir) => {
    await writeTokenizer(dir, { config: { chat_template: "{{ tools | length if tools else 0 }}" } });
    await Deno.mkdir(`${dir}/additional_chat_templates`);
    await Deno.writeTextFile(`${dir}/additional_chat_templates/tool_use.jinja`, "tools");
    const tokenizer = await loadTokenizer(dir);
    equal(tokenizer.renderChat([user], { addGenerationPrompt: false }), "0");
    throws(() => tokenizer.renderChat([user], { tools: [{}], addGenerationPrompt: false }), {
      name: "UserError",
      message: `Cannot render the chat template of ${dir}/tokenizer_config.json: rows with tools have a template of ` +
        "their own, additional_chat_templates/tool_use.jinja, expected it as data.chat_template",
    });
    await Deno.writeTextFile(`${dir}/own.jinja`, "own {{ tools | length }}");
    const own = await loadTokenizer(dir, { chatTemplate: `${dir}/own.jinja` });
    equal(own.renderChat([user], { tools: [{}], addGenerationPrompt: false }), "own 1");
  }));

Deno.test("compileChatTemplate() gives parts to a template that reads them, and else the text of a single one", () => {
  const parts = (...texts: string[]): Message => ({
    role: "user",
    content: texts.map((text) => ({ type: "text", text })),
  });
  const reads = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}" +
    "{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endif %}{% endfor %}";
  const texts: [string, Message[], string][] = [
    [reads, [parts("a", "b"), four], "<a><b>4"],
    [reads, [parts(), four], "4"],
    ["{% for m in messages %}{{ m.content + ';' }}{% endfor %}", [parts("a"), four], "a;4;"],
    ["{% for m in messages %}{{ m.content }};{% endfor %}", [parts("a"), four], "a;4;"],
    ["{% for m in messages %}{{ m.content | trim }};{% endfor %}", [parts(" a"), four], "a;4;"],
    ["{% for m in messages %}{{ m.content | tojson }};{% endfor %}", [parts("a"), four], '"a";"4";'],
    ["{% for m in messages if m.content is string %}{{ m.content }};{% endfor %}", [parts("a"), four], "a;4;"],
    ["{% for m in messages %}{{ m.content + ';' }}{% endfor %}", [parts("{'type': 'text'}")], "{'type': 'text'};"],
    [reads, [parts("{'type': 'text'}")], "<{'type': 'text'}>"],
  ];
  for (const [source, messages, expected] of texts) {
    equal(compile(source)!(messages, { keepText: true, addGenerationPrompt: false }), expected, source);
  }
  for (const source of ["{{ messages[0].content + ';' }}", "{{ messages[0].content }}"]) {
    throws(() => compile(source)!([parts("a", "b")], { keepText: true, addGenerationPrompt: false }), {
      name: "UserError",
      message:
        "Cannot render the chat template of model/tokenizer_config.json: it takes text alone, and message 0 has " +
        "content of several parts, expected one",
    });
  }
});

Deno.test("compileChatTemplate() refuses calls of tools that the template would leave out", () => {
  const call = { role: "assistant", content: null, tool_calls: [{ function: {} }] };
  throws(() => compile(CHATML)!([user, call], { keepText: true, addGenerationPrompt: false }), {
    name: "UserError",
    message: 'Cannot render the chat template of model/tokenizer_config.json: it does not write the "tool_calls" of ' +
      "message 1, expected a template that does",
  });
  // As transformers does, where it is no row.
  ok(compile(CHATML.replace("message['content']", "(message['content'] or '')"))!([user, call], {
    addGenerationPrompt: false,
  }));
  equal(
    compile("{{ messages[1].tool_calls | length }}")!([user, call], { keepText: true, addGenerationPrompt: false }),
    "1",
  );
});

Deno.test("compileChatTemplate() makes one-line UserErrors of the template's errors", () => {
  throws(() => compile("{{ raise_exception('No\n turns') }}")!([user], { addGenerationPrompt: false }), {
    name: "UserError",
    message: "Cannot render the chat template of model/tokenizer_config.json: No turns",
  });
  throws(() => compile("{{ messages.x.y.z() }}")!([user], { addGenerationPrompt: false }), { name: "UserError" });
  throws(
    () => compile("{% for %}", null),
    /^UserError: Cannot compile the chat template of model\/tokenizer_config\.json: .+$/,
  );
  throws(
    () => compile(null, "{% if %}"),
    /^UserError: Cannot compile the chat template of model\/chat_template\.jinja: .+$/,
  );
});

Deno.test("compileChatTemplate() keeps an answer's indentation, and an empty system turn, as Python does", () => {
  const answer = { role: "assistant", content: "<think>\nsum\n</think>\n\n    return 4\n" };
  const think = compile("{{ messages[0].content.split('</think>')[-1].lstrip('\\n') }}")!;
  equal(think([answer], { addGenerationPrompt: false }), "    return 4\n");
  const system = compile(
    "{% if messages[0].content == false %}none{% else %}<<SYS>>{{ messages[0].content }}{% endif %}",
  )!;
  equal(system([{ role: "system", content: "" }], { addGenerationPrompt: false }), "<<SYS>>");
});

Deno.test("compileChatTemplate() tells a whole float from an int where a message does", () => {
  const render = compile("{{ messages[0].args.a }} {{ messages[0].args | tojson }}")!;
  const message = { ...user, args: { a: Object(1), b: 1, c: 1.5, d: 1e300 } };
  equal(render([message], { addGenerationPrompt: false }), '1.0 {"a": 1.0, "b": 1, "c": 1.5, "d": 1e+300}');
});

Deno.test("renderMarked() finds generation blocks, in macros too, and refuses those that are changed later", () => {
  const marked = (source: string): unknown => compile(source)!.renderMarked([user, four]);
  equal(marked("{{ messages[1].content }}"), null);
  deepEqual(
    marked("{% for m in messages %}<{{ m.role }}>{% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}"),
    { text: "<user>2+2?<assistant>4", spans: [[6, 10], [21, 22]] },
  );
  deepEqual(
    marked(
      "{% macro say(m) %}[{% generation -%}  {{ m.content }}{% endgeneration %}]{% endmacro %}a{{ say(messages[1]) }}",
    ),
    { text: "a[4]", spans: [[2, 3]] },
  );
  deepEqual(marked("a{% generation %}{% endgeneration %}b"), { text: "ab", spans: [] });
  throws(
    () => marked("{% set x %}{% generation %} 4 {% endgeneration %}{% endset %}{{ x | trim }}"),
    /^UserError: Cannot render the chat template of .*: it changes what a generation block has written/,
  );
});

Deno.test("loadTokenizer() reads chat_template.jinja", async () => {
  await withFolder(async (dir) => {
    await writeTokenizer(dir, { config: { chat_template: "config" } });
    await Deno.writeTextFile(
      `${dir}/chat_template.jinja`,
      "{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}",
    );
    const tokenizer = await loadTokenizer(dir);
    equal(tokenizer.hasChatTemplate, true);
    equal(tokenizer.renderChat([user], { addGenerationPrompt: false }), "<s>2+2?<|im_end|>");
  });
});

Deno.test("a template has a limit on the clock too", () => {
  const source = "{% for i in range(9000) %}{% for j in [1, 2, 3] %}{{ j }}{% endfor %}{% endfor %}";
  ok(compileTemplate(source)({}).length === 27_000);
  throws(
    () => compileTemplate(source, { milliseconds: 2 })({}),
    /^TemplateError: line 1: it takes longer than 0\.002 s$/,
  );
});
