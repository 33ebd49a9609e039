/** What a run cannot do for its files is told before the device is opened, and with force before anything is removed. */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { runGenerate, runLabel, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { iterationPaths } from "../../../core/run/run_paths.ts";
import type { RowsRead, RunHooks } from "../../../core/run/run_context.ts";
import { jsonLines, tinyPairs, tinyRows } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { walk } from "../../e2e/_files.ts";
import { configOf, withChat, withInput } from "./_runs.ts";

type Work = (config: ResolvedConfig, hooks?: RunHooks) => Promise<unknown>;

const GOOD = "export default () => 1;\n";

/** Files that are to be refused, beside a model, a judge and rows. */
async function withFiles(use: (dir: string) => Promise<void>): Promise<void> {
  await withInput(async (dir) => {
    const files = {
      "throws.ts": "console.log('hello'); throw new Error('no such table'); export default () => 1;\n",
      "typo.ts": "export default ( => 1;\n",
      "good.ts": GOOD,
      "prompt.txt": "Which is better?\n",
      "broken.jsonl": jsonLines(tinyRows(3)) + '{"prompt_ids": [1], "response_ids": "x"}\n',
      "pairs.jsonl": jsonLines(tinyPairs(6)),
      "broken_pairs.jsonl": jsonLines(tinyPairs(3)) + '{"prompt_ids": [1], "chosen_ids": [2], "rejected_ids": 7}\n',
      "noise.safetensors": "no noise",
    };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text);
    await use(dir);
  });
}

/**
 * Checks that work throws this, that no device was opened, that a new run leaves no folder, and that one which goes on
 * loses no file and says in its log what was wrong.
 */
async function refused(work: Work, config: ResolvedConfig, expected: RegExp): Promise<void> {
  const opened: string[] = [];
  const hooks = { onDevice: (name: string): void => void opened.push(name) };
  const { output_dir: folder } = config;
  const before = await walk(folder);
  await rejects(work(config, hooks), (error: Error) => {
    equal(error.name, "UserError", error.stack);
    match(error.message, expected);
    return true;
  });
  deepEqual(opened, [], String(expected));
  const after = await walk(folder);
  if (before.length === 0) {
    deepEqual(after, []);
    await rejects(Deno.stat(folder), Deno.errors.NotFound, "the folder is there");
    return;
  }
  deepEqual(before.filter((path) => !after.includes(path)), []);
  const log = await readJsonLines<Record<string, unknown>>(`${folder}/log.jsonl`);
  match(String(log.at(-1)!.problem), expected);
  deepEqual(log.at(-1)!.end, "failed");
}

Deno.test("train() refuses rows, verifiers, judges and noise that cannot be used before the device is opened", () =>
  withFiles(async (dir) => {
    const rows = `${dir}/rows.jsonl`;
    const verified = (name: string, judge = "verifier"): Record<string, unknown> => ({
      labels: { judge, verifier: `${dir}/${name}` },
      data: { train: rows, eval: rows },
    });
    const llm = { judge: "llm", base_url: "http://127.0.0.1:9", server_model: "m" };
    const cases: [Record<string, unknown>, RegExp][] = [
      [verified("throws.ts"), /^Cannot load verifier \S+throws\.ts: no such table \(throws\.ts:1:\d+\)$/],
      [verified("typo.ts"), /^Cannot load verifier \S+typo\.ts: /],
      [verified("throws.ts", "human"), /^Cannot load verifier \S+throws\.ts: no such table/],
      [{ data: { train: `${dir}/broken.jsonl` } }, /^Cannot read \S+broken\.jsonl:4: "response_ids" is /],
      [
        { data: { train: `${rows}[20:]` } },
        /^Cannot use \S+rows\.jsonl\[20:\]: it holds no rows, expected at least one$/,
      ],
      [{ data: { train: rows, eval: `${dir}/broken.jsonl` } }, /^Cannot read \S+broken\.jsonl:4: "response_ids" is /],
      [
        { method: "dpo", data: { train: `${dir}/broken_pairs.jsonl` } },
        /^Cannot read \S+broken_pairs\.jsonl:4: "rejected_ids" is 7/,
      ],
      [{ labels: { ...llm, prompt: `${dir}/prompt.txt` } }, /^Cannot use the judge's prompt \S+: it has no \{prompt\}/],
      [{ labels: { ...llm, api_key_file: `${dir}/none` } }, /^Cannot read the API key in \S+: there is no such file$/],
      [
        { labels: { judge: "reward-model", model: `${dir}/judge` } },
        /^Cannot use \S+judge\/config\.json: "architectures" is /,
      ],
      [{ noise: { update: "joint", rank: 1000 } }, /^Cannot make a noise generator of rank 1000: /],
      [{ noise: { update: "joint", init: `${dir}/noise.safetensors` } }, /noise\.safetensors/],
    ];
    for (const [keys, expected] of cases) await refused(train, await configOf(dir, keys), expected);
  }));

Deno.test("a run that is refused keeps a folder that was there, and what lies in it", () =>
  withFiles(async (dir) => {
    const [keys, run] = [{ data: { train: `${dir}/broken.jsonl` } }, `${dir}/run`];
    await Deno.mkdir(run);
    await rejects(train(await configOf(dir, keys)), { name: "UserError" });
    deepEqual([(await Deno.stat(run)).isDirectory, await walk(run)], [true, [`${run}/.lock`]]);
    await Deno.writeTextFile(`${run}/notes.txt`, "mine\n");
    await refused(train, await configOf(dir, keys), /^Cannot read \S+broken\.jsonl:4: /);
  }));

Deno.test("stages refuse pairs, rows and answers that cannot be read before the device is opened", () =>
  withFiles(async (dir) => {
    const of = (name: string, keys: Record<string, unknown>): Promise<ResolvedConfig> =>
      configOf(dir, { output_dir: `${dir}/${name}`, ...keys });
    const pairs = `${dir}/broken_pairs.jsonl`;
    await refused(
      runOptimize,
      await of("optimize", { pairs }),
      /^Cannot read \S+broken_pairs\.jsonl:4: "rejected_ids" /,
    );
    const data = { train: `${dir}/broken.jsonl` };
    await refused(runSft, await of("sft", { data }), /^Cannot read \S+broken\.jsonl:4: "response_ids" /);
    await refused(runGenerate, await of("generate", { data }), /^Cannot read \S+broken\.jsonl:4: "response_ids" /);
    const labels = { judge: "verifier", verifier: `${dir}/throws.ts` };
    await refused(runLabel, await of("label", { labels }), /^Cannot label: \S+responses\.jsonl is not there; run gen/);
    await runGenerate(await of("label", {}));
    await refused(runLabel, await of("label", { labels }), /^Cannot load verifier \S+throws\.ts: no such table/);
  }));

Deno.test("a device that cannot be opened is an end that the log tells", () =>
  withFiles(async (dir) => {
    await Deno.mkdir(`${dir}/run`);
    await Deno.writeTextFile(`${dir}/run/kernels.json`, "{}");
    await refused(train, await configOf(dir), /^Cannot go on with the run: \S+kernels\.json is no record of kernels/);
  }));

Deno.test("a run that goes on is not held up by what it needs no more", () =>
  withFiles(async (dir) => {
    const labels = { judge: "verifier", verifier: `${dir}/good.ts` };
    const config = await configOf(dir, { labels });
    const stop = new AbortController();
    const onProgress = ({ stage }: { stage: string }): void => {
      if (stage === "optimize") stop.abort();
    };
    await rejects(train(config, { signal: stop.signal, onProgress }));
    await Deno.writeTextFile(`${dir}/good.ts`, "throw 1;\n");
    await train(config);
  }));

Deno.test("force removes nothing of a run if the new one cannot begin", () =>
  withFiles(async (dir) => {
    const labels = { judge: "verifier", verifier: `${dir}/good.ts` };
    const config = await configOf(dir, { labels });
    const told: RowsRead[] = [];
    await train(config, { onRows: (read) => told.push(read) });
    const name = `${dir}/rows.jsonl`;
    deepEqual(told, [{ name, isHeldOut: false, kind: "examples", rows: 10, kept: 10 }]);
    const before = await walk(`${dir}/run`);
    await Deno.writeTextFile(`${dir}/good.ts`, "throw new Error('broken by now');\n");
    await rejects(train(config, { force: true }), /^UserError: Cannot load verifier \S+good\.ts: broken by now /);
    const bad = await configOf(dir, { method: "dpo" });
    await rejects(train(bad, { force: true }), /^UserError: Cannot train with method dpo on \S+rows\.jsonl: its rows/);
    deepEqual(await walk(`${dir}/run`), before);
    await Deno.writeTextFile(`${dir}/good.ts`, GOOD);
    told.length = 0;
    await train(config, { force: true, onRows: (read) => told.push(read) });
    equal(told.length, 1, "the rows are read and told once");
  }));

Deno.test("evaluations stay if the held-out rows that a run is to have now cannot be read", () =>
  withFiles(async (dir) => {
    const [rows, held] = [`${dir}/rows.jsonl`, `${dir}/rows.jsonl[:4]`];
    await train(await configOf(dir, { data: { train: rows, eval: held } }));
    const before = (await walk(`${dir}/run`)).filter((path) => path.endsWith("evaluation.json"));
    equal(before.length, 2);
    const other = await configOf(dir, { data: { train: rows, eval: `${dir}/broken.jsonl` } });
    await refused(train, other, /^Cannot read \S+broken\.jsonl:4: "response_ids" is /);
    deepEqual((await walk(`${dir}/run`)).filter((path) => path.endsWith("evaluation.json")), before);
  }));

Deno.test("answers that cannot be read stop a run that goes on, and none that begins anew", () =>
  withFiles(async (dir) => {
    const labels = { judge: "verifier", verifier: `${dir}/good.ts` };
    const config = await configOf(dir, { labels });
    const { responses } = iterationPaths(config.output_dir, 0);
    const stop = new AbortController();
    const onProgress = ({ stage }: { stage: string }): void => {
      if (stage === "label") stop.abort();
    };
    await rejects(train(config, { signal: stop.signal, onProgress }), /StoppedError/);
    await Deno.writeTextFile(responses, "no row\n");
    await refused(train, config, /^Cannot read \S+responses\.jsonl:1: .+; delete the file to generate again$/);
    const { iterations } = await train(config, { force: true });
    equal(iterations.at(-1)!.iteration, 0);
  }));

Deno.test("notes about the rows come once, after the device is told", () =>
  withFiles(async (dir) => {
    const config = await loadConfig(undefined, {
      defaults: {
        ...await configOf(dir, { iterations: 2 }),
        data: { train: `${dir}/broken.jsonl`, on_bad_row: "skip", max_length: 1000 },
      } as Record<string, unknown>,
    });
    const told: string[] = [];
    await train(config, { onDevice: () => told.push("device"), onNote: (line) => told.push(line) });
    equal(told.filter((line) => line.includes("malformed row left out")).length, 1, told.join("\n"));
    equal(told[0], "device", told.join("\n"));
  }));

Deno.test("a run says once why there are fewer pairs than rows, and whose answer is chosen in a tie", () =>
  withChat(async (dir) => {
    // The model answers "" whatever is asked: what the first row's human said.
    const turns = ["", "ba", "ab"].map((content) => ({
      messages: [{ role: "user", content: "hello" }, { role: "assistant", content }],
    }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(turns));
    await Deno.writeTextFile(`${dir}/same.ts`, GOOD);
    const notes: string[] = [];
    const labels = { judge: "verifier", verifier: `${dir}/same.ts` };
    await train(await configOf(dir, { iterations: 2, labels, training: { max_steps: 1, learning_rate: 1e-9 } }), {
      onNote: (line) => notes.push(line),
    });
    deepEqual(notes.filter((line) => / of 3 rows: /.test(line)), [
      "2 pairs of 3 rows: 1 dropped, as the model gave the human answer itself, token for token; " +
      "in 2 both have the same score, so that the human answer is chosen",
    ]);
  }));
