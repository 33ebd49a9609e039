import assert from "node:assert/strict";
import { parse } from "yaml";
import { type CardSource, modelCard } from "../../../core/report/model_card.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { TRIAL, withRun } from "../_run_folders.ts";

const BASE: CardSource = {
  source: "org/base@v1",
  type: "model",
  repo: "org/base",
  commit: "0123456789abcdef0123456789abcdef01234567",
  license: "apache-2.0",
};
const DATA: CardSource = {
  source: "org/data:main/train",
  type: "dataset",
  repo: "org/data",
  commit: "f".repeat(40),
  config: "main",
  split: "train",
};

async function cardOf(
  config: string,
  sources: CardSource[],
): Promise<{ header: Record<string, unknown>; text: string }> {
  return await withRun({ ...TRIAL, "config.yaml": config }, async (dir) => {
    const card = modelCard(await readRun(dir), { repo: "me/mine", sources, figure: "figure.svg" });
    const [, yaml, text] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(card)!;
    return { header: parse(yaml!), text: text! };
  });
}

Deno.test("modelCard() tells what the model was made of in the hub's front matter", async () => {
  const config =
    "model: org/base@v1\nmethod: dnpo\niterations: 2\ndata: {train: org/data:main/train, eval: org/held}\n" +
    "labels: [{judge: human}, {judge: verifier, verifier: /home/me/secret/judge.ts}]\nnoise: {update: joint}\n" +
    "output_dir: /home/me/secret/runs\n";
  const held = { ...DATA, source: "org/held", repo: "org/held", split: "test" };
  const { header, text } = await cardOf(config, [BASE, DATA, held]);
  assert.deepEqual(header, {
    library_name: "transformers",
    pipeline_tag: "text-generation",
    license: "apache-2.0",
    base_model: "org/base",
    base_model_relation: "finetune",
    datasets: ["org/data"],
    tags: ["dnpo", "preference-optimization"],
  });
  assert.match(text, /^\n# mine\n\nThis is \[org\/base\]\(.*\) after 2 iterations of Dynamic Noise Preference Optim/);
  assert.match(text, /\| data \| \[org\/data\]\(https:\/\/huggingface\.co\/datasets\/org\/data\), main\/train, commit/);
  assert.match(text, /\| held-out data \| \[org\/held\]/);
  assert.match(text, /\| judge \| human, verifier \|\n\| noise \| joint \|/);
  assert.match(
    text,
    /\| start \| 50\.0 % \| 40\.0 % (\| {2}){3}\|\n\| 0 \| 62\.5 % \| 50\.0 % \| 25\.0 % \| 0\.5500 \|/,
  );
  assert.match(text, /!\[Figures of the run\]\(figure\.svg\)/);
  assert.match(text, /arXiv:2502\.05400/);
});

Deno.test("modelCard() shows settings, of local paths the name alone, and not where the run lies", async () => {
  const config =
    "model: /home/me/secret/base\nmethod: dpo\ndata: {train: 'C:\\secret\\rows.jsonl', template: 'a | b'}\n" +
    "output_dir: /home/me/secret/runs\ntraining: {beta: [0.1, 0.5]}\n";
  // What the hub has here is a judge.
  const { header, text } = await cardOf(config, [{ ...BASE, source: "org/judge", repo: "org/judge" }]);
  assert.deepEqual(Object.keys(header), ["library_name", "pipeline_tag", "tags"]);
  assert.ok(!text.includes("secret"));
  assert.match(text, /This is a local model after 1 iteration of/);
  assert.match(
    text,
    /\| `model` \| base \|\n\| `method` \| dpo \|\n\| `data\.train` \| rows\.jsonl \|\n\| `data\.template` \| a &#124; b \|/,
  );
  assert.match(text, /\| `training\.beta` \| 0\.1, 0\.5 \|/);
});

Deno.test("modelCard() tells which rows were edited by hand, and says nothing where none were", async () => {
  const parts = { files: {}, models: {}, began: {}, judges: {}, known: {} };
  const rowsOf = async (edited: Record<string, string>): Promise<string[]> =>
    await withRun(
      { ...TRIAL, "config.yaml": "method: dnpo\n", "checksums.json": JSON.stringify({ ...parts, edited }) },
      async (dir) => {
        const card = modelCard(await readRun(dir), { repo: "me/mine", sources: [], figure: null });
        return card.split("\n").filter((line) => line.includes("edited"));
      },
    );
  assert.deepEqual(await rowsOf({}), []);
  const sum = "0".repeat(64);
  assert.deepEqual(await rowsOf({ "iteration-1/pairs.jsonl": sum, "iteration-0/responses.jsonl": sum }), [
    "| edited by hand | `iteration-0/responses.jsonl`, `iteration-1/pairs.jsonl` |",
  ]);
  assert.deepEqual(await rowsOf({ "a|b`c.jsonl": sum }), ["| edited by hand | <code>a&#124;b&#96;c.jsonl</code> |"]);
});

Deno.test("modelCard() has a card for a run of which little is known", async () => {
  const card = await withRun(
    {},
    async (dir) => modelCard(await readRun(dir), { repo: "me/mine", sources: [BASE], figure: null }),
  );
  assert.match(card, /base_model: org\/base/);
  assert.match(card, /\nThis is \[org\/base\]\([^)]*\), trained with dnpo\.\n/);
  assert.match(card, /\ntags:\n {2}- dnpo\n---/);
  assert.ok(!/\| method|Preference Optimization \(DNPO\)/.test(card));
  assert.ok(!card.includes("figure.svg") && !card.includes("## Settings") && !card.includes("## What came out"));
});
