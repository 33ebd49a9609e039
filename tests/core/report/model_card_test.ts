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
    "output_dir: /home/me/secret/runs\ntraining: {loss_type: robust, beta: [0.1, 0.5]}\n";
  const held = { ...DATA, source: "org/held", repo: "org/held", split: "test" };
  // What the models were only asked is nothing that they were made of.
  const asked = { ...DATA, source: "org/asked:main/test", repo: "org/asked", is_benchmark: true } as const;
  const { header, text } = await cardOf(config, [BASE, DATA, asked, held]);
  assert.ok(!text.includes("org/asked"));
  assert.deepEqual(header, {
    library_name: "transformers",
    pipeline_tag: "text-generation",
    license: "apache-2.0",
    base_model: "org/base",
    base_model_relation: "finetune",
    datasets: ["org/data"],
    tags: ["dnpo", "preference-optimization"],
  });
  assert.match(
    text,
    /^\n# mine\n\nThis model was made with the program dnpo from \[org\/base\]\(.*\), by 2 iterations of Dynamic Noise Preference Optim/,
  );
  assert.match(text, /\| data \| \[org\/data\]\(https:\/\/huggingface\.co\/datasets\/org\/data\), main\/train, commit/);
  assert.match(text, /\| held-out data \| \[org\/held\]/);
  assert.match(text, /\| loss \| `robust`, beta 0\.1, 0\.5 \|/);
  assert.match(text, /\| judge \| human \(the human answer is always chosen\), verifier \|\n\| noise \| joint \|/);
  assert.match(
    text,
    /^\| {2}\| start \| iteration 0 \| iteration 1 \|\n.*\n\| right answers, sampled \| 40\.0 % \| 50\.0 % \| .*\n\| right answers, greedy \| 50\.0 % \| 62\.5 % /m,
  );
  assert.match(text, /^\| model loss \| {2}\| 0\.5500 \| /m);
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
  assert.match(
    text,
    /This model was made with the program dnpo from the local model `base`, by 1 iteration of Direct Preference Optimization \(DPO\)\./,
  );
  assert.match(text, /\| base model \| `base`, local \|\n\| data \| `rows\.jsonl`, local \|/);
  assert.match(text, /arXiv:2305\.18290/);
  assert.ok(!/2502\.05400|Dynamic Noise/.test(text));
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
  assert.match(card, /\nThis model was made with the program dnpo from \[org\/base\]\([^)]*\)\.\n/);
  assert.ok(!/^tags:/m.test(card));
  assert.ok(!/\| method|Preference Optimization \(DNPO\)/.test(card));
  assert.ok(!card.includes("figure.svg") && !card.includes("## Settings") && !card.includes("## What came out"));
});

Deno.test("modelCard() defines every number of its table, with n", async () => {
  const iterations = [{ iteration: -1, greedy: 0.5, eval_rows: 500, eval_loss: 1.25 }, {
    iteration: 0,
    greedy: 0.6,
    eval_rows: 500,
    eval_loss: 1,
    pairs: 40,
    generated_chosen: 0.25,
    loss: 0.6,
    steps: 7,
  }];
  const files = { "config.yaml": "method: dnpo\n", "summary.json": JSON.stringify({ iterations, model: "m" }) };
  await withRun(files, async (dir) => {
    const card = modelCard(await readRun(dir), { repo: "me/mine", sources: [], figure: null });
    const [, body] = /^\| {2}\| start \| iteration 0 \|\n\| --- \| ---: \| ---: \|\n((?:\|.*\n)*)/m.exec(card)!;
    assert.deepEqual(body!.trimEnd().split("\n"), [
      "| held-out rows | 500 | 500 |",
      "| right answers, greedy | 50.0 % | 60.0 % |",
      "| held-out loss | 1.250 | 1 |",
      "| pairs |  | 40 |",
      "| generated answer chosen |  | 25.0 % |",
      "| optimizer steps |  | 7 |",
      "| model loss |  | 0.6000 |",
    ]);
    const names = [...body!.matchAll(/^\| (.*?) \|/gm)].map(([, name]) => name);
    assert.deepEqual([...card.matchAll(/^- \*\*(.*)\*\*: \S/gm)].map(([, name]) => name), names);
  });
});

Deno.test("modelCard() names no method that was not used", async () => {
  const cardFor = async (config: string, file = "config.yaml", metrics = ""): Promise<string> =>
    await withRun(
      { [file]: config, "metrics.jsonl": metrics },
      async (dir) => modelCard(await readRun(dir), { repo: "me/mine", sources: [], figure: null }),
    );
  const isDnpo = /Dynamic Noise|2502\.05400|^ {2}- dnpo$/m;
  for (
    const [config, tag, loss] of [
      ["method: sft\ntraining: {loss_type: sft}\n", "sft", "cross-entropy of the answers (`sft`)"],
      ["method: dpo\ntraining: {loss_type: ipo, beta: 0.2}\n", "dpo", "`ipo`, beta 0.2"],
      ["method: spin\ntraining: {loss_type: sigmoid, beta: 0.1}\n", "spin", "`sigmoid`, beta 0.1"],
    ] as const
  ) {
    const card = await cardFor(config);
    assert.doesNotMatch(card, isDnpo);
    assert.match(card, new RegExp(`^ {2}- ${tag}$`, "m"));
    assert.equal(card.includes(`| loss | ${loss} |`), true, card);
  }
  assert.doesNotMatch(await cardFor("stage: sft\nmodel: /a/b\ntraining: {loss_type: sft}\n", "stage.yaml"), isDnpo);
  assert.doesNotMatch(await cardFor("stage: optimize\npairs: /x/p.jsonl\nnoise: none\n", "stage.yaml"), isDnpo);
  assert.match(await cardFor("stage: optimize\npairs: /x/p.jsonl\n", "stage.yaml"), /\| data \| `p\.jsonl`, local \|/);
  // What of DNPO was left out is said.
  const without = await cardFor("method: dnpo\nlabels: {judge: human}\nnoise: none\n");
  assert.match(without, /\| method \| Dynamic Noise Preference Optimization \(DNPO\) without a judge and noise \|/);
  // Of dpo too, a judge is named where answers were judged.
  const label = '{"iteration":0,"stage":"label","labels/pairs":3}\n';
  const judged = "method: dpo\nlabels: {judge: verifier}\n";
  assert.match(await cardFor(judged, "config.yaml", label), /\| judge \| verifier \|/);
  assert.doesNotMatch(await cardFor(judged), /\| judge \|/);
});

Deno.test("modelCard() has what was set apart from the defaults, and small numbers as configs have them", async () => {
  const config = "model: base\nmethod: sft\ntraining: {learning_rate: 0.000002, weight_decay: 0, report_to: [], " +
    "adam_epsilon: 0.00000001}\nlora: {r: 8}\n";
  const { text } = await cardOf(config, []);
  const [, set, rest] = /## Settings\n\n([^]*?)\n\n<details>\n<summary>([^]*?)<\/details>/.exec(text)!;
  assert.match(set!, /\| `training\.learning_rate` \| 2e-6 \|\n\| `lora\.r` \| 8 \|$/);
  assert.equal(
    rest,
    "3 settings that have their defaults</summary>\n\n| key | value |\n| --- | --- |\n| `training.weight_decay` | 0 |\n" +
      "| `training.report_to` | none |\n| `training.adam_epsilon` | 1e-8 |\n\n",
  );
});

Deno.test("modelCard() says how an adapter is loaded, also over a base that is not on the hub", async () => {
  const useOf = async (base: string, sources: CardSource[]): Promise<string> =>
    await withRun({ ...TRIAL, "config.yaml": `model: ${base}\nmethod: dnpo\n` }, async (dir) => {
      const card = modelCard(await readRun(dir), { repo: "me/mine", sources, figure: null, adapter: { base } });
      return /## Use\n\n([^]*?)\n\n## /.exec(card)![1]!;
    });
  assert.match(
    await useOf("org/base@v1", [BASE]),
    /^```python\n.*\n.*\n\n.*\nmodel = AutoPeftModel.*\("me\/mine"\)\n```$/,
  );
  const local = await useOf("/home/me/models/base", []);
  assert.match(local, /^The base model `base` is not on the hub: you need a copy of it\.\n\n```python\n/);
  assert.match(local, /^base = AutoModelForCausalLM\.from_pretrained\("path\/to\/base"\)$/m);
  assert.match(local, /^model = PeftModel\.from_pretrained\(base, "me\/mine"\)$/m);
  assert.match(await useOf("/m/base.gguf", []), /from_pretrained\("path\/to\/its\/folder", gguf_file="base\.gguf"\)$/m);
});

Deno.test("modelCard() says which iteration's model it is, where the best one is handed out", async () => {
  const summary = JSON.parse(TRIAL["summary.json"]!);
  const of = (more: object): Promise<string> =>
    withRun(
      { ...TRIAL, "summary.json": JSON.stringify({ ...summary, ...more }) },
      async (dir) => modelCard(await readRun(dir), { repo: "me/mine", sources: [], figure: null }),
    );
  const best = { iteration: 0, metric: "sampled", value: 0.5 };
  assert.match(
    await of({ best }),
    /^This is the model of iteration 0, the best by right answers, sampled \(50\.0 %\)\. Of several numbers/m,
  );
  assert.doesNotMatch(await of({}), /This is the model of iteration|±/);
  // Of one iteration nothing was picked.
  const iterations = summary.iterations.slice(0, 2);
  assert.doesNotMatch(await of({ best, iterations }), /This is the model of iteration/);
});
