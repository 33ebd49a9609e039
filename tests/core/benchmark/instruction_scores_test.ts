import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { BenchmarkTask } from "../../../core/benchmark/benchmark_task.ts";
import { aggregateScores } from "../../../core/benchmark/aggregate_scores.ts";
import { OWN_INSTRUCTIONS } from "../../../core/benchmark/instructions/instruction_checks.ts";
import { differingInstructions, instructionScores } from "../../../core/benchmark/instructions/instruction_scores.ts";
import { languageOf } from "../../../core/benchmark/instructions/response_language.ts";
import { sentenceCount } from "../../../core/benchmark/instructions/sentence_count.ts";
import { DocumentScorer } from "../../../core/benchmark/score_document.ts";
import type { Doc } from "../../../core/benchmark/task_config.ts";
import { IFEVAL } from "../../../core/benchmark/tasks/ifeval.ts";
import goldens from "./goldens/instructions.json" with { type: "json" };

const INSTRUCTIONS = goldens.instructions as [string, Record<string, string | number | string[]>][];
const DOC: Doc = {
  instruction_id_list: INSTRUCTIONS.map(([id]) => id),
  kwargs: INSTRUCTIONS.map(([, kwargs]) => kwargs),
};

/** Those that ask what language a text is in. */
const OF_LANGUAGE = ["language:response_language", "change_case:english_capital", "change_case:english_lowercase"];

Deno.test("instructionScores() finds followed what lm-eval finds followed, but for languages", () => {
  let [equalOnes, ofLanguage] = [0, 0];
  for (const [answer, strict, loose] of goldens.answers as [string, string, string][]) {
    const scores = instructionScores(DOC, answer);
    INSTRUCTIONS.forEach(([id, kwargs], i) => {
      const found = [scores.inst_level_strict_acc[i], scores.inst_level_loose_acc[i]];
      const expected = [strict[i] === "1", loose[i] === "1"];
      if (!OF_LANGUAGE.includes(id)) deepEqual(found, expected, `${id} ${JSON.stringify(kwargs)} of ${answer}`);
      else {
        ofLanguage += 2;
        equalOnes += found.filter((each, k) => each === expected[k]).length;
      }
    });
  }
  // The others are of answers of a few words, or of none.
  ok(equalOnes / ofLanguage > 0.98, `${equalOnes} of ${ofLanguage}`);
  ok(OF_LANGUAGE.every((id) => Object.hasOwn(OWN_INSTRUCTIONS, id)));
});

Deno.test("differingInstructions() names what the rows ask for, and no more", () => {
  const doc = (id: string, kwargs: Doc): Doc => ({ instruction_id_list: [id], kwargs: [kwargs] });
  const letter = (letter: string): Doc =>
    doc("keywords:letter_frequency", { letter, let_frequency: 2, let_relation: "at least" });
  deepEqual(differingInstructions([doc("punctuation:no_comma", {}), letter("A")]), []);
  deepEqual(differingInstructions([letter("a"), letter("#"), doc("change_case:english_capital", {})]), [
    "change_case:english_capital",
    "keywords:letter_frequency",
  ]);
});

Deno.test("languageOf() tells the languages that IFEval asks for, from one sentence", () => {
  const codes = INSTRUCTIONS.filter(([id]) => id === "language:response_language").map(([, { language }]) => language);
  // The last answers are a sentence in each language but English, which the first one is in.
  const texts = goldens.answers.slice(1 - codes.length).map(([answer]) => answer!);
  const found = texts.map(languageOf);
  deepEqual(
    found,
    goldens.answers.slice(1 - codes.length).map(([, strict]) => {
      const at = INSTRUCTIONS.findIndex(([id], i) => id === "language:response_language" && strict![i] === "1");
      return INSTRUCTIONS[at]![1].language;
    }),
  );
  equal(languageOf("The garden is green, and we drank our tea in it while the rain fell on the roses."), "en");
  equal(languageOf("17 + 4 = 21"), null);
});

Deno.test("sentenceCount() takes time linear in the text", () => {
  const took = (text: string): number => {
    const start = performance.now();
    sentenceCount(text);
    return performance.now() - start;
  };
  for (const part of ["a.b", "Wait... ", "(\"'", "x", ". ", ".\n"]) {
    took(part.repeat(100));
    ok(took(part.repeat(20_000)) < 2000, JSON.stringify(part));
  }
});

Deno.test("ifeval's results are the means over prompts and over instructions, the latter without an error", () => {
  const row = (key: number, ids: string[], kwargs: Doc[]): Doc => ({
    key,
    prompt: "Write.",
    instruction_id_list: ids,
    kwargs,
  });
  const docs = [
    row(1, ["punctuation:no_comma", "detectable_format:title"], [{}, {}]),
    row(2, ["length_constraints:number_words"], [{ num_words: 2, relation: "at least" }]),
    row(3, ["detectable_format:json_format"], [{}]),
  ];
  const task = new BenchmarkTask(IFEVAL, { evaluated: docs });
  const scorer = new DocumentScorer(task);
  const answers = ["a <<b>>, c", "two words", "Sure:\n[1]"];
  const scored = [...task.requests()].map((request, i) => scorer.score(request, answers[i]!));
  deepEqual(scored[0]![0]!.metrics, {
    prompt_level_strict_acc: false,
    inst_level_strict_acc: [false, true],
    prompt_level_loose_acc: false,
    inst_level_loose_acc: [false, true],
  });
  const { values } = aggregateScores(task.metrics, scored);
  const rounded = Object.entries(values).map((
    [name, value],
  ) => [name, typeof value === "number" ? value.toFixed(12) : value]);
  const third = (1 / 3).toFixed(12);
  deepEqual(Object.fromEntries(rounded), {
    "prompt_level_strict_acc,none": third,
    "prompt_level_strict_acc_stderr,none": third,
    "inst_level_strict_acc,none": "0.500000000000",
    "inst_level_strict_acc_stderr,none": "N/A",
    "prompt_level_loose_acc,none": (2 / 3).toFixed(12),
    "prompt_level_loose_acc_stderr,none": third,
    "inst_level_loose_acc,none": "0.750000000000",
    "inst_level_loose_acc_stderr,none": "N/A",
  });
  const [request] = [...task.requests()];
  equal(request!.target, 0);
  deepEqual(request!.asked, {
    kind: "generate",
    context: "Write.",
    settings: { until: [], maxNewTokens: 1280, doSample: false, temperature: 0, others: {} },
  });
});

Deno.test("ifeval names a row whose instructions say too little, before anything is asked", () => {
  const refuses = (ids: unknown, kwargs: unknown, message: string): void =>
    throws(
      () => new BenchmarkTask(IFEVAL, { evaluated: [{ prompt: "x", instruction_id_list: ids, kwargs } as Doc] }),
      { name: "UserError", message: `Cannot use row 0 for the task ifeval: ${message}` },
    );
  refuses(
    ["length_constraints:number_words"],
    [{ relation: "at least" }],
    "instruction 0, length_constraints:number_words: " +
      '"num_words" of its kwargs is null, expected a whole number from 1',
  );
  refuses(
    ["length_constraints:number_words"],
    [{ num_words: 3, relation: "about" }],
    "instruction 0, " +
      'length_constraints:number_words: "relation" of its kwargs is "about", expected less than or at least',
  );
  refuses(
    ["keywords:existence"],
    [{ keywords: ["(c"] }],
    'instruction 0, keywords:existence: "(?i:(c)" is no pattern that is read here: a group has ' +
      "no end",
  );
  refuses([], [], '"instruction_id_list" is [], expected names of instructions');
  refuses(["punctuation:no_comma"], [], '"kwargs" is [], expected an object for each instruction');
});
