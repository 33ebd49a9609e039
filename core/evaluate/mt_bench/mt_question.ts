/** Questions of two turns: what they are, and the reading of files in FastChat's form. @module */
import { UserError } from "../../error.ts";
import { objectOf, readText } from "../../files/io.ts";
import { isRecord, quote } from "../../values.ts";

/** A question, and what follows when it is answered. */
export interface MtQuestion {
  readonly id: number;
  /** Its place among all questions, by which the random numbers of its answers are drawn. */
  readonly row: number;
  readonly category: string;
  /** What the user says: one turn or two. */
  readonly turns: readonly string[];
  /** The right answers of the first turns, for the judge; there may be fewer than turns, or none. */
  readonly references: readonly string[];
  /** The temperature with which it is answered. */
  readonly temperature: number;
}

/** MT-Bench's temperatures (Zheng et al., arXiv:2306.05685; FastChat, `common.py`). */
const TEMPERATURES: Readonly<Record<string, number>> = {
  writing: 0.7,
  roleplay: 0.7,
  reasoning: 0,
  math: 0,
  coding: 0,
  extraction: 0,
  stem: 0.1,
  humanities: 0.1,
};

/** FastChat's temperature for a category that has none of its own. */
const OTHER_TEMPERATURE = 0.7;

/** Categories whose answers are right or wrong, so that the judge is to see a reference. */
export const REFERENCE_CATEGORIES: readonly string[] = ["math", "reasoning", "coding"];

/** The temperature with which a category's questions are answered. */
export function temperatureOf(category: string): number {
  return Object.hasOwn(TEMPERATURES, category) ? TEMPERATURES[category]! : OTHER_TEMPERATURE;
}

const MOST_TURNS = 2;

/**
 * Reads questions, a JSON object a line with `question_id`, `category`, `turns` and perhaps `reference` and
 * `required_temperature`. Throws a UserError that names the line.
 */
export async function readQuestions(path: string): Promise<MtQuestion[]> {
  const lines = await jsonLinesOf(path, "questions");
  const questions = lines.map(({ value, where }, row): MtQuestion => {
    const { category, turns, reference, required_temperature: temperature } = value;
    if (typeof category !== "string" || category === "") throw malformed(where, "category", category, "a text");
    if (!isTexts(turns) || turns.length === 0 || turns.length > MOST_TURNS || turns.includes("")) {
      throw malformed(where, "turns", turns, `a list of 1 or ${MOST_TURNS} texts`);
    }
    if (reference !== undefined && reference !== null && !isTexts(reference)) {
      throw malformed(where, "reference", reference, "a list of texts, one for each turn");
    }
    if (temperature !== undefined && !(typeof temperature === "number" && temperature >= 0)) {
      throw malformed(where, "required_temperature", temperature, "a number from 0");
    }
    return {
      id: idOf(value, where),
      row,
      category,
      turns,
      references: usedReferences(reference ?? [], turns.length),
      temperature: temperature ?? temperatureOf(category),
    };
  });
  checkIds(questions.map(({ id }) => id), lines, "question");
  return questions;
}

/** Reads right answers in the form of FastChat's model answers, `{question_id, choices: [{turns}]}` a line. */
export async function readReferences(path: string): Promise<Map<number, readonly string[]>> {
  const lines = await jsonLinesOf(path, "reference answers");
  const references = lines.map(({ value, where }): [number, readonly string[]] => {
    const first = Array.isArray(value.choices) ? value.choices[0] : undefined;
    const turns = isRecord(first) ? first.turns : undefined;
    if (!isTexts(turns)) throw malformed(where, "choices", value.choices, "a list whose first entry has turns, texts");
    return [idOf(value, where), turns];
  });
  checkIds(references.map(([id]) => id), lines, "reference answer");
  return new Map(references);
}

/**
 * The questions with the references of a file, `path`, in place of their own, where it has some. Throws a UserError if it
 * has none of any.
 */
export function withReferences(
  questions: readonly MtQuestion[],
  references: ReadonlyMap<number, readonly string[]>,
  path: string,
): MtQuestion[] {
  if (!questions.some(({ id }) => references.has(id))) {
    const [first, last] = [questions[0]!.id, questions.at(-1)!.id];
    throw new UserError(
      `Cannot use the reference answers ${path}: none of their question_id is a question's, expected such as ${first} ` +
        `to ${last} (--questions names the file of the questions that they are of)`,
    );
  }
  return questions.map((question) => {
    const found = references.get(question.id);
    return found === undefined ? question : { ...question, references: usedReferences(found, question.turns.length) };
  });
}

/** The references up to the first that is empty, one for each turn at most. */
function usedReferences(references: readonly string[], turns: number): string[] {
  const empty = references.findIndex((text) => text.trim() === "");
  return references.slice(0, Math.min(turns, empty === -1 ? turns : empty));
}

interface JsonLine {
  value: Record<string, unknown>;
  where: string;
}

async function jsonLinesOf(path: string, what: string): Promise<JsonLine[]> {
  const text = await readText(path, { what: `the ${what} ${path}`, isStrict: true });
  const lines = text.split("\n").flatMap((line, i): JsonLine[] => {
    if (line.trim() === "") return [];
    const where = `${path}:${i + 1}`;
    const value = objectOf(line);
    if (value === null) throw new UserError(`Cannot read ${where}: it is no JSON object, expected one a line`);
    return [{ value, where }];
  });
  if (lines.length === 0) throw new UserError(`Cannot read the ${what} ${path}: it has no lines, expected some`);
  return lines;
}

function idOf({ question_id: id }: Record<string, unknown>, where: string): number {
  if (typeof id === "number" && Number.isSafeInteger(id)) return id;
  throw malformed(where, "question_id", id, "a whole number");
}

function checkIds(ids: readonly number[], lines: readonly JsonLine[], what: string): void {
  const again = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  if (again === -1) return;
  const first = lines[ids.indexOf(ids[again]!)]!.where;
  throw new UserError(
    `Cannot read ${lines[again]!.where}: question_id ${ids[again]} is also that of ${first}, expected one ${what} each`,
  );
}

function malformed(where: string, key: string, value: unknown, expected: string): UserError {
  return new UserError(`Cannot read ${where}: "${key}" is ${quote(value)}, expected ${expected}`);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
