import { deepEqual, equal, match, ok } from "node:assert/strict";
import { BYTE_LETTERS } from "../../core/data/tokenizer/byte_letters.ts";
import { hasChromium, type Page, withPage } from "../_shared/chromium.ts";
import { type Config, runConfig, startDnpo, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, writeTinyModel } from "../_shared/tiny_model.ts";
import { type MakeConfig, withTinyRun } from "./_tiny_run.ts";

/** Text that would run, load something or rewrite the page if it were taken for markup. */
const HOSTILE = `</script><script>document.title="owned"</script><img src=x onerror='document.title="owned"'>`;

const isThere = await hasChromium();
if (!isThere) console.log("watch in a browser: NOT RUN, Chromium is not installed");

/** Runs `use` with the address that `dnpo watch` prints, and ends it as Ctrl-C does. */
async function withWatch(dir: string, use: (address: string) => Promise<void>): Promise<void> {
  const child = startDnpo(["watch", dir]);
  const err = child.stderr.text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let out = "";
    while (!out.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`dnpo watch did not start: ${await err}`);
      out += value;
    }
    match(out, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/\n$/);
    await use(out.trim());
  } finally {
    child.kill("SIGINT");
    await reader.cancel();
  }
  equal((await child.status).code, 0);
  match(await err, /Open this address in a browser/);
}

/** How many points the line of a figure has; 0 if it is not there. */
const points = (title: string): string =>
  `([...document.querySelectorAll("figure")].find((f) => f.querySelector("h3").textContent === ${JSON.stringify(title)})
    ?.querySelector(".wide path[stroke-width]")?.getAttribute("d").split("L").length ?? 0)`;

/** Gives the model's folder a tokenizer that has each byte as a token of its own. */
async function writeByteTokenizer(model: string): Promise<void> {
  const special = ["<pad>", "<s>", "</s>"];
  const vocab = Object.fromEntries([...special, ...BYTE_LETTERS].map((token, id) => [token, id]));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  const tokenizer = {
    added_tokens: special.map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: "BPE", vocab, merges: [], unk_token: null },
  };
  await Deno.writeTextFile(`${model}/tokenizer.json`, JSON.stringify(tokenizer));
  await Deno.writeTextFile(`${model}/tokenizer_config.json`, JSON.stringify({ eos_token: "</s>", pad_token: "<pad>" }));
}

/** The config of a run that takes minutes, with hostile prompts. */
async function slowRun(dir: string, config: MakeConfig): Promise<Config> {
  await writeTinyModel(`${dir}/model`, { config: { vocab_size: 259, max_position_embeddings: 256 } });
  await writeByteTokenizer(`${dir}/model`);
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `row ${i} ${HOSTILE}`, response: `answer ${i}` }));
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
  return { ...config("run", { max_steps: 4000, logging_steps: 1 }), generation: { max_new_tokens: 6, batch_size: 2 } };
}

Deno.test({
  name:
    "watch shows a run in progress: samples come, the curve grows, hostile prompts stay text, and it can be stopped",
  ignore: !isThere,
  fn: () =>
    withTinyRun(async (dir, config) => {
      const made = await slowRun(dir, config);
      await Deno.mkdir(made.output_dir);
      await withWatch(made.output_dir, (address) =>
        withPage(async (page) => {
          const run = startDnpo(["train", await writeConfig(made)]);
          await using _run = { [Symbol.asyncDispose]: () => ended(run) };
          const [out, err] = [run.stdout.text(), run.stderr.text()];
          await untilRun(page, address);
          await page.until(`document.querySelector("#samples .sample")`, 60_000);
          match(
            await page.evaluate<string>(`document.querySelector("#samples .text").textContent`),
            /^row \d+ <\/script><script>/,
          );
          await page.until(`${points("Model loss")} > 3`, 60_000);
          const before = await page.evaluate<number>(points("Model loss"));
          await page.until(`${points("Model loss")} > ${before}`, 60_000);
          match(
            await page.evaluate<string>(`document.querySelector("#now").innerText`),
            /optimize: [\d,]+ of 4,000 steps/,
          );
          match(await page.evaluate<string>(`document.querySelector("#log").innerText`), /began, with dnpo/);
          await checkPage(page);
          await page.evaluate(`document.querySelector("#stop summary").click()`);
          // It stays open while the part around it is replaced.
          const now = `document.querySelector("#now .lead").textContent`;
          const seen = await page.evaluate<string>(now);
          await page.until(`${now} !== ${JSON.stringify(seen)}`);
          equal(await page.evaluate(`document.querySelector("#stop").open`), true);
          await page.evaluate(`document.querySelector("#stop button").click()`);
          equal((await run.status).code, 130);
          match(await err, /Stopping after the step at hand, as the run's page asks/);
          equal(await out, "");
          await page.until(`document.querySelector("h1 .pill")?.textContent === "stopped"`);
          deepEqual(page.complaints, []);
        }));
    }),
});

/** Ends a process that a failed test left. */
async function ended(run: Deno.ChildProcess): Promise<void> {
  try {
    run.kill("SIGKILL");
  } catch {
    // It has ended.
  }
  await run.status;
}

/** Opens the page once the folder, which is watched already, holds a run. */
async function untilRun(page: Page, address: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    await page.open(address);
    if (await page.evaluate(`document.querySelector("h1 .pill") !== null`)) return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error("the folder never became a run");
}

/** What holds for every page: nothing ran that came from data, nothing is wider than the screen, all is reachable. */
async function checkPage(page: Page): Promise<void> {
  ok(!/owned/.test(await page.evaluate<string>("document.title")));
  equal(await page.evaluate("document.querySelectorAll('img, iframe, object, embed').length"), 0);
  equal(await page.evaluate("document.scripts.length <= 1"), true);
  for (const width of [1280, 400]) {
    await page.picture({ width, dark: width === 400 });
    equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    // Each figure is drawn for this width: one drawing is shown, at nearly the size it was drawn for.
    const scales = await page.evaluate<number[]>(
      `[...document.querySelectorAll("figure svg")].map((svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)`,
    );
    const shown = scales.filter((scale) => scale > 0);
    equal(shown.length, scales.length / 2);
    ok(shown.every((scale) => scale > 0.85 && scale < 1.6), `${shown}`);
  }
  deepEqual(
    await page.evaluate(
      `[...document.querySelectorAll("svg")].filter((svg) => svg.getAttribute("role") !== "img" || !svg.getAttribute("aria-label")).length`,
    ),
    0,
  );
  equal(await page.evaluate("document.querySelectorAll('h1').length"), 1);
}

Deno.test({
  name: "watch shows a run that has ended, and its report.html is the same page without a program",
  ignore: !isThere,
  fn: () =>
    withTinyRun(async (dir, config) => {
      const made = config("run", { max_steps: 3, logging_steps: 1 });
      await runConfig("train", made);
      await withPage(async (page) => {
        await page.open(`file://${made.output_dir}/report.html`);
        await checkPage(page);
        equal(await page.evaluate("document.scripts.length"), 0);
        const text = `document.querySelector("main").innerText.replaceAll(/\\s+/g, " ")`;
        const saved = await page.evaluate<string>(text);
        match(saved, /Samples .* Figures .* Numbers .* Settings /);
        await withWatch(dir, async (address) => {
          await page.open(address);
          await page.until(`document.querySelector("#link").textContent.startsWith("Live")`);
          equal(await page.evaluate(`document.querySelector("tbody th").innerText`), "run");
          await page.open(`${address}run/run/`);
          await page.until(`document.querySelector("#link").textContent.startsWith("Live")`);
          await checkPage(page);
          equal(await page.evaluate(`document.querySelector("h1").innerText.replace(/\\s+/, " ")`), "run done");
          const figures = /Figures .* Numbers .* What the rows mean/;
          equal(figures.exec(await page.evaluate<string>(text))![0], figures.exec(saved)![0]);
        });
        await page.until(`document.querySelector("#link").textContent.startsWith("The connection is lost")`);
      });
    }),
});
