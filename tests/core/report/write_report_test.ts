import { equal, match, ok } from "node:assert/strict";
import { writeReport } from "../../../core/report/write_report.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

const page = (files: Readonly<Record<string, string>>) =>
  withRun(files, async (dir) => {
    const path = await writeReport(dir);
    equal(path, `${dir}/report.html`);
    return await Deno.readTextFile(path);
  });

Deno.test("writeReport() writes table, figures and settings", async () => {
  const html = await page(TRIAL);
  ok(html.startsWith("<!doctype html>"));
  match(html, /<h1>dnpo: trial<\/h1>/);
  match(html, /<code>runs\/trial\/iteration-1\/model<\/code>/);
  match(html, /<tr><th>start<\/th><td>50\.0 %<\/td><td>40\.0 %<\/td><td>–<\/td>/);
  match(
    html,
    /<tr><th>0<\/th><td>62\.5 %<\/td><td>50\.0 %<\/td><td>25\.0 %<\/td><td>0\.5500<\/td><td>−0\.6000<\/td><td>7<\/td>/,
  );
  equal(html.split("<figure>").length - 1, 5);
  match(html, /<h3>training<\/h3><table><tr><td>beta<\/td><td>0\.1, 0\.5<\/td><\/tr>/);
  match(
    html,
    /<h3>labels<\/h3><table><tr><td>0\.judge<\/td><td>human<\/td><\/tr><tr><td>1\.judge<\/td><td>verifier<\/td><\/tr>/,
  );
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
  const heads = [...html.matchAll(/<th>([^<]*)<\/th>/g)].map(([, head]) => head!);
  equal(new Set(heads).size, heads.length, `${heads}`);
  equal(heads.filter((head) => /_|^generation|^length$/.test(head)).length, 0, `${heads}`);
});

Deno.test("writeReport() needs nothing from elsewhere", async () => {
  const html = await page(TRIAL);
  const urls = [...html.matchAll(/\b(?:src|href|url|@import)\b\s*[=(]/g)].map(([text]) => text);
  equal(urls.length, 0, `${urls}`);
  equal([...html.matchAll(/https?:\/\/[^"]*/g)].filter(([url]) => url !== "http://www.w3.org/2000/svg").length, 0);
});

Deno.test("writeReport() escapes what the files say", async () => {
  const evil = `<img src=x onerror="alert('1')">&`;
  const summary = { iterations: [{ iteration: 0, [evil]: 1, constructor: 2 }], model: evil };
  const html = await page({
    "summary.json": JSON.stringify(summary),
    "config.yaml": `${JSON.stringify(evil)}: ${JSON.stringify(evil)}\ndata: { ${JSON.stringify(evil)}: 1 }\n`,
    "metrics.jsonl": lines({ step: 1, loss: 1, [evil]: 2 }),
  });
  ok(!html.includes("<img"));
  equal(html.split("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;").length - 1, 5);
  match(html, /<th>constructor<\/th>/);
  const broken = await page({ "config.yaml": "a: [<b>\n" });
  match(broken, /<pre>a: \[&lt;b&gt;\n<\/pre>/);
});

Deno.test("writeReport() of a run that has only begun is a page", async () => {
  const html = await page({});
  ok(html.endsWith("</body></html>\n"));
  ok(!html.includes("<h2>"));
});
