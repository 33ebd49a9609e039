/** The verifiers of the cookbook score as its text says, with the rights that it gives them. @module */
import { deepEqual, equal } from "node:assert/strict";
import type { PlainValue } from "../../core/data/formats/json_numbers.ts";
import { loadVerifier, type VerifierLimit } from "../../core/label/verifier_judge.ts";
import { withFolder } from "../_shared/dnpo.ts";
import { stepsOf } from "./_pages.ts";

/** Where the page says that the checker is. */
const CHECKER = "127.0.0.1:8765";

/** Waits until a server answers. */
async function listening(address: string): Promise<void> {
  const [hostname, port] = address.split(":");
  for (let tries = 0;; tries++) {
    try {
      (await Deno.connect({ hostname: hostname!, port: Number(port) })).close();
      return;
    } catch (error) {
      if (tries === 300) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

type Row = [prompt: string, response: string, reference?: PlainValue];

/** Scores of [prompt, response, reference] by a verifier of the page. */
async function scoresOf(
  name: string,
  rows: Row[],
  limit: Partial<VerifierLimit> = {},
): Promise<number[]> {
  const page = await Deno.readTextFile(new URL("../../docs/verifiers.md", import.meta.url));
  return await withFolder(async (dir) => {
    for (const step of stepsOf(page)) {
      if (step.kind === "file") await Deno.writeTextFile(`${dir}/${step.name}`, step.text);
    }
    const inputs = rows.map(([prompt, response, reference]) => ({
      prompt,
      response,
      ...(reference !== undefined && { reference }),
    }));
    const child = name !== "tests.ts" ? null : new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-net=127.0.0.1", `--allow-run=${Deno.execPath()}`, `${dir}/checker.ts`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      if (child) await listening(CHECKER);
      using verifier = await loadVerifier(`${dir}/${name}`, { seconds: 30, ...limit });
      return await verifier.score(inputs, "the rows");
    } finally {
      child?.kill();
      await child?.status;
    }
  });
}

Deno.test("exact.ts gives 1 to the one right answer", async () => {
  deepEqual(await scoresOf("exact.ts", [["sort cab>", "abc"], ["flip cab>", "bac "], ["sort cab>", "acb"]]), [1, 1, 0]);
});

Deno.test("number.ts compares the last numbers", async () => {
  const rows: Row[] = [
    ["", "3 and 4 are 1,007.", "#### 1007"],
    ["", "It is -2.50", -2.5],
    ["", "7 of 8", 7],
    ["", "none", 0],
  ];
  deepEqual(await scoresOf("number.ts", rows), [1, 1, 0, 0]);
});

Deno.test("format.ts gives a part of the score for each step", async () => {
  const answers = ["no", "[]", "3", '{"name": "a"}', '{"name": "a", "year": 1.5}', '{"name": "a", "year": 1815}'];
  deepEqual(await scoresOf("format.ts", answers.map((answer) => ["", answer])), [0, 0.5, 0.25, 0.75, 0.75, 1]);
});

Deno.test("length.ts falls with the distance from its bounds", async () => {
  const words = [0, 20, 50, 150, 225, 1000].map((count): Row => ["", "word ".repeat(count)]);
  deepEqual((await scoresOf("length.ts", words)).map((score) => Number(score.toFixed(3))), [0.667, 0.8, 1, 1, 0.5, 0]);
});

Deno.test("tests.ts counts the cases that pass, and ends what runs on", async () => {
  const cases = [[[1, 2], 3], [[2, 2], 4], [[0, 0], 1]];
  const answers = [
    "function solve(a, b) { return a + b; }",
    "Here it is:\n```js\nconst solve = (a, b) => a * b;\n```\nGood luck.",
    "function solve() { while (true) {} }",
    "function solve(",
    "console.log('PASSED 3'); function solve() { throw 1; }",
    "console.log('TOKEN 3'); Deno.exit();",
    "function solve() { return Deno.readTextFileSync('/etc/hostname').length; }",
  ];
  const limit = { permissions: { net: [CHECKER] } };
  const scores = await scoresOf("tests.ts", answers.map((answer) => ["", answer, cases]), limit);
  equal(scores.length, answers.length);
  deepEqual(scores.map((score) => Math.round(3 * score)), [2, 1, 0, 0, 0, 0, 0]);
});
