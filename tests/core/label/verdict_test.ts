import assert from "node:assert/strict";
import { DEFAULT_PROMPTS, fillPrompt, loadPrompt } from "../../../core/label/judge_prompt.ts";
import { parseVerdict, responseFormat, uncutPart, type Verdict } from "../../../core/label/verdict.ts";
import { withFile } from "../data/_fixtures.ts";

const SCORES: [string, Verdict | null][] = [
  ['{"reason": "fine", "score": 7}', 7],
  ['{"score": 10}', 10],
  ['{"score": 1.5}', 1.5],
  ['{"score": "8"}', 8],
  ['{"score": "8/10"}', 8],
  ['Here it is:\n```json\n{"reason": "a {brace} and }", "score": 4}\n```\nThat is all.', 4],
  ['{"score": 2} no, wait: {"score": 3}', 3],
  ['{"reason": "cut before its end", "score": 6', 6],
  ['<think>{"score": 1} or rating: 2?</think>{"score": 9}', 9],
  ['perhaps 3/10</think>\n{"score": 5}', 5],
  ["A score of 8", 8],
  ["Score: 4/10. A score of 10 would need sources.", 4],
  ["Score: 6 (a score of 10 is perfect)", 6],
  ["Score: 6. To get a score of 9, add sources.", 6],
  ["A score of 10 is perfect.", null],
  ["**Final rating: [[3]]** (not [[10]])", 3],
  ["Score: 1e1", null],
  ["Score: 10 (out of 100)", null],
  ["Score: 7/10/2024", null],
  ["Score: 7", 7],
  ["**Rating**: 6", 6],
  ["I give it a score of 8.", 8],
  ["Rating: [[9]]", 9],
  ["It deserves 7/10.", 7],
  ["I would say 8 out of 10", 8],
  ["7", 7],
  [" **7.** ", 7],
  ["The score is 3. In the end, score: 4", 4],
  ["8. The answer is right and short. (The maximum score is 10)", 8],
  ["8\n\n(The maximum score is 10.)", 8],
  ["8 (good)", 8],
  ["**9** - nothing is missing", 9],
  ["The maximum score is 10, the lowest score is 1. Score: 6", 6],
  ["A perfect score is 10.", null],
  ["Score (1-10): 7", 7],
  ["Score (out of 10): 7", 7],
  ["Rating out of ten: 6", 6],
  ["**Score (1-10):** 7.5", 7.5],
  ["Score - 4", 4],
  ["Score: **4**/10", 4],
  ["<score>7</score>", 7],
  ["<reason>12 words</reason><rating> 8/10 </rating>", 8],
  ["The final answer is $\\boxed{7}$", 7],
  ["\\boxed{\\text{3}}", 3],
  ["8 out of 10", 8],
  ["I rate it **8** out of 10", 8],
  ['{"score": "8 out of 10"}', 8],
  ["{'reason': 'fine', 'score': 7}", 7],
  ["It is right, but long.\n\n7", 7],
  ["On a scale of 1 to 10: score 1 to 10", null],
  ["Score: 1-10", null],
  ["Score: 7/100", null],
  ["Score: 7 out of 20", null],
  ["The highest possible score is 10; I give 5/10", 5],
  ["1. It is wrong.\n2. It is long.", null],
  ["3 mistakes", null],
  ["Score: 7,5", null],
  ["10 years ago", null],
  ['{"score": 0}', null],
  ['{"score": 11}', null],
  ['{"score": null}', null],
  ['{"score": [7]}', null],
  ["Score: 70", null],
  ["score: 85%", null],
  ["100", null],
  ["It has 3 mistakes", null],
  ["", null],
  ["<think>score: 7, no", null],
  ["I cannot judge this.", null],
  ["{".repeat(5000) + "}".repeat(5000), null],
];

const WINNERS: [string, Verdict | null][] = [
  ["Response A is better in style, but Response B is better overall.", "B"],
  ["Response B is better overall, although Response A is better in style.", "B"],
  ["Response A is better in style, Response B is better in substance.", null],
  ["I don't think that Response A is better.", null],
  ["It cannot be said that Response A is better.", null],
  ["Response A is better: false", null],
  ["Is it so that Response A is better? No. Response B wins.", "B"],
  ["[[B]], not [[A]]", "B"],
  ["Winner: A/B", null],
  ["Winner: A and B", null],
  ["Verdict: A or B?", null],
  ["Which response is better: A or B? Both fail.", null],
  ["Verdict: A<B", "B"],
  ["Preference: B > A", "B"],
  ["The winner is A tie.", "tie"],
  ["It's a draw!", "tie"],
  ["The preferred response is A", "A"],
  ['{"reason": "x", "winner": "A"}', "A"],
  ['{"winner": "b"}', "B"],
  ['{"winner": "tie"}', "tie"],
  ['{"winner": "Response B."}', "B"],
  ['{"winner": "neither"}', "tie"],
  ["[[A]]", "A"],
  ["My verdict is [[C]]", "tie"],
  ["Winner: B", "B"],
  ["**Winner**: Response A", "A"],
  ["The better response is B.", "B"],
  ["Response A is better.", "A"],
  ["Answer B is clearly better than A, though both err.", "B"],
  ["A", "A"],
  ["**B**", "B"],
  ["Tie.", "tie"],
  ["Winner: a tie", "tie"],
  ["Both are wrong, so it is a tie.", "tie"],
  ["My final verdict is: [[A>>B]]", "A"],
  ["[[B>A]]", "B"],
  ["[[A<<B]]", "B"],
  ["[[A=B]]", "tie"],
  ["A>B", "A"],
  ["[[A>A]]", null],
  ['{"winner": "model_a"}', "A"],
  ["Winner: model_b", "B"],
  ["model_a", "A"],
  ["Model B", "B"],
  ["Winner: Model A", "A"],
  ["<winner>B</winner>", "B"],
  ["The answer is \\boxed{B}", "B"],
  ["Output (a)", "A"],
  ["The winner is: Assistant B", "B"],
  ["I prefer response A", "A"],
  ["A is better than B", "A"],
  ["Assistant A's response is better", "A"],
  ["model_b is better", "B"],
  ["winner: both", "tie"],
  ["Both are long.\n\nFinal answer: B", "B"],
  ["The correct answer is A, which both say", null],
  ["The better is a matter of taste", null],
  ["a", null],
  ['{"winner": "C, or D"}', null],
  ['{"winner": 1}', null],
  ["A dog is an animal", null],
  ["", null],
];

Deno.test("parseVerdict() reads scores of JSON and of words, and nothing into what is none", () => {
  for (const [reply, expected] of SCORES) assert.equal(parseVerdict(reply, "score"), expected, reply.slice(0, 60));
});

Deno.test("parseVerdict() reads winners of JSON and of words, and nothing into what is none", () => {
  for (const [reply, expected] of WINNERS) assert.equal(parseVerdict(reply, "pairwise"), expected, reply.slice(0, 60));
});

Deno.test("uncutPart() leaves out a 1 at the end, which may have been a 10, and nothing else", () => {
  for (const text of ["The score is 1", "1", '{"score": 1']) {
    assert.equal(parseVerdict(text.replace("1", "10"), "score"), 10);
    assert.equal(parseVerdict(uncutPart(text), "score"), null, text);
  }
  for (const text of ["", "7", "Score: 1\n", "Score: 7.1", "Score: 11", "A"]) assert.equal(uncutPart(text), text);
});

Deno.test("parseVerdict() is quick with long rubbish", () => {
  const start = performance.now();
  for (const piece of ["{", "}", '{"score":', "<think>", "</think>", "[[", "score:", "7 ", "A ", "***", '"{}']) {
    for (const mode of ["score", "pairwise"] as const) parseVerdict(piece.repeat(20_000), mode);
  }
  // Runs of what a form takes any number of.
  const runs = ["9", " ", "*", "\n", ".\n ", "1.", "1,", "_"];
  for (const begin of ["", "score", "winner: ", "[[", "8", "8 out of "]) {
    for (const mode of ["score", "pairwise"] as const) {
      for (const run of runs) parseVerdict(`${begin}${run.repeat(100_000)}x`, mode);
    }
  }
  assert(performance.now() - start < 10_000, String(performance.now() - start));
});

Deno.test("the default prompts ask for what responseFormat() demands, and their own examples can be read", () => {
  for (const mode of ["score", "pairwise"] as const) {
    const prompt = DEFAULT_PROMPTS[mode];
    const { json_schema } = responseFormat(mode) as { json_schema: { schema: { required: string[] } } };
    for (const key of json_schema.schema.required) assert(prompt.includes(`"${key}":`), key);
    assert.deepEqual(parseVerdict(prompt.split("\n").at(-2)!, mode), mode === "score" ? 7 : "A");
  }
});

Deno.test("fillPrompt() fills the places once, whatever the texts hold", () => {
  const texts = { prompt: "$& {response}", response: "{prompt} {x}" };
  assert.equal(
    fillPrompt('{"a": {prompt}} | {response} | {reference} | {y}', texts),
    '{"a": $& {response}} | {prompt} {x} |  | {y}',
  );
});

Deno.test("loadPrompt() takes a file of one's own, and names the place that it lacks", async () => {
  const load = (text: string, mode: "score" | "pairwise") =>
    withFile("judge.txt", text, (path) => loadPrompt(path, mode));
  assert.equal(await load("{prompt} {response}", "score"), "{prompt} {response}");
  await assert.rejects(
    load("{prompt}", "score"),
    /^UserError: Cannot use the judge's prompt \S+: it has no {response}, expected {prompt}, {response} in mode score$/,
  );
  await assert.rejects(
    load("{prompt} {response}", "pairwise"),
    /it has no {response_a}, expected {prompt}, {response_a}, {response_b}/,
  );
  await assert.rejects(
    loadPrompt("/nowhere/judge.txt", "score"),
    /^UserError: Cannot read the judge's prompt \/nowhere\/judge.txt: /,
  );
});
