/** Stage 1 through real servers that speak OpenAI's completions API. */
import assert from "node:assert/strict";
import { templateTail } from "../../../core/data/encode_row.ts";
import { loadTokenizer } from "../../../core/data/tokenizer/tokenizer.ts";
import { rowSeed } from "../../../core/generate/served_generation.ts";
import { runGenerate } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { apiError, type Completion, type OpenAiServerOptions, startOpenAiServer } from "../../_shared/openai_server.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, linesOf, withChat, withInput } from "../loop/_runs.ts";

/** A line of responses.jsonl. */
interface Response {
  row: number;
  prompt: string;
  prompt_ids: number[];
  generated: string;
  generated_ids: number[];
  finished: boolean;
  retokenized?: boolean;
}

/** Continues a prompt of ids by the seed: three tokens, then EOS, unless there is no room. */
function byIds(_: string | number[], { seed, max_tokens }: { seed: number; max_tokens: number }): Completion {
  const ids = [3 + seed % 30, 3 + seed % 7, 3 + seed % 11, 2].slice(0, max_tokens);
  return { text: "", ids, finish_reason: ids.at(-1) === 2 ? "stop" : "length" };
}

const responsesOf = async (path: string): Promise<Response[]> => await readJsonLines<Response>(path);

Deno.test("runGenerate() keeps the ids that servers give, in the rows' order, a seed a row, the servers in rotation", () =>
  withInput(async (dir) => {
    const slow: OpenAiServerOptions = { complete: byIds, delay: 20 };
    await using a = startOpenAiServer({ ...slow, models: [{ id: "policy" }, { id: "other" }] });
    await using b = startOpenAiServer({ complete: byIds, models: [{ id: "policy", root: `${dir}/model` }] });
    const generation = {
      server: [a.url, b.url],
      server_model: "policy",
      max_new_tokens: 6,
      temperature: 0.5,
      top_p: 0.9,
    };
    const notes: string[] = [];
    const rows = await responsesOf(
      await runGenerate(await configOf(dir, { generation }), { onNote: (line) => notes.push(line) }),
    );
    rows.forEach((row, i) => {
      const seed = rowSeed(42, { iteration: 0, row: i });
      assert.deepEqual(row.generated_ids, byIds("", { seed, max_tokens: 6 }).ids);
      assert.deepEqual([row.row, row.finished, row.retokenized], [i, true, undefined]);
    });
    const asked = [a, b].map((server) =>
      server.asked.filter(({ path }) => path === "/completions").map(({ body }) => body)
    );
    assert.deepEqual(asked.map(({ length }) => length), [5, 5]);
    const [body] = asked[1]!.filter(({ prompt }) => String(prompt) === String(rows[1]!.prompt_ids));
    const { prompt: _, seed, ...settings } = body;
    assert.equal(seed, rowSeed(42, { iteration: 0, row: 1 }));
    assert.deepEqual(settings, {
      model: "policy",
      max_tokens: 6,
      temperature: 0.5,
      top_p: 0.9,
      top_k: -1,
      min_p: 0,
      repetition_penalty: 1,
      repeat_penalty: 1,
      stop_token_ids: [2],
      return_token_ids: true,
    });
    assert.equal((await linesOf(`${dir}/run`, 0)).stages.generate!["generation/retokenized"], 0);
    assert(notes.some((line) => line.startsWith('Generating iteration 0 with "policy" at http')), `${notes}`);
    // The same rows from one server, one at a time.
    const other = { ...generation, server: b.url, concurrency: 1 };
    const again = await runGenerate(await configOf(dir, { generation: other, output_dir: `${dir}/again` }));
    assert.equal(await Deno.readTextFile(again), await Deno.readTextFile(`${dir}/run/iteration-0/responses.jsonl`));
  }));

Deno.test("runGenerate() closes what ended by itself, and cuts and counts what did not", () =>
  withInput(async (dir) => {
    // Some servers leave EOS out of what they return.
    const complete = (): Completion => ({ text: "", ids: [5, 6], finish_reason: "stop" });
    await using stopped = startOpenAiServer({ complete });
    const ended = await responsesOf(await runGenerate(await configOf(dir, { generation: { server: stopped.url } })));
    assert(ended.every((row) => String(row.generated_ids) === "5,6,2" && row.finished));
    await using cut = startOpenAiServer({ complete: byIds });
    const short = { generation: { server: cut.url, max_new_tokens: 2 }, output_dir: `${dir}/short` };
    const rows = await responsesOf(await runGenerate(await configOf(dir, short)));
    assert(rows.every((row) => row.generated_ids.length === 2 && !row.finished));
    assert.equal((await linesOf(`${dir}/short`, 0)).stages.generate!["generation/truncated"], 10);
  }));

Deno.test("runGenerate() tokenizes text again where a server gives no ids, says so, and ends answers as the template does", () =>
  withChat(async (dir) => {
    const tail = templateTail(await loadTokenizer(`${dir}/model`), 2);
    const complete = (): Completion => ({ text: "ab hello", finish_reason: "stop" });
    for (const [name, takesIds] of [["strict", false], ["silent", true]] as const) {
      // The one refuses ids; the other takes them, and gives none back.
      await using server = startOpenAiServer({ complete, takesIds });
      const notes: string[] = [];
      const config = await configOf(dir, {
        generation: { server: server.url, max_new_tokens: 20 },
        output_dir: `${dir}/${name}`,
      });
      const rows = await responsesOf(await runGenerate(config, { onNote: (line) => notes.push(line) }));
      const tokenizer = await loadTokenizer(`${dir}/model`);
      for (const row of rows) {
        assert.deepEqual([row.generated, row.finished, row.retokenized], ["ab hello", true, true]);
        assert.deepEqual(row.generated_ids.slice(-1 - tail.length), [2, ...tail]);
        const whole = tokenizer.encode(`${row.prompt}ab hello`, { addSpecialTokens: false });
        assert.deepEqual([...row.prompt_ids, ...row.generated_ids], [...whole, 2, ...tail]);
      }
      assert.equal((await linesOf(`${dir}/${name}`, 0)).stages.generate!["generation/retokenized"], 3);
      assert.equal(notes.filter((line) => /gives text, not the sampled ids/.test(line)).length, 1, `${notes}`);
      const prompts = server.asked.filter(({ path }) => path === "/completions").map(({ body }) => typeof body.prompt);
      assert.equal(prompts.at(-1), takesIds ? "object" : "string");
    }
  }));

Deno.test("runGenerate() goes on where a server failed, and asks for no row again", () =>
  withInput(async (dir) => {
    let isDown = true;
    await using server = startOpenAiServer({
      complete: byIds,
      trouble: (n) => isDown && n >= 4 ? apiError(500, "out of memory") : undefined,
    });
    const generation = { server: server.url, concurrency: 1, max_retries: 0 };
    const config = await configOf(dir, { generation });
    await assert.rejects(
      runGenerate(config),
      /^UserError: Cannot generate row 4: http:\S+ answers 500: out of memory; what is done is kept, and the same command goes on$/,
    );
    assert.equal((await readJsonLines(`${dir}/run/iteration-0/responses.partial.jsonl`)).length, 4);
    isDown = false;
    // Another way to the same server is no other run.
    const rows = await responsesOf(
      await runGenerate(await configOf(dir, { generation: { ...generation, concurrency: 5 } })),
    );
    const seeds = server.asked.filter(({ path }) => path === "/completions").map(({ body }) => body.seed);
    assert.equal(seeds.length, 11);
    assert.equal(new Set(seeds).size, 10);
    assert.deepEqual(rows.map(({ row }) => row), rows.map((_, i) => i));
  }));

Deno.test("runGenerate() refuses a server that serves something else, or answers what is no completion", () =>
  withInput(async (dir) => {
    const refused = async (options: OpenAiServerOptions, keys: Record<string, unknown>, message: RegExp) => {
      await using server = startOpenAiServer({ complete: byIds, ...options });
      const generation = { server: server.url, max_retries: 0, ...keys };
      await assert.rejects(runGenerate(await configOf(dir, { generation })), message);
    };
    const two = { models: [{ id: "a" }, { id: "b" }] };
    await refused(two, {}, /it serves "a", "b"; set generation.server_model to one of them$/);
    await refused(two, { server_model: "c" }, /it serves "a", "b", expected "c"; serve \S+\/model under that name/);
    await refused({ models: null }, {}, /it has no list of models; set generation.server_model$/);
    await refused({ apiKey: "k" }, {}, /^UserError: Cannot generate iteration 0: \S+ answers 401: it wants an API key/);
    const complete = (ids: number[]) => () => ({ text: "", ids, finish_reason: "stop" as const });
    await refused(
      { complete: complete([37]) },
      {},
      /row 0: \S+ returned the token id 37, expected less than the vocabulary of 37: it serves another model$/,
    );
    await refused({ trouble: () => Response.json({ choices: [] }) }, {}, /row 0: \S+ answered what is no completion/);
    await refused({ takesIds: false }, {}, /row 0: \S+ answers 400: prompt: expected a string/);
    await refused(
      { complete: () => ({ text: "", ids: [], finish_reason: "length" }) },
      {},
      /row 0: \S+ returned an empty response/,
    );
  }));

Deno.test("train() with a server stops before an iteration whose model is not served, and goes on when it is", () =>
  withInput(async (dir) => {
    const models = [{ id: "policy-0" }];
    await using server = startOpenAiServer({ complete: byIds, models });
    const config = await configOf(dir, {
      method: "spin",
      iterations: 2,
      generation: { server: server.url, server_model: "policy-{iteration}" },
    });
    const notes: string[] = [];
    await assert.rejects(
      train(config, { onNote: (line) => notes.push(line) }),
      /^UserError: Cannot generate iteration 1 with \S+: it serves "policy-0", expected "policy-1"; serve \S+\/run\/iteration-0\/model under that name and give the same command again$/,
    );
    assert(notes.some((line) => line.endsWith('once that iteration\'s model is served as "policy-1"')), `${notes}`);
    models[0] = { id: "policy-1" };
    const { iterations } = await train(config);
    assert.equal(iterations.length, 3);
    assert.equal(server.asked.filter(({ path }) => path === "/completions").length, 20);
  }));

Deno.test("runGenerate() of a later iteration wants to tell the served model from an older one", () =>
  withInput(async (dir) => {
    await Deno.mkdir(`${dir}/run/iteration-0`, { recursive: true });
    await Deno.rename(`${dir}/judge`, `${dir}/run/iteration-0/model`);
    const models: { id: string; root?: string }[] = [{ id: "policy" }];
    await using server = startOpenAiServer({ complete: byIds, models });
    const config = await configOf(dir, { iteration: 1, generation: { server: server.url } });
    await assert.rejects(
      runGenerate(config),
      /it serves "policy", which cannot be told from an older iteration's; serve \S+\/iteration-0\/model .*NAME-\{iteration\} \(here NAME-1\)/,
    );
    models[0]!.root = `${dir}/run/iteration-0/model/`;
    assert.equal((await responsesOf(await runGenerate(config))).length, 10);
  }));
