/** Finds sources of rows whose answers are all empty, which is a column taken for another, or lost. @module */
import { UserError } from "../error.ts";
import { callsTools, type Message, messageText } from "./formats/messages.ts";
import type { DataFields } from "./row_shapes.ts";

/** A source's rows, and those whose answer is empty. */
interface Counts {
  rows: number;
  empty: number;
  /** The column, by the shape's name. */
  key: string;
}

/** The answers of sources, counted as their rows are read; of a pair that is the chosen one. */
export class EmptyAnswers {
  readonly #counts = new Map<object, Counts>();

  /** Counts a row of a source. */
  see(fields: DataFields, source: object): void {
    const [key, answer] = answerOf(fields) ?? [];
    if (key === undefined || answer === undefined) return;
    const counts = this.#counts.get(source) ?? { rows: 0, empty: 0, key };
    this.#counts.set(source, counts);
    counts.rows++;
    const isEmpty = typeof answer === "string"
      ? answer.trim() === ""
      : answer.every((turn) => !callsTools(turn) && messageText(turn).trim() === "");
    if (isEmpty) counts.empty++;
  }

  /** Throws a UserError that names the first source of which all answers are empty. */
  check(sources: readonly { name: string }[]): void {
    for (const source of sources) {
      const { rows, empty, key } = this.#counts.get(source) ?? { rows: 1, empty: 0, key: "" };
      if (empty < rows) continue;
      throw new UserError(
        `Cannot use ${source.name}: "${key}" is empty in all ${rows} rows, expected answers (data.columns names their column)`,
      );
    }
  }
}

function answerOf(fields: DataFields): [key: string, answer: string | Message[]] | null {
  switch (fields.kind) {
    case "text":
    case "chat":
      return ["response", fields.response];
    case "text_pair":
    case "chat_pair":
      return ["chosen", fields.chosen];
    default:
      return null;
  }
}
