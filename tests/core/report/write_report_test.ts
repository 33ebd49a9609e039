import { deepEqual, doesNotMatch, equal, match, ok, rejects } from "node:assert/strict";
import { writeReport } from "../../../core/report/write_report.ts";
import { lockFolder } from "../../../core/run/run_lock.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

const page = (files: Readonly<Record<string, string>>) =>
  withRun(files, async (dir) => {
    const path = await writeReport(dir);
    equal(path, `${dir}/report.html`);
    return await Deno.readTextFile(path);
  });

/** The text of the page's part with this id. */
function partOf(html: string, id: string): string {
  const [, part] = new RegExp(`<section id="${id}">([^]*?)</section>`).exec(html) ?? [];
  return (part ?? "").replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ").trim();
}

const EVALUATED = { ...TRIAL, "evaluation.json": '{"rows": 200, "loss": 1}' };

Deno.test("writeReport() begins with the answer: what was trained on what, whether it got better, by how much", async () => {
  const settings = "model: base\nmethod: dnpo\niterations: 2\ndata: {train: rows.jsonl, eval: held.jsonl}\n" +
    "labels: {judge: verifier, verifier: right.ts}\n";
  const html = await withRun({ ...EVALUATED, "config.yaml": settings }, async (dir) => {
    for (const k of [0, 1]) {
      await Deno.mkdir(`${dir}/iteration-${k}`);
      await Deno.writeTextFile(`${dir}/iteration-${k}/evaluation.json`, '{"rows": 200, "loss": 1}');
    }
    await Deno.writeTextFile(
      `${dir}/timings.jsonl`,
      lines({ iteration: 0, stage: "optimize", seconds: 90, device_bytes: 2e9 }, {
        iteration: 0,
        stage: "generate",
        seconds: 5,
        tokens: 1234,
      }),
    );
    await Deno.writeTextFile(`${dir}/kernels.json`, '{"adapter": "Some GPU, 65541"}');
    return await Deno.readTextFile(await writeReport(dir));
  });
  const answer = partOf(html, "answer");
  match(
    answer,
    /^The model got better base was trained on its own answers to the prompts of rows\.jsonl , judged against the human ones by the verifier right\.ts \(DNPO, 2 of 2 iterations done\)\./,
  );
  // Greedy 50 % to 75 % of 200 prompts each, errors √(p (1 − p) / 199); Newcombe's interval is 15.5 to 33.8 points.
  match(
    answer,
    /right answers, greedy \+25\.0 ± 4\.7 points 50\.0 % ± 3\.5 \(start\) → 75\.0 % ± 3\.1 \(iteration 1\) better 95 % interval of the change \+15\.\d to \+33\.\d, n = 200 prompts\. ± is the standard error\./,
  );
  for (
    const fact of [
      "Time at work 1 min 35 s (generate 5.0 s, optimize 1 min 30 s)",
      "Device Some GPU Device memory, at the most 2.00 GB",
      "Tokens generated 1,234",
    ]
  ) {
    ok(answer.includes(fact), answer);
  }
});

Deno.test("writeReport() claims nothing that the error does not allow, or that was not measured", async () => {
  const unclear = { iterations: [{ iteration: -1, greedy: 0.5 }, { iteration: 0, greedy: 0.51 }], model: "m" };
  const same = await withRun({ ...EVALUATED, "summary.json": JSON.stringify(unclear) }, async (dir) => {
    await Deno.mkdir(`${dir}/iteration-0`);
    await Deno.writeTextFile(`${dir}/iteration-0/evaluation.json`, '{"rows": 200, "loss": 1}');
    return await Deno.readTextFile(await writeReport(dir));
  });
  match(partOf(same, "answer"), /^No clear change /);
  const loss = { iterations: [{ iteration: -1, eval_loss: 2 }, { iteration: 0, eval_loss: 1.5 }], model: "m" };
  const fell = partOf(await page({ "summary.json": JSON.stringify(loss) }), "answer");
  match(fell, /^The held-out loss fell .* −0\.500 nats per token .* No error is known/);
  const paired = {
    iterations: [{ iteration: -1, eval_loss: 2, eval_preference_loss: 0.7 }, {
      iteration: 0,
      eval_loss: 2.5,
      eval_preference_loss: 0.6,
    }],
    model: "m",
  };
  match(
    partOf(await page({ "summary.json": JSON.stringify(paired) }), "answer"),
    /^The held-out preference loss fell .* −0\.100 of the loss .* Lower is better\. .* \+0\.500 nats per token/,
  );
  const { "summary.json": _, ...unfinished } = TRIAL;
  match(
    partOf(await page(unfinished), "answer"),
    /^Whether it got better is not known .* No held-out rows are evaluated/,
  );
  match(
    partOf(await page({ "stage.yaml": "stage: sft\nmodel: base\n" }), "answer"),
    /base was trained on the human answers \(supervised fine-tuning\).* A stage that runs alone evaluates nothing/,
  );
});

Deno.test("writeReport() has a table with iterations as columns, and each name once with its meaning", async () => {
  const html = await page(TRIAL);
  match(
    html,
    /<thead><tr><td><\/td><th scope="col">start<\/th><th scope="col">iteration 0<\/th><th scope="col">iteration 1<\/th>/,
  );
  match(html, /<th scope="row">right answers, greedy<\/th><td>50\.0 %<\/td><td>62\.5 %<\/td><td>75\.0 %<\/td>/);
  match(html, /<th scope="row">noise loss<\/th><td class="soft">–<\/td><td>−0\.6000<\/td><td>−0\.6600<\/td>/);
  // No number of rows is known, and so no error.
  doesNotMatch(partOf(html, "numbers"), /±/);
  match(partOf(html, "numbers"), /What the rows mean right answers, sampled Share of held-out prompts/);
  equal(html.split("<figure>").length - 1, 5);
});

Deno.test("writeReport() shows no ± of a share of 0 or 1, of which verdict and interval tell", async () => {
  const of = (shares: readonly number[]): Promise<string> => {
    const iterations = shares.map((greedy, k) => ({ iteration: k - 1, greedy, eval_rows: 10 }));
    return page({ "summary.json": JSON.stringify({ iterations, model: "m" }) });
  };
  const sure = await of([0, 1]);
  // Newcombe's interval of 0 of 10 and 10 of 10, as in his paper's Table II.
  match(
    partOf(sure, "answer"),
    /^The model got better .* \+100\.0 points 0\.0 % \(start\) → 100\.0 % \(iteration 0\) better 95 % interval of the change \+60\.8 to \+100\.0, n = 10 prompts\. /,
  );
  doesNotMatch(sure, /±/);
  const half = await of([0, 0.5]);
  match(
    partOf(half, "answer"),
    /^The model got better .* \+50\.0 points 0\.0 % \(start\) → 50\.0 % ± 16\.7 \(iteration 0\)/,
  );
  match(partOf(half, "numbers"), /greedy 0\.0 % 50\.0 % ± 16\.7 ± is the standard error over prompts/);
});

Deno.test("writeReport() has words for every number of a run, and each once", async () => {
  const stages = [
    { iteration: 0, stage: "generate", "generation/rows": 8, "generation/length": 6.5, "generation/truncated": 3 },
    { iteration: 0, stage: "label", "labels/pairs": 8, "labels/requests": 2, "labels/cost": 1 },
  ];
  const summary = { iteration: 0, generation_length: 6.5, pairs: 8, truncated: 3, steps: 2, noise_variance: 1 };
  const more = { eval_loss: 1, rewards_margins: 1, rewards_accuracies: 0.5 };
  const html = await page({
    "metrics.jsonl": lines(...stages),
    "summary.json": JSON.stringify({ iterations: [{ ...summary, ...more }], model: "m" }),
  });
  const heads = [...html.matchAll(/<th scope="row">([^<]*)<\/th>/g)].map(([, head]) => head!);
  equal(new Set(heads).size, heads.length, `${heads}`);
  ok(heads.length >= 10);
  equal(heads.filter((head) => /_|^generation|^length$/.test(head)).length, 0, `${heads}`);
});

Deno.test("writeReport() sets settings that were set apart from those that have their defaults", async () => {
  const html = await page({
    ...TRIAL,
    "config.yaml":
      "model: base\nmethod: sft\nnoise: none\ntraining: {beta: 0.1, learning_rate: [0.1, 0.2], loss_type: sft, report_to: []}\n" +
      "labels: [{judge: human}, {judge: verifier}]\n",
  });
  const [set, defaults] = partOf(html, "settings").split(/\d+ settings that have their defaults/);
  match(set!, /model base .*training\.learning_rate 0\.1, 0\.2 .*labels\.1\.judge verifier/);
  match(
    defaults!,
    /noise none training\.beta 0\.1 training\.loss_type sft training\.report_to none labels\.0\.judge human/,
  );
});

Deno.test("writeReport() shows rows with their answers, scores, and which was chosen why", async () => {
  const response = {
    row: 4,
    prompt: "2+2=",
    response: "4",
    response_ids: [1],
    generated: "<b>5</b>",
    generated_ids: [2],
    finished: false,
  };
  const pair = {
    row: 4,
    prompt: "2+2=",
    chosen: "4",
    rejected: "5",
    chosen_from: "human",
    score_human: 1,
    score_generated: 0.5,
  };
  const html = await withRun(
    { ...TRIAL, "config.yaml": "method: dnpo\niterations: 1\nlabels: {margin: 0.25}\n" },
    async (dir) => {
      await Deno.mkdir(`${dir}/iteration-0`);
      await Deno.writeTextFile(
        `${dir}/iteration-0/responses.jsonl`,
        jsonLines([response, { ...response, row: 5, generated_ids: [1] }]),
      );
      await Deno.writeTextFile(`${dir}/iteration-0/pairs.jsonl`, jsonLines([pair]));
      return await Deno.readTextFile(await writeReport(dir));
    },
  );
  match(
    partOf(html, "samples"),
    /Row 4 2\+2= Human answer 4 score 1 Iteration 0 &lt;b&gt;5&lt;\/b&gt; score 0\.5000 rejected cut off &lt; 1 \+ 0\.2500 of the human answer/,
  );
});

Deno.test("writeReport() needs nothing from elsewhere and runs nothing: its policy allows its own style only", async () => {
  const html = await page(TRIAL);
  const urls = [...html.matchAll(/\b(?:src|url|@import)\b\s*[=(]|href="(?!#)/g)].map(([text]) => text);
  equal(urls.length, 0, `${urls}`);
  ok(!/<script|\bon\w+=|style="/.test(html));
  const [, style] = /<style>([^]*?)<\/style>/.exec(html)!;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  ok(html.includes(`default-src 'none'; style-src 'sha256-${new Uint8Array(digest).toBase64()}'`));
});

Deno.test("writeReport() makes a page of a folder of which little is known, and names a file that is malformed", async () => {
  deepEqual([...(await page({})).matchAll(/<h2>([^<]*)/g)].map(([, title]) => title), [
    "Whether it got better is not known",
  ]);
  match(await page({ "config.yaml": "just <text>" }), /<pre class="text">just &lt;text&gt;<\/pre>/);
  await rejects(page({ "metrics.jsonl": "{}\n1\n" }), {
    message: /metrics\.jsonl:2: it is no JSON object, expected one$/,
  });
  await rejects(page({ "summary.json": "{" }), { message: /summary\.json: it is not JSON/ });
});

Deno.test("writeReport() escapes what the files say", async () => {
  const evil = `<img src=x onerror="alert('1')">&`;
  const summary = { iterations: [{ iteration: 0, [evil]: 1, constructor: 2 }], model: evil };
  const html = await page({
    "summary.json": JSON.stringify(summary),
    "config.yaml": `${JSON.stringify(evil)}: ${JSON.stringify(evil)}\ndata: { ${JSON.stringify(evil)}: 1 }\n`,
    "metrics.jsonl": lines({ step: 1, loss: 1, [evil]: 2 }),
    "log.jsonl": lines({ at: "2026-01-01T00:00:00Z", note: evil }),
    "kernels.json": JSON.stringify({ adapter: evil }),
  });
  ok(!html.includes("<img"));
  ok(html.split("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;").length - 1 >= 6);
  match(html, /<th scope="row">constructor<\/th>/);
});

Deno.test("writeReport() shows the first and the last answer of a row, folds those between, and lets long texts scroll", async () => {
  const html = await withRun({ ...TRIAL, "config.yaml": "method: dnpo\niterations: 5\n" }, async (dir) => {
    for (let k = 0; k < 5; k++) {
      await Deno.mkdir(`${dir}/iteration-${k}`);
      const row = { row: 4, prompt: "p", response: "h", response_ids: [1], generated: `g${k}`, generated_ids: [k] };
      const rows = [{ ...row, generated: k === 4 ? "long ".repeat(1000) : row.generated }];
      await Deno.writeTextFile(`${dir}/iteration-${k}/responses.jsonl`, jsonLines(rows));
    }
    return await Deno.readTextFile(await writeReport(dir));
  });
  const samples = partOf(html, "samples");
  match(
    samples,
    /Human answer h Iteration 0 g0 3 iterations between Iteration 1 g1 .*Iteration 3 g3 Iteration 4 long long/,
  );
  match(samples, / … 3,000 characters more$/);
  equal(html.match(/<p class="text" tabindex="0">/g)?.length, 1);
});

Deno.test("writeReport() says of a run at work only that it was, and of one that failed or was killed what is known", async () => {
  const begin = { at: "2026-01-01T00:00:00Z", begin: { dnpo: "1", deno: "2", system: "linux" } };
  const headOf = async (dir: string): Promise<string> =>
    /<header>([^]*)<\/header>/.exec(await Deno.readTextFile(await writeReport(dir)))![1]!;
  await withRun({ ...TRIAL, "log.jsonl": lines(begin) }, async (dir) => {
    {
      using _lock = await lockFolder(dir);
      const head = await headOf(dir);
      match(
        head,
        /not done yet<.*The run was at work when this page was written \d{4}-.* UTC\. The page is a file that/,
      );
      ok(!head.includes("running"));
    }
    match(
      await headOf(dir),
      /stopped<.*Not at work on this machine; last written .*its process told no end: it was killed/,
    );
    const end = { at: begin.at, end: "failed", problem: "Cannot open <a device>\nmore" };
    await Deno.writeTextFile(`${dir}/log.jsonl`, lines(begin, end));
    match(await headOf(dir), />failed<.*<p>It failed: Cannot open &lt;a device&gt;<\/p>/);
  });
});

Deno.test("writeReport() compares the start with the iteration that is handed out, and says that a run ended early", async () => {
  const summary = JSON.parse(TRIAL["summary.json"]!);
  const made = {
    ...summary,
    best: { iteration: 0, metric: "sampled", value: 0.5 },
    stopped_early: { iteration: 1, patience: 1 },
  };
  const files = {
    ...EVALUATED,
    "config.yaml": "model: base\nmethod: dnpo\niterations: 9\ndata: {train: rows.jsonl, eval: held.jsonl}\n",
    "summary.json": JSON.stringify(made),
  };
  const html = await withRun(files, async (dir) => {
    await Deno.mkdir(`${dir}/model`);
    return await Deno.readTextFile(await writeReport(dir));
  });
  const answer = partOf(html, "answer");
  match(answer, /\(DNPO, 2 of 9 iterations, as the last ones got no better\)/);
  match(answer, /Iteration 0 was picked as the best of 2 on these very rows/);
  match(answer, /\(start\) → 50\.0 %.{0,8} \(iteration 0\)/);
  match(
    answer,
    /Model handed out runs\/trial\/iteration-1\/model , of iteration 0, the best by right answers, sampled \(50\.0 %\)/,
  );
});
