/** Finds sources of rows whose answers are all empty, which is a column taken for another, or lost. @module */
import { UserError } from "../error.ts";
import { callsTools, type Message, messageText } from "./formats/messages.ts";
import type { DataFields } from "./row_shapes.ts";

/** Counts a source's rows and those whose answer is empty, for each answer that its rows have. */
interface Counts {
  rows: number;
  empty: Record<string, number>;
}

/** The answers of sources, counted as their rows are read. */
export class EmptyAnswers {
  readonly #counts = new Map<object, Counts>();

  /** Counts a row of a source. */
  see(fields: DataFields, source: object): void {
    const counts = this.#counts.get(source) ?? { rows: 0, empty: {} };
    this.#counts.set(source, counts);
    counts.rows++;
    for (const [key, answer] of Object.entries(answersOf(fields))) {
      const isEmpty = typeof answer === "string"
        ? answer.trim() === ""
        : answer.every((turn) => !callsTools(turn) && messageText(turn).trim() === "");
      if (isEmpty) counts.empty[key] = (counts.empty[key] ?? 0) + 1;
    }
  }

  /** Throws a UserError that names the first source of which all answers, or one side of all pairs, are empty. */
  check(sources: readonly { name: string }[]): void {
    for (const source of sources) {
      const { rows = 0, empty = {} } = this.#counts.get(source) ?? {};
      const key = Object.keys(empty).find((key) => empty[key] === rows);
      if (key === undefined) continue;
      throw new UserError(
        `Cannot use ${source.name}: "${key}" is empty in all ${rows} rows, expected answers (data.columns names their column)`,
      );
    }
  }
}

function answersOf(fields: DataFields): Record<string, string | Message[]> {
  switch (fields.kind) {
    case "text":
    case "chat":
      return { response: fields.response };
    case "text_pair":
    case "chat_pair":
      return { chosen: fields.chosen, rejected: fields.rejected };
    default:
      return {};
  }
}
