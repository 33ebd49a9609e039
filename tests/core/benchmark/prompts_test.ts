import { deepEqual, equal } from "node:assert/strict";
import { chatMessages, joinTexts, questionTurns } from "../../../core/benchmark/chat_messages.ts";
import { chatRendererOf } from "../../../core/benchmark/chat_rendering.ts";
import { UserError } from "../../../core/error.ts";
import type { Message } from "../../../core/data/formats/messages.ts";
import { compileChatTemplate } from "../../../core/data/tokenizer/chat_template.ts";
import { askedOf, firstRequest, openRows, taskConfig } from "./_tasks.ts";

/** A template that writes turns in brackets, and refuses a system's turn that says so. */
const JINJA = "{% for m in messages %}{% if 'refused' in m.content %}{{ raise_exception('no system') }}{% endif %}" +
  "<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
const template = compileChatTemplate({}, { dir: "test", jinja: JINJA, specialTokens: {} })!;
const chat = chatRendererOf({
  renderChat: (messages: readonly Message[], options) => template(messages, options),
});

const piqa = (): ReturnType<typeof openRows> => openRows(taskConfig("gsm8k"), { family: "gsm8k", numFewShot: 1 });
const QUESTION = "Question: Tom has 2 pens and buys 3. How many has he?\nAnswer:";
const EXAMPLE = "Question: What is half of 9?\nAnswer:";
const ANSWER = "#### 4.5";

Deno.test("a prompt of plain text begins with the instruction and the description, joined where no space is", () => {
  const prompt = (config: Record<string, string>, systemInstruction: string): unknown => {
    const task = openRows({ ...taskConfig("gsm8k"), ...config }, { family: "gsm8k", numFewShot: 0 });
    return (askedOf(firstRequest(task, { systemInstruction })) as unknown[])[0];
  };
  equal(prompt({}, "Be brief."), `Be brief.${QUESTION}`);
  equal(prompt({ description: "Sums.\n" }, "Be brief."), `Be brief.\n\nSums.\n${QUESTION}`);
  equal(prompt({ description: " Sums" }, "Be brief."), `Be brief. Sums${QUESTION}`);
  equal(prompt({ description: "{{answer[:1]}}" }, ""), `2${QUESTION}`);
  equal(prompt({ description: "answer" }, ""), `2 + 3 = <<2+3=5>>5\n#### 5${QUESTION}`);
});

Deno.test("with a chat template examples are turns, or one turn of the user", () => {
  const context = (options: Parameters<typeof firstRequest>[1]): unknown =>
    (askedOf(firstRequest(piqa(), options)) as unknown[])[0];
  equal(
    context({ chat, systemInstruction: "Be brief." }),
    `<system>Be brief.</system><user>${EXAMPLE}</user><assistant>${ANSWER}</assistant><user>${QUESTION}</user><assistant>`,
  );
  equal(
    context({ chat, systemInstruction: "Be brief.", fewShotAsTurns: false }),
    `<system>Be brief.</system><user>${EXAMPLE} ${ANSWER}\n\n${QUESTION}</user><assistant>`,
  );
});

Deno.test("a system's turn that the template refuses is left out, and told", () => {
  const request = firstRequest(piqa(), { chat, systemInstruction: "refused" });
  equal(request.isWithoutSystem, true);
  equal((askedOf(request) as string[])[0]!.startsWith("<user>"), true);
  equal(firstRequest(piqa(), { chat }).isWithoutSystem, false);
});

Deno.test("with a chat template continuations have no delimiter, but for what an answer begins with", () => {
  const pairs = (config: Record<string, string>): unknown =>
    askedOf(firstRequest(openRows({ ...taskConfig("boolq"), ...config }, { family: "boolq" }), { chat }));
  const user = "<user>Water is a liquid.\nQuestion: is water wet?\nAnswer:</user><assistant>";
  deepEqual(pairs({}), [[user, "no"], [user, "yes"]]);
  deepEqual(pairs({ gen_prefix: "I say" }), [[`${user}I say`, " no"], [`${user}I say`, " yes"]]);
  deepEqual(pairs({ gen_prefix: "I say " }), [[`${user}I say `, "no"], [`${user}I say `, "yes"]]);
});

Deno.test("a beginning of the answer stands before an example's answer too", () => {
  const config = { ...taskConfig("boolq"), gen_prefix: "So:" };
  const [context, continuation] =
    (askedOf(firstRequest(openRows(config, { family: "boolq", numFewShot: 0 }))) as string[][])[0]!;
  deepEqual([context, continuation], ["Water is a liquid.\nQuestion: is water wet?\nAnswer: So:", " no"]);
  // Where contexts differ, lm-eval puts nothing between them and what follows.
  const gap = { ...taskConfig("winogrande"), gen_prefix: "So:" };
  equal(
    (askedOf(firstRequest(openRows(gap, { family: "winogrande" }))) as string[][])[0]![0],
    "Ann gave Bea a book because AnnSo:",
  );
  const turns = questionTurns({
    question: "a?",
    answer: "b",
    prefix: "So:",
    targetDelimiter: " ",
    fewShotDelimiter: "\n\n",
  });
  deepEqual(turns.map(({ content, delimiter }) => [content, delimiter]), [["a?", " "], ["So: b", "\n\n"]]);
});

Deno.test("a turn that is not closed ends where its text does, also where the template trims it", () => {
  const jinja = "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}[/]{% endfor %}";
  const trimming = compileChatTemplate({}, { dir: "test", jinja, specialTokens: {} })!;
  const render = chatRendererOf({ renderChat: (messages: readonly Message[], options) => trimming(messages, options) });
  const text = (content: string): string =>
    render([{ role: "user", content: "Say So: now" }, { role: "assistant", content }]).text;
  // As transformers 5.18 does with continue_final_message.
  deepEqual([text("So:"), text("So: "), text(" So")], [
    "[user]Say So: now[/][assistant]So:",
    "[user]Say So: now[/][assistant]So:",
    "[user]Say So: now[/][assistant]So",
  ]);
});

Deno.test("joinTexts() puts a delimiter where neither side has white space", () => {
  deepEqual([
    joinTexts("a", "b", "-"),
    joinTexts("a ", "b", "-"),
    joinTexts("a", "\u2003b", "-"),
    joinTexts("", "b", "-"),
  ], [
    "a-b",
    "a b",
    "a\u2003b",
    "b",
  ]);
});

Deno.test("chatMessages() keeps the last delimiter out of the user's one turn", () => {
  const turns = [
    { role: "user", content: "a", delimiter: " " },
    { role: "assistant", content: "b", delimiter: "\n" },
    { role: "user", content: "c", delimiter: "!" },
  ] as const;
  deepEqual(chatMessages(turns, { asTurns: false }), [{ role: "user", content: "a b\nc" }]);
});

Deno.test("an error of the template that no system's turn causes is thrown", () => {
  const broken = chatRendererOf({
    renderChat: () => {
      throw new UserError("Cannot render");
    },
  });
  try {
    broken([{ role: "user", content: "a" }]);
  } catch (error) {
    equal((error as Error).message, "Cannot render");
    return;
  }
  throw new Error("it was rendered");
});
