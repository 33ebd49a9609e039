/** The turns of a prompt, as lm-eval 0.4.13 joins and renders them (`api/utils.py`, `api/task.py`). @module */
import { isSpace } from "../data/tokenizer/template/python_strings.ts";

/** A turn, and what follows it in plain text. */
export interface Turn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
  readonly delimiter: string;
}

/** A turn as a chat template takes it. */
export type ChatMessage = { role: string; content: string };

/** Whether a delimiter stands between two texts: not where white space does. */
function needsDelimiter(before: string, after: string): boolean {
  return !isSpace([...before].at(-1)!) && !isSpace([...after][0]!);
}

/** Two texts, with `delimiter` between them unless one is empty or white space stands there. */
export function joinTexts(before: string, after: string, delimiter: string): string {
  if (before === "" || after === "") return before + after;
  return before + (needsDelimiter(before, after) ? delimiter : "") + after;
}

/** Whether a text ends with white space. */
export function endsWithSpace(text: string): boolean {
  return text !== "" && isSpace([...text].at(-1)!);
}

/** What the turns of one question are made of. */
export interface QuestionParts {
  readonly question: string;
  /** The answer of an example; "" where there is none. */
  readonly answer: string;
  /** What the answer begins with; "" for nothing. */
  readonly prefix: string;
  readonly targetDelimiter: string;
  readonly fewShotDelimiter: string;
}

/** The turn of a question, and that of its answer or of what the answer begins with. */
export function questionTurns(
  { question, answer, prefix, targetDelimiter, fewShotDelimiter }: QuestionParts,
): Turn[] {
  const hasDelimiter = prefix === "" ? answer !== "" : question !== "" && needsDelimiter(question, prefix);
  const user: Turn = { role: "user", content: question, delimiter: hasDelimiter ? targetDelimiter : "" };
  if (answer !== "") {
    return [user, { role: "assistant", content: joinTexts(prefix, answer, " "), delimiter: fewShotDelimiter }];
  }
  return prefix === "" ? [user] : [user, { role: "assistant", content: prefix, delimiter: "" }];
}

/** The turns as one text. */
export function plainText(turns: readonly Turn[]): string {
  return turns.map(({ content, delimiter }) => content + delimiter).join("");
}

/** The turns for a chat template: each by itself, or all of the user's and the examples' as one of the user. */
export function chatMessages(turns: readonly Turn[], { asTurns }: { asTurns: boolean }): ChatMessage[] {
  const plain = ({ role, content }: Turn): ChatMessage => ({ role, content });
  if (asTurns) return turns.map(plain);
  const system = turns[0]?.role === "system" ? [turns[0]] : [];
  const last = turns.at(-1)!.role === "assistant" ? [turns.at(-1)!] : [];
  const rest = turns.slice(system.length, turns.length - last.length);
  const text = plainText(rest.slice(0, -1)) + (rest.at(-1)?.content ?? "");
  return [...system.map(plain), { role: "user", content: text }, ...last.map(plain)];
}
