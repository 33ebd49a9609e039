/** What was said in a chat, and the files in which it is kept. @module */
import type { Message } from "../core/data/formats/messages.ts";
import { UserError } from "../core/error.ts";
import { writeFileAtomic } from "../core/files/atomic.ts";
import { exists } from "../core/files/io.ts";

/** A prompt with each model's answer to it. */
interface Turn {
  prompt: string;
  answers: readonly string[];
}

/** The turns since the conversation began, also those that the models have forgotten by now. */
export class Transcript {
  #turns: Turn[] = [];
  #system: string | undefined;
  /** The files that this chat wrote, which it may write again. */
  readonly #own = new Set<string>();

  /** Forgets all turns. */
  begin(system: string | undefined): void {
    this.#turns = [];
    this.#system = system;
  }

  /** Keeps a prompt, and an answer of each model. */
  add(prompt: string, answers: readonly string[]): void {
    this.#turns.push({ prompt, answers });
  }

  /**
   * Writes a file and returns how many turns it holds. A name that ends in `.jsonl` gets rows that training reads, for
   * each model one conversation, or without a chat template each completion; any other gets text. Throws a UserError if
   * nothing was said, or if the file is there and not this chat's.
   */
  async save(path: string, { models, isConversation }: { models: readonly string[]; isConversation: boolean }) {
    if (path === "") throw new UserError("Cannot save the conversation: no file is named, expected /save FILE");
    const action = `Cannot save the conversation to ${path}`;
    if (this.#turns.length === 0) throw new UserError(`${action}: nothing was said yet`);
    if (!this.#own.has(path) && await exists(path)) {
      throw new UserError(`${action}: it is there already, expected a new name`);
    }
    const text = path.endsWith(".jsonl") ? this.#rows(models, isConversation) : this.#text(models);
    await writeFileAtomic(path, text);
    this.#own.add(path);
    return this.#turns.length;
  }

  #rows(models: readonly string[], isConversation: boolean): string {
    const system: Message[] = this.#system === undefined ? [] : [{ role: "system", content: this.#system }];
    const rows = models.flatMap((model, i): object[] => {
      const said = this.#turns.map(({ prompt, answers }) => ({ prompt, response: answers[i]! }));
      if (!isConversation) return said.map((row) => ({ model, ...row }));
      const turns = said.flatMap(({ prompt, response }): Message[] => [
        { role: "user", content: prompt },
        { role: "assistant", content: response },
      ]);
      return [{ model, messages: [...system, ...turns] }];
    });
    return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  }

  #text(models: readonly string[]): string {
    const system = this.#system === undefined ? [] : [`System: ${this.#system}`];
    const turns = this.#turns.flatMap(({ prompt, answers }) => [
      `You: ${prompt}`,
      ...answers.map((answer, i) => `${models[i]}: ${answer}`),
    ]);
    return [...system, ...turns].map((line) => `${line}\n`).join("\n");
  }
}
