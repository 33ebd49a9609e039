import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import "../../_shared/one_device.ts";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { compareIterations, type CompareIterationsOptions } from "../../../core/evaluate/compare_iterations.ts";
import { COMPILE_STAGE } from "../../../core/progress.ts";
import { readWinRates } from "../../../core/evaluate/win_rates_file.ts";
import { startOpenAiServer } from "../../_shared/openai_server.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";
import { writeTokenizer } from "../data/_fixtures.ts";

function configOf(labels: Record<string, unknown>, generation: Record<string, unknown> = {}): Promise<ResolvedConfig> {
  const defaults = { generation: { temperature: 0, max_new_tokens: 8, ...generation }, labels };
  return loadConfig(undefined, { defaults });
}

/** Two runs of two iterations each, and a model that scores. */
function withRuns(use: (dir: string, options: CompareIterationsOptions) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    for (const [place, name] of ["a/iteration-0", "a/iteration-1", "b/iteration-0", "b/iteration-1"].entries()) {
      await writeTinyModel(`${dir}/${name}/model`, { seed: place + 1 });
    }
    await writeTinyModel(`${dir}/scorer`, { seed: 9 });
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(9)));
    const prompts = `${dir}/rows.jsonl`;
    await use(dir, { a: `${dir}/a`, b: `${dir}/b`, prompts, iterations: "all", output: `${dir}/out` });
  });
}

/** The file as it is, without the folder's own name. */
const fileOf = async (path: string, dir: string): Promise<string> =>
  (await Deno.readTextFile(path)).replaceAll(dir, "DIR");

Deno.test("compareIterations() compares the models of the same iteration, and keeps win rates and rows", () =>
  withRuns(async (dir, options) => {
    const config = await configOf({ judge: "logprob", model: `${dir}/scorer` });
    const { path, rates, kept } = await compareIterations(config, options);
    deepEqual(kept, []);
    deepEqual(rates.iterations.map(({ iteration, a, b }) => [iteration, a.model, b.model]), [
      [0, `${dir}/a/iteration-0/model`, `${dir}/b/iteration-0/model`],
      [1, `${dir}/a/iteration-1/model`, `${dir}/b/iteration-1/model`],
    ]);
    deepEqual(await readWinRates(path), rates);
    for (const { iteration, wins, ties, losses, rows } of rates.iterations) {
      equal(wins + ties + losses, 9);
      const lines = (await Deno.readTextFile(path.replace("win_rates.json", `rows-${iteration}.jsonl`))).trimEnd();
      const outcomes = lines.split("\n").map((line) => JSON.parse(line).outcome);
      deepEqual([outcomes.length, outcomes.filter((outcome) => outcome === "win").length], [rows, wins]);
    }
    // The same models by themselves give the same numbers.
    const again = await compareIterations(config, {
      ...options,
      output: `${dir}/other`,
      a: `${dir}/a/iteration-1/model`,
      iterations: [1],
    });
    deepEqual(again.rates.iterations, rates.iterations.slice(1));
  }));

Deno.test("compareIterations() does nothing twice, and goes on where it was stopped with the same bytes", () =>
  withRuns(async (dir, options) => {
    const config = await configOf({ judge: "logprob", model: `${dir}/scorer` }, { batch_size: 2 });
    const whole = await compareIterations(config, { ...options, output: `${dir}/whole` });
    const stop = new AbortController();
    const stopped = compareIterations(config, options, {
      signal: stop.signal,
      onProgress: ({ stage, iteration, done }) => {
        if (stage === "answers of B" && iteration === 1 && done >= 3) stop.abort();
      },
    });
    await rejects(stopped, /^StoppedError: /);
    const stages: string[] = [];
    const { path, kept } = await compareIterations(config, options, {
      // On a busy machine compiling is told of too.
      onProgress: ({ stage, iteration, done }) =>
        stage !== COMPILE_STAGE && stages.push(`${iteration} ${stage} from ${done}`),
    });
    deepEqual(kept, [0]);
    ok(stages.every((stage) => stage.startsWith("1 ")), stages.join());
    equal(stages[0], "1 answers of A from 9");
    ok(/^1 answers of B from [3-8]$/.test(stages[1]!), stages[1]);
    equal(await fileOf(path, `${dir}/out`), await fileOf(whole.path, `${dir}/whole`));
    const answers = (await Deno.readTextFile(`${dir}/out/answers.jsonl`)).trimEnd().split("\n");
    equal(answers.length, 4 * 9);
    deepEqual((await compareIterations(config, options)).kept, [0, 1]);
    // An iteration whose model is another one by now is compared again.
    await writeTinyModel(`${dir}/b/iteration-0/model`, { seed: 7 });
    deepEqual((await compareIterations(config, options)).kept, [1]);
    // One that is not asked for is not believed either; what is still there of the same models is.
    await writeTinyModel(`${dir}/b/iteration-1/model`, { seed: 8 });
    const notes: string[] = [];
    const hooks = { onNote: (line: string): number => notes.push(line) };
    deepEqual((await compareIterations(config, { ...options, iterations: [0] }, hooks)).kept, [0]);
    deepEqual((await readWinRates(path)).iterations.map(({ iteration }) => iteration), [0]);
    deepEqual(notes.filter((line) => line.startsWith("The win rate")), [
      "The win rate of iteration 1 is left out: it was of other models, or another version or device made it; " +
      "--iterations 1 compares it again",
    ]);
    const made = async (given: ResolvedConfig, more: Partial<CompareIterationsOptions>): Promise<number[][]> => {
      const { kept } = await compareIterations(given, { ...options, ...more });
      return [kept, (await readWinRates(path)).iterations.map(({ iteration }) => iteration)];
    };
    deepEqual(await made(config, { iterations: [1] }), [[], [0, 1]]);
    // Begun anew, the others stay where the settings are the same.
    deepEqual(await made(config, { iterations: [1], isAnew: true }), [[], [0, 1]]);
    const shorter = { ...config, generation: { ...config.generation, max_new_tokens: 4 } };
    deepEqual(await made(shorter, { iterations: [1], isAnew: true }), [[], [1]]);
    await Deno.writeTextFile(path, "{}");
    deepEqual(await made(config, { iterations: [0], isAnew: true }), [[], [0]]);
  }));

Deno.test("compareIterations() says of which iterations the models are gone, and keeps their win rates", () =>
  withRuns(async (dir, options) => {
    const config = await configOf({ judge: "logprob", model: `${dir}/scorer` });
    const { path, rates } = await compareIterations(config, options);
    await Deno.remove(`${dir}/b/iteration-0`, { recursive: true });
    const notes: string[] = [];
    const again = await compareIterations(config, options, { onNote: (line) => void notes.push(line) });
    deepEqual([again.kept, again.rates.iterations.map(({ iteration }) => iteration)], [[1], [1]]);
    deepEqual(await readWinRates(path), rates);
    deepEqual(notes.filter((line) => line.startsWith("The win rate")), [
      "The win rate of iteration 0 stays as it was made: its models are not all there any more, so that it cannot be checked",
    ]);
  }));

Deno.test("compareIterations() does not go on with answers that are drawn with other random numbers", () =>
  withRuns(async (dir, options) => {
    const labels = { judge: "logprob", model: `${dir}/scorer` };
    const asked = { ...options, iterations: [0], limit: 2 };
    const drawn = await configOf(labels, { temperature: 1, max_new_tokens: 2 });
    await compareIterations(drawn, asked);
    deepEqual((await compareIterations(drawn, asked)).kept, [0]);
    await rejects(
      compareIterations({ ...drawn, iteration: 1 }, asked),
      /^UserError: Cannot go on with the comparison in .*: iteration is 1, expected 0 as in /,
    );
    // The most probable answers are the same ones.
    const greedy = { ...await configOf(labels, { max_new_tokens: 2 }), output_dir: dir };
    const other = { ...asked, output: `${dir}/greedy` };
    await compareIterations(greedy, other);
    deepEqual((await compareIterations({ ...greedy, iteration: 1 }, other)).kept, [0]);
  }));

Deno.test("compareIterations() asks a server about each pair in both orders, and once", () =>
  withFolder(async (dir) => {
    for (const [place, name] of ["a/iteration-0", "b/iteration-0"].entries()) {
      const config = { vocab_size: 364, max_position_embeddings: 128 };
      await writeTinyModel(`${dir}/${name}/model`, { seed: place + 1, config });
      await writeTokenizer(`${dir}/${name}/model`);
    }
    await Deno.writeTextFile(
      `${dir}/rows.jsonl`,
      jsonLines(["ab", "hello"].map((prompt) => ({ prompt, response: "b" }))),
    );
    let asked = 0;
    // Whoever is shown first wins, so that no verdict holds.
    await using server = startOpenAiServer({
      chat: () => {
        asked++;
        return '{"winner": "A"}';
      },
    });
    const labels = { judge: "llm", base_url: server.url, server_model: "m", mode: "pairwise", input_price: 2 };
    const options: CompareIterationsOptions = {
      a: `${dir}/a`,
      b: `${dir}/b`,
      prompts: `${dir}/rows.jsonl`,
      iterations: "all",
      output: `${dir}/out`,
    };
    const { rates: { iterations: [rate] }, asked: paid } = await compareIterations(await configOf(labels), options);
    deepEqual([rate!.ties, rate!.orders_asked, rate!.orders_disagree, asked], [2, 2, 2, 4]);
    equal(rate!.metrics["labels/requests"], 4);
    ok(rate!.metrics["labels/cost"]! > 0);
    deepEqual([paid!.requests, paid!.cost], [4, rate!.metrics["labels/cost"]]);
    // Even anew, replies that were paid for stand.
    const notes: string[] = [];
    const anew = await compareIterations(await configOf(labels), { ...options, isAnew: true }, {
      onNote: (line) => void notes.push(line),
    });
    equal(asked, 4);
    deepEqual(anew.asked, { requests: 0, prompt: 0, completion: 0, cost: 0 });
    deepEqual(anew.rates, { ...anew.rates, iterations: [rate] });
    ok(notes.some((line) => /, 4 of them answered before; .*; of that now: nothing$/.test(line)), notes.join("\n"));
  }));

Deno.test("compareIterations() does not go on with another text of the config's chat template", () =>
  withRuns(async (dir, options) => {
    const template = `${dir}/chat.jinja`;
    const labels = { judge: "logprob", model: `${dir}/scorer` };
    const defaults = { generation: { temperature: 0, max_new_tokens: 2 }, labels, data: { chat_template: template } };
    const config = await loadConfig(undefined, { defaults });
    await Deno.writeTextFile(template, "{{ messages[0].content }}");
    const asked = { ...options, iterations: [0] };
    await compareIterations(config, asked);
    deepEqual((await compareIterations(config, asked)).kept, [0]);
    await Deno.writeTextFile(template, "{{ messages[0].content }}:");
    await rejects(compareIterations(config, asked), /^UserError: .*: data\.chat_template_sha256 is "[^\n]*$/);
  }));

Deno.test("compareIterations() refuses what does not compare, in one line", () =>
  withRuns(async (dir, options) => {
    const judge = { judge: "logprob", model: `${dir}/scorer` };
    const config = await configOf(judge);
    await compareIterations(config, { ...options, iterations: [0] });
    const refused = (
      given: ResolvedConfig,
      more: Partial<CompareIterationsOptions>,
      message: string,
    ): Promise<void> =>
      rejects(
        compareIterations(given, { ...options, ...more }),
        ({ name, message: text }: Error) => {
          equal(text.replaceAll(dir, "DIR"), message);
          return name === "UserError";
        },
      );
    await Deno.remove(`${dir}/a/iteration-1`, { recursive: true });
    await refused(
      config,
      {},
      "Cannot compare iteration 1 of DIR/b with DIR/a: DIR/a has no model of it, expected one of 0 (--iterations 0)",
    );
    await refused(
      config,
      { b: `${dir}/scorer` },
      "Cannot compare the iterations of DIR/scorer: it holds none with a model, expected a folder of `dnpo train`",
    );
    await refused(
      config,
      { b: `${dir}/nowhere` },
      "Cannot compare the iterations of DIR/nowhere: there is no such folder, expected a folder of `dnpo train`",
    );
    const key = "out/" + [...Deno.readDirSync(`${dir}/out`)].find(({ isDirectory }) => isDirectory)!.name;
    const other = `Cannot go on with the comparison in DIR/${key.replaceAll(dir, "DIR")}`;
    const advice = "--force compares anew, and --output names another folder";
    await refused(
      await configOf(judge, { max_new_tokens: 4 }),
      { iterations: [0] },
      `${other}: generation.max_new_tokens is 4, expected 8 as in DIR/${key}/win_rates.json; ${advice}`,
    );
    await refused(
      config,
      { iterations: [0], limit: 3 },
      `${other}: prompts.rows is 3, expected 9 as in DIR/${key}/win_rates.json; ${advice}`,
    );
    await refused(
      await configOf({ ...judge, margin: 0.5 }),
      { iterations: [0] },
      `${other}: labels.margin is 0.5, expected 0 as in DIR/${key}/win_rates.json; ${advice}`,
    );
    // A judge that is another one by now has another digest.
    await writeTinyModel(`${dir}/scorer`, { seed: 10 });
    await rejects(
      compareIterations(config, { ...options, iterations: [0] }),
      /: judge_files\..* expected "[0-9a-f]{64}" /,
    );
    await Deno.writeTextFile(`${dir}/${key}/win_rates.json`, "{}");
    await rejects(
      compareIterations(config, { ...options, iterations: [0] }),
      /^UserError: Cannot read .*: its a, b, prompts, settings or iterations are missing or of another form, expected /,
    );
  }));
