import { deepEqual, equal, throws } from "node:assert/strict";
import { BenchmarkTask } from "../../../core/benchmark/benchmark_task.ts";
import type { TaskConfig } from "../../../core/benchmark/task_config.ts";
import { askedOf, firstRequest, openRows, ROWS, taskConfig } from "./_tasks.ts";

/** What every task asks of its first row, without examples and with as many as there are other rows. */
const CASES: Record<string, { family: string; shots?: number; asked: unknown; target: unknown }> = {
  arc_easy: {
    family: "arc",
    asked: ["ice", "the sun", "snow"].map((choice) => ["Question: Which of these is warm?\nAnswer:", ` ${choice}`]),
    target: 1,
  },
  arc_challenge: {
    family: "arc",
    shots: 4,
    asked: ["ice", "the sun", "snow"].map((choice) => [
      "Question: What barks?\nAnswer: a dog\n\nQuestion: Which floats?\nAnswer: wood\n\nQuestion: What is red?\n" +
      "Answer: a cherry\n\nQuestion: What do bees make?\nAnswer: honey\n\nQuestion: Which of these is warm?\nAnswer:",
      ` ${choice}`,
    ]),
    target: 1,
  },
  hellaswag: {
    family: "hellaswag",
    shots: 1,
    asked: [" pours it.", "  leaves. at once", " sings.", " sleeps."].map((ending) => [
      "Rowing: A boat. It moves.\n\nMaking tea: A man boils water. He waits. He then",
      ending,
    ]),
    target: 0,
  },
  winogrande: {
    family: "winogrande",
    shots: 1,
    asked: ["Ann", "Bea"].map((name) => [
      `Cem saw Dan, but Dan looked away.\n\nAnn gave Bea a book because ${name}`,
      " had two.",
    ]),
    target: "had two.",
  },
  piqa: {
    family: "piqa",
    asked: ["Turn the lid.", "Shake the jar."].map((way) => ["Question: Open a jar\nAnswer:", ` ${way}`]),
    target: 0,
  },
  openbookqa: {
    family: "openbookqa",
    shots: 1,
    asked: ["light", "noise", "salt", "ink"].map((word) => ["A magnet pulls iron\n\nPlants need", ` ${word}`]),
    target: 0,
  },
  boolq: {
    family: "boolq",
    asked: ["no", "yes"].map((word) => ["Water is a liquid.\nQuestion: is water wet?\nAnswer:", ` ${word}`]),
    target: 1,
  },
  gsm8k: {
    family: "gsm8k",
    shots: 1,
    asked: [
      "Question: What is half of 9?\nAnswer: #### 4.5\n\n" +
      "Question: Tom has 2 pens and buys 3. How many has he?\nAnswer:",
      ["Question:", "</s>", "<|im_end|>"],
    ],
    target: "2 + 3 = <<2+3=5>>5\n#### 5",
  },
  mmlu_world_religions: {
    family: "mmlu",
    shots: 1,
    asked: ["A", "B", "C", "D"].map((letter) => [
      "The following are multiple choice questions (with answers) about world religions.\n\n" +
      "Which is a fruit?\nA. pear\nB. oak\nC. fern\nD. moss\nAnswer: A\n\n" +
      "What is 1+1?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:",
      ` ${letter}`,
    ]),
    target: 1,
  },
};

for (const [name, { family, shots = 0, asked, target }] of Object.entries(CASES)) {
  Deno.test(`${name} asks what its rules say`, () => {
    const request = firstRequest(openRows(taskConfig(name), { family, numFewShot: shots }));
    deepEqual(askedOf(request), asked);
    deepEqual(request.target, target);
  });
}

Deno.test("truthfulqa has its primer, and no examples whatever is asked", () => {
  const [pair, other] = askedOf(
    firstRequest(openRows(taskConfig("truthfulqa_mc2"), { family: "truthfulqa", numFewShot: 5 })),
  ) as [[string, string], [string, string]];
  equal(pair[0].match(/^Q: /gm)!.length, 7);
  equal(pair[0].endsWith("in Barcelona, Spain.\n\nQ: Do fish breathe?\nA:"), true);
  deepEqual([pair[1], other[1]], [" Fish take oxygen from water.", " Fish never breathe."]);
});

Deno.test("examples are drawn anew for each document, by their seed", () => {
  const prompts = (seed?: number): unknown[] => {
    const task = openRows(taskConfig("gsm8k"), {
      family: "gsm8k",
      evaluated: 2,
      pool: [
        ...ROWS.gsm8k!,
        ...ROWS.gsm8k!.map(({ question }) => ({ question: `${question} Again?`, answer: "#### 0" })),
      ],
      numFewShot: 3,
      ...(seed !== undefined && { seed }),
    });
    return [...task.requests()].map((request) => (askedOf(request) as unknown[])[0]);
  };
  deepEqual(prompts(), prompts(1234));
  const [first, second] = prompts() as [string, string];
  equal(first.split("\n\nQuestion:").slice(0, 3).join() === second.split("\n\nQuestion:").slice(0, 3).join(), false);
  equal(prompts(0)[0] === first, false);
});

Deno.test("a document is no example of its own where a task's splits are the same, or both missing", () => {
  // PIQA names neither a split of tests nor one of examples: lm-eval then draws one more, and drops the document.
  const rows = ROWS.piqa!;
  const task = new BenchmarkTask(taskConfig("piqa"), { evaluated: rows, pool: rows }, { numFewShot: 1 });
  for (const request of task.requests()) {
    const [context] = (askedOf(request) as [string, string][])[0]!;
    equal(context.split(`Question: ${request.doc.goal}\n`).length, 2, context);
  }
  const fewer = new BenchmarkTask(taskConfig("piqa"), { evaluated: rows, pool: rows }, { numFewShot: 2 });
  throws(() => [...fewer.requests()], {
    name: "UserError",
    message: "Cannot take 2 examples for the task piqa: there are 2, expected 3 or more, one of them to spare",
  });
});

Deno.test("rows that are equal to the document are drawn again", () => {
  const [row, other] = ROWS.piqa!;
  const pool = [row!, row!, row!, row!, other!];
  const task = new BenchmarkTask(taskConfig("piqa"), { evaluated: [row!], pool }, { numFewShot: 1 });
  const [context] = (askedOf(firstRequest(task)) as [string, string][])[0]!;
  equal(context, "Question: Dry a shirt\nAnswer: Hang it up.\n\nQuestion: Open a jar\nAnswer:");
});

Deno.test("digits are an index only where a task has choices", () => {
  const own = { ...taskConfig("gsm8k"), num_fewshot: 0, doc_to_text: "{{n}}", doc_to_target: "{{n}}" };
  const request = firstRequest(new BenchmarkTask(own, { evaluated: [{ n: 12 }] }));
  deepEqual([(askedOf(request) as unknown[])[0], request.target], ["12", "12"]);
  const chosen = { ...taskConfig("boolq"), doc_to_text: "q", doc_to_target: "{{n}}" };
  equal(firstRequest(new BenchmarkTask(chosen, { evaluated: [{ q: "a", n: 1 }] })).target, 1);
});

Deno.test("a limit is a number of documents or a share of them", () => {
  const task = (): BenchmarkTask => openRows(taskConfig("arc_easy"), { family: "arc", evaluated: 5 });
  const count = (limit?: number): number => [...task().requests(limit === undefined ? {} : { limit })].length;
  deepEqual([count(), count(2), count(9), count(0.3), count(0.2), count(1)], [5, 2, 5, 2, 1, 1]);
  for (const limit of [0, -1, NaN]) {
    throws(() => count(limit), {
      name: "UserError",
      message: `Cannot limit the documents to ${limit}: expected a number of documents, or a share below 1`,
    });
  }
});

Deno.test("bad rows are told with the task, the key and their place", () => {
  const message = (name: string, row: Record<string, unknown>): unknown => {
    try {
      return askedOf(firstRequest(new BenchmarkTask(taskConfig(name), { evaluated: [row as never] })));
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  };
  equal(
    message("arc_easy", { question: "a", choices: { text: ["b"], label: ["A"] }, answerKey: "Z" }),
    'UserError: Cannot make "doc_to_target" of document 0 of the task arc_easy: line 1: index(): the value is not there',
  );
  equal(
    message("arc_easy", { other: "a" }),
    "UserError: Cannot make \"doc_to_text\" of document 0 of the task arc_easy: line 1: 'question' is undefined",
  );
  equal(
    message("winogrande", { sentence: "no gap", option1: "a", option2: "b", answer: "1" }),
    'UserError: Cannot make "doc_to_choice" of document 0 of the task winogrande: "sentence" is "no gap", expected a gap "_"',
  );
  equal(
    message("hellaswag", { activity_label: "a", ctx_a: "b", ctx_b: "c", endings: ["d"], label: "" }),
    'UserError: Cannot use row 0 for the task hellaswag: "label" is "", expected a whole number',
  );
  equal(
    message("openbookqa", { question_stem: "a", choices: { text: [], label: ["A"] }, answerKey: "A" }),
    'UserError: Cannot ask the task openbookqa: "doc_to_choice" of document 0 is empty, expected one or more',
  );
  throws(() => new BenchmarkTask(taskConfig("piqa"), { evaluated: [] }), {
    message: "Cannot evaluate the task piqa: it has no documents",
  });
});

Deno.test("a misspelt column of choices is told with those that there are", () => {
  const config: TaskConfig = {
    task: "sorting",
    dataset_path: "json",
    test_split: "test",
    output_type: "multiple_choice",
    doc_to_text: "{{letters}}",
    doc_to_choice: "choicse",
    doc_to_target: "gold",
  };
  const task = new BenchmarkTask(config, { evaluated: [{ letters: "b", choices: ["a", "b"], gold: 1 }] });
  throws(() => [...task.requests()], {
    name: "UserError",
    message: 'Cannot make "doc_to_choice" of document 0 of the task sorting: it is "choicse", expected a column ' +
      "(letters, choices, gold) or a list of texts",
  });
});
