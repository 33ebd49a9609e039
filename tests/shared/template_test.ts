import { equal, ok, throws } from "node:assert/strict";
import { compileChatTemplate } from "../../core/data/tokenizer/chat_template.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

type Messages = { role: string; content: string }[];

interface Expected {
  special_tokens: Record<string, string>;
  conversations: Record<string, Messages>;
  rendered: Record<string, Record<string, string | { error: string }>>;
}

/** The day on which the texts were recorded. */
const now = (): Date => new Date(2026, 10, 28);

sharedTest("compileChatTemplate() renders real templates as transformers does", async () => {
  // In Python 1.0 is not 1: a number with a point is one of JavaScript's objects, as templates tell it from an int.
  const revive = (_key: string, value: unknown, { source }: { source: string }): unknown =>
    typeof value === "number" && /[.eE]/.test(source) ? Object(value) : value;
  const parse = JSON.parse as (text: string, revive: unknown) => Expected;
  const text = await Deno.readTextFile(sharedPath("templates/expected.json"));
  const { special_tokens: specialTokens, conversations, rendered } = parse(text, revive);
  const templates = Object.entries(rendered);
  equal(templates.length, 13);
  for (const [file, cases] of templates) {
    const jinja = await Deno.readTextFile(sharedPath("templates", file));
    const template = compileChatTemplate({}, { dir: file, jinja, specialTokens, now })!;
    ok(Object.keys(cases).length === 56);
    for (const [key, expected] of Object.entries(cases)) {
      const [name, prompt] = key.split("/");
      const render = (): string => template(conversations[name!]!, { addGenerationPrompt: prompt === "1" });
      if (typeof expected === "string") equal(render(), expected, `${file} ${key}`);
      else throws(render, { name: "UserError" }, `${file} ${key}: expected ${expected.error}`);
    }
  }
});
