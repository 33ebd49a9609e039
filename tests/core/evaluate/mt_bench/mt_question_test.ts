import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import {
  type MtQuestion,
  readQuestions,
  readReferences,
  temperatureOf,
  withReferences,
} from "../../../../core/evaluate/mt_bench/mt_question.ts";
import { OWN_QUESTIONS } from "../../../../core/evaluate/mt_bench/own_questions.ts";
import { jsonLines } from "../../../_shared/tiny_model.ts";
import { withFile } from "../../data/_fixtures.ts";

Deno.test("our own questions are ten of each category, two turns each, with right answers where there are such", () => {
  const counts = new Map<string, number>();
  for (const { category } of OWN_QUESTIONS) counts.set(category, (counts.get(category) ?? 0) + 1);
  deepEqual([...counts], [
    ["writing", 10],
    ["roleplay", 10],
    ["reasoning", 10],
    ["math", 10],
    ["coding", 10],
    ["extraction", 10],
    ["stem", 10],
    ["humanities", 10],
  ]);
  deepEqual(OWN_QUESTIONS.map(({ id }) => id), Array.from({ length: 80 }, (_, i) => i + 1));
  deepEqual(OWN_QUESTIONS.map(({ row }) => row), Array.from({ length: 80 }, (_, i) => i));
  for (const { category, turns, references, temperature } of OWN_QUESTIONS) {
    equal(turns.length, 2);
    equal(references.length, ["reasoning", "math", "coding"].includes(category) ? 2 : 0);
    equal(temperature, { writing: 0.7, roleplay: 0.7, stem: 0.1, humanities: 0.1 }[category] ?? 0);
  }
  const texts = OWN_QUESTIONS.flatMap(({ turns, references }) => [...turns, ...references]);
  equal(new Set(texts).size, texts.length);
  ok(texts.every((text) => text.length >= 20 || /^\S.*\.$/.test(text)));
});

Deno.test("readQuestions() reads FastChat's fields, and temperatures by category or by question", () => {
  const lines = [
    { question_id: 81, category: "writing", turns: ["one", "two"] },
    { question_id: 111, category: "math", turns: ["one", "two"], reference: ["1", "2"], other: true },
    { question_id: 7, category: "chess", turns: ["one"], reference: null },
    { question_id: 8, category: "stem", turns: ["one", "two"], reference: ["1", " "], required_temperature: 0.4 },
  ];
  return withFile("question.jsonl", jsonLines(lines) + "\n", async (path) => {
    const part = ({ id, row, references, temperature }: MtQuestion): unknown[] => [id, row, references, temperature];
    deepEqual((await readQuestions(path)).map(part), [
      [81, 0, [], 0.7],
      [111, 1, ["1", "2"], 0],
      [7, 2, [], 0.7],
      [8, 3, ["1"], 0.4],
    ]);
    equal(temperatureOf("toString"), 0.7);
  });
});

Deno.test("readQuestions() names the line and the key that is wrong", async () => {
  const good = { question_id: 1, category: "math", turns: ["a", "b"] };
  for (
    const [lines, message] of [
      ["", /^Cannot read the questions \S+: it has no lines, expected some$/],
      ["[]\n", /question.jsonl:1: it is no JSON object, expected one a line$/],
      [jsonLines([good, { ...good, question_id: "2" }]), /:2: "question_id" is "2", expected a whole number$/],
      [jsonLines([good, good]), /:2: question_id 1 is also that of \S+:1, expected one question each$/],
      [jsonLines([{ ...good, category: "" }]), /:1: "category" is "", expected a text$/],
      [jsonLines([{ ...good, turns: ["a", "b", "c"] }]), /:1: "turns" is .*, expected a list of 1 or 2 texts$/],
      [jsonLines([{ ...good, turns: ["a", ""] }]), /:1: "turns" is .*, expected a list of 1 or 2 texts$/],
      [jsonLines([{ ...good, reference: "x" }]), /:1: "reference" is "x", expected a list of texts/],
      [jsonLines([{ ...good, required_temperature: -1 }]), /:1: "required_temperature" is -1, expected a number/],
    ] as const
  ) {
    await withFile("question.jsonl", lines, (path) => rejects(readQuestions(path), { name: "UserError", message }));
  }
});

Deno.test("withReferences() takes right answers from FastChat's model answers", () => {
  const question = { id: 5, row: 0, category: "math", turns: ["a", "b"], references: ["old"], temperature: 0 };
  const lines = [{ question_id: 5, model_id: "m", choices: [{ index: 0, turns: ["1", "2"] }] }];
  return withFile("answers.jsonl", jsonLines(lines), async (path) => {
    const references = await readReferences(path);
    deepEqual(withReferences([question, { ...question, id: 6 }], references, path).map((each) => each.references), [
      ["1", "2"],
      ["old"],
    ]);
    throws(() => withReferences([{ ...question, id: 6 }, { ...question, id: 7 }], references, path), {
      name: "UserError",
      message:
        `Cannot use the reference answers ${path}: none of their question_id is a question's, expected such as 6 to 7 ` +
        "(--questions names the file of the questions that they are of)",
    });
    await Deno.writeTextFile(path, jsonLines([{ question_id: 5, choices: [] }]));
    await rejects(readReferences(path), /:1: "choices" is \[\], expected a list whose first entry has turns, texts$/);
  });
});
