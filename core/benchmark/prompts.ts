/** Builds the prompt of a document: instruction, description, examples and question (lm-eval 0.4.13, `api/task.py`). @module */
import { UserError } from "../error.ts";
import type { JsonValue } from "../data/formats/json_numbers.ts";
import { quote } from "../values.ts";
import { chatMessages, joinTexts, plainText, type QuestionParts, questionTurns, type Turn } from "./chat_messages.ts";
import type { RenderChat } from "./chat_rendering.ts";
import { type DocFields, intOf } from "./doc_fields.ts";
import { type Doc, fewShotDelimiterOf, targetDelimiterOf, type TaskConfig } from "./task_config.ts";

/** How prompts are written. */
export interface PromptOptions {
  /** What stands before everything, as the system's turn with a chat template. */
  readonly systemInstruction?: string;
  /** A chat template; plain text without. */
  readonly chat?: RenderChat;
  /** Whether examples are turns of their own (default true); it needs a template. */
  readonly fewShotAsTurns?: boolean;
}

/** A prompt, and whether the template refused the system's turn. */
export interface Prompt {
  readonly text: string;
  readonly isWithoutSystem: boolean;
}

/** Builds prompts of one task. */
export class PromptBuilder {
  readonly #config: TaskConfig;
  readonly #fields: DocFields;
  readonly #options: PromptOptions;
  readonly #examples = new Map<Doc, Turn[]>();

  constructor(config: TaskConfig, fields: DocFields, options: PromptOptions) {
    this.#config = config;
    this.#fields = fields;
    this.#options = options;
  }

  /** The prompts of a document: one, or where its text is an index one for each of its choices. */
  build(doc: Doc, examples: readonly Doc[]): Prompt[] {
    const config = this.#config;
    const fields = this.#fields;
    const instruction = this.#options.systemInstruction ?? "";
    const system = joinTexts(instruction, fields.part("description", doc), fewShotDelimiterOf(config));
    const before: Turn[] = system === "" ? [] : [{ role: "system", content: system, delimiter: "" }];
    for (const example of examples) before.push(...this.#example(example));
    const text = fields.text(doc);
    const questions = typeof text === "number" ? fields.choices(doc) : [text];
    return questions.map((question) => {
      const parts: QuestionParts = {
        question,
        answer: "",
        prefix: fields.part("gen_prefix", doc),
        targetDelimiter: typeof text === "number" ? "" : targetDelimiterOf(config),
        fewShotDelimiter: "",
      };
      return this.#render([...before, ...questionTurns(parts)]);
    });
  }

  #render(turns: readonly Turn[]): Prompt {
    const { chat, fewShotAsTurns: asTurns = true } = this.#options;
    return chat === undefined
      ? { text: plainText(turns), isWithoutSystem: false }
      : chat(chatMessages(turns, { asTurns }));
  }

  #example(doc: Doc): Turn[] {
    const known = this.#examples.get(doc);
    if (known !== undefined) return known;
    const config = this.#config;
    const fields = this.#fields;
    const own = config.fewshot_config ?? {};
    const text = fields.text(doc, own.doc_to_text ?? config.doc_to_text);
    const choiceField = own.doc_to_choice ?? config.doc_to_choice;
    const choices = choiceField === undefined ? null : fields.choices(doc, choiceField);
    const target = fields.target(doc, own.doc_to_target ?? config.doc_to_target);
    const turns = questionTurns({
      question: typeof text === "number" ? this.#choice(choices, text) : text,
      answer: this.#answer(target, typeof text === "number" ? null : choices),
      prefix: fields.part("gen_prefix", doc, own.gen_prefix ?? config.gen_prefix),
      targetDelimiter: own.target_delimiter ?? targetDelimiterOf(config),
      fewShotDelimiter: own.fewshot_delimiter ?? fewShotDelimiterOf(config),
    });
    this.#examples.set(doc, turns);
    return turns;
  }

  #answer(target: JsonValue, choices: readonly string[] | null): string {
    if (target === null) return "";
    const index = intOf(target);
    if (index !== null && choices !== null && choices.length > 0) return this.#choice(choices, index);
    const answer = Array.isArray(target) ? target[0] : target;
    if (typeof answer === "string") return answer;
    throw this.#wrong(
      `the answer of an example is ${quote(target)}, expected a text, or an index with "doc_to_choice"`,
    );
  }

  #choice(choices: readonly string[] | null, index: number): string {
    const choice = choices?.at(index);
    if (choice !== undefined) return choice;
    throw this.#wrong(`an example has the choice ${index} of ${choices?.length ?? 0}, expected one that is there`);
  }

  #wrong(problem: string): UserError {
    return new UserError(`Cannot make prompts of the task ${this.#config.task}: ${problem}`);
  }
}
