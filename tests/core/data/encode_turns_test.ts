import { deepEqual, equal, throws } from "node:assert/strict";
import { encodeTurns } from "../../../core/data/encode_turns.ts";
import type { Message } from "../../../core/data/formats/messages.ts";
import type { DataRow } from "../../../core/data/parse_row.ts";
import { tokenizeExamples } from "../../../core/data/tokenize_rows.ts";
import type { Tokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { CHATML, smallTokenizer } from "./_fixtures.ts";

const turn = (role: string, content: string): Message => ({ role, content });
const TALK = [
  turn("system", "s"),
  turn("user", "hello"),
  turn("assistant", "ab a"),
  turn("user", "b"),
  turn("assistant", "ba"),
];

/** ChatML whose blocks hold content and end of turn, as TRL's training templates have them. */
const BLOCKS = `{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' }}
    {%- if message.role == 'assistant' %}
    {%- generation %}
    {{- message.content + '<|im_end|>' }}
    {%- endgeneration %}
    {%- else %}
    {{- message.content + '<|im_end|>' }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;

const plain = await smallTokenizer({ chat_template: CHATML });
const blocks = await smallTokenizer({ chat_template: BLOCKS });

/** The texts of the runs of tokens that are trained on. */
function trained(tokenizer: Tokenizer, messages: readonly Message[]): string[] {
  const { responseIds, lossMask } = encodeTurns(tokenizer, messages);
  const runs: number[][] = [];
  responseIds.forEach((id, i) => {
    if (!lossMask[i]) return;
    if (lossMask[i - 1]) runs.at(-1)!.push(id);
    else runs.push([id]);
  });
  return runs.map((ids) => tokenizer.decode(ids));
}

Deno.test("encodeTurns() marks each assistant's turn with what the template ends it with, or the generation blocks", () => {
  deepEqual(trained(plain, TALK), ["ab a<|im_end|> \n", "ba<|im_end|> \n"]);
  deepEqual(trained(blocks, TALK), ["ab a<|im_end|>", "ba<|im_end|>"]);
  for (const tokenizer of [plain, blocks]) {
    const { promptIds, responseIds, text } = encodeTurns(tokenizer, TALK);
    equal(text, "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n");
    const whole = tokenizer.encode(tokenizer.renderChat(TALK, { addGenerationPrompt: false }), {
      addSpecialTokens: false,
    });
    deepEqual([...promptIds, ...responseIds], whole.slice(0, promptIds.length + responseIds.length));
    deepEqual(promptIds, tokenizer.encode(text, { addSpecialTokens: false }));
  }
});

Deno.test("renderMarked() writes the same text as the template without marks, however its blocks trim", async () => {
  for (
    const [open, close] of [
      ["{% generation %}", "{% endgeneration %}"],
      ["{%- generation -%}", "{%- endgeneration -%}"],
      ["\n  {% generation %}\n", "\n  {% endgeneration %}\n"],
      ["\n  {%- generation %}\n", "\n  {%- endgeneration %}\n"],
      ["\n  {% generation -%}\n", "\n  {% endgeneration -%}\n"],
    ]
  ) {
    const source = `{% for m in messages %}<{{ m.role }}>${open}{{ m.content }}${close}|{% endfor %}`;
    const tokenizer = await smallTokenizer({ chat_template: source });
    const { text, spans } = tokenizer.renderMarked([turn("user", "\ue000a"), turn("assistant", "\ue001b")])!;
    equal(
      text,
      tokenizer.renderChat([turn("user", "\ue000a"), turn("assistant", "\ue001b")], { addGenerationPrompt: false }),
    );
    deepEqual(spans.map(([start, end]) => text.slice(start, end).trim()), ["\ue000a", "\ue001b"], source);
  }
  equal(plain.renderMarked(TALK), null);
});

Deno.test("encodeTurns() counts a token that reaches into a block, as transformers does", async () => {
  // "hello" is one token, and the block begins within it.
  const tokenizer = await smallTokenizer({
    chat_template: "{% for m in messages %}a hel{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
  });
  const { promptIds, responseIds, lossMask, merged } = encodeTurns(tokenizer, [turn("assistant", "lo")]);
  deepEqual([tokenizer.decode(promptIds), tokenizer.decode(responseIds)], ["a", "hello"]);
  deepEqual([lossMask, merged], [[true], true]);
});

Deno.test("encodeTurns() refuses a template that writes earlier turns differently, and one that writes none", async () => {
  const last = await smallTokenizer({
    chat_template: "{% for m in messages %}{{ m.content }}{% if loop.last %}{{ eos_token }}{% endif %}{% endfor %}",
  });
  throws(() => encodeTurns(last, TALK), {
    name: "UserError",
    message: /^the chat template writes turn 2 differently alone and among the others, .+ \{% generation %\} blocks/,
  });
  throws(() => encodeTurns(plain, TALK.slice(0, 2)), { message: /writes nothing of an assistant, expected a turn/ });
});

const rowOf = (messages: Message[]): DataRow => ({
  kind: "chat",
  prompt: messages.slice(0, -1),
  response: messages.slice(-1),
  row: 0,
  where: "rows.jsonl:1",
  extra: {},
});

Deno.test("tokenizeExamples() with allTurns trains on every turn, and on one turn as without it", () => {
  const options = { tokenizer: plain, vocabSize: plain.vocabSize, maxLength: null };
  const [example] = tokenizeExamples([rowOf(TALK)], { ...options, allTurns: true }).examples;
  const { promptIds, responseIds, lossMask } = encodeTurns(plain, TALK);
  deepEqual([example!.promptIds, example!.responseIds, example!.lossMask], [promptIds, responseIds, lossMask]);
  equal(example!.response, "ab a\nba");
  const one = rowOf(TALK.slice(0, 3));
  deepEqual(
    tokenizeExamples([one], { ...options, allTurns: true }).examples,
    tokenizeExamples([one], options).examples,
  );
  // The last turn alone is the tail of all turns.
  const [tail] = tokenizeExamples([rowOf(TALK)], options).examples;
  deepEqual(tail!.responseIds, responseIds.slice(-tail!.responseIds.length));
});

Deno.test("tokenizeExamples() cuts the mask with the ids, and drops a row whose turns are all cut off", () => {
  const options = { tokenizer: plain, vocabSize: plain.vocabSize, allTurns: true };
  const { promptIds, responseIds, lossMask } = encodeTurns(plain, TALK);
  const maxLength = promptIds.length + 12;
  const { examples: [cut], report } = tokenizeExamples([rowOf(TALK)], { ...options, maxLength });
  deepEqual([cut!.responseIds, cut!.lossMask], [responseIds.slice(0, 12), lossMask.slice(0, 12)]);
  equal(report.cut, 1);
});
