/** Questions of two turns from a tiny model's answers to a server's ratings. */
import { deepEqual, equal, match, notDeepEqual, ok, rejects } from "node:assert/strict";
import "../../../_shared/one_device.ts";
import { loadConfig, type ResolvedConfig } from "../../../../core/config/config.ts";
import { mtResults } from "../../../../core/evaluate/mt_bench/mt_results.ts";
import { type MtBenchOptions, runMtBench } from "../../../../core/evaluate/mt_bench/run_mt_bench.ts";
import { type OpenAiServer, type OpenAiServerOptions, startOpenAiServer } from "../../../_shared/openai_server.ts";
import { jsonLines, writeTinyModel } from "../../../_shared/tiny_model.ts";
import { readJsonLines } from "../../../_shared/trajectory.ts";
import { withFolder } from "../../_tiny.ts";
import { CHATML, writeTokenizer } from "../../data/_fixtures.ts";

const QUESTIONS = [
  { question_id: 11, category: "writing", turns: ["ab", "cd"] },
  { question_id: 12, category: "math", turns: ["1+1", "2+2"], reference: ["two", "four"] },
  { question_id: 13, category: "math", turns: ["3"] },
];

interface World {
  dir: string;
  server: OpenAiServer;
  options: MtBenchOptions;
}

/** Two models that talk, questions, and a server. */
function withWorld(chat: OpenAiServerOptions["chat"], use: (world: World) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    for (const [name, seed] of [["a", 1], ["b", 2]] as const) {
      await writeTinyModel(`${dir}/${name}`, { seed, config: { vocab_size: 364, max_position_embeddings: 160 } });
      await writeTokenizer(`${dir}/${name}`, { config: { chat_template: CHATML } });
    }
    await Deno.writeTextFile(`${dir}/q.jsonl`, jsonLines(QUESTIONS));
    await using server = startOpenAiServer({ ...chat && { chat } });
    await use({
      dir,
      server,
      options: { model: `${dir}/a`, questions: `${dir}/q.jsonl`, output: `${dir}/out` },
    });
  });
}

function configOf({ server }: World, keys: Record<string, unknown> = {}): Promise<ResolvedConfig> {
  const labels = { base_url: server.url, server_model: "m", input_price: 2, max_invalid: 0.5, ...keys };
  return loadConfig(undefined, { defaults: { generation: { max_new_tokens: 12 }, labels } });
}

const questions = ({ server }: World): string[] =>
  server.asked.filter(({ path }) => path === "/chat/completions").map(({ body }) => body.messages[0].content);

Deno.test("runMtBench() asks for a rating of each turn, with what was said before, and keeps all it pays for", () =>
  withWorld((question) => `so so [[${question.includes("2+2") ? 9 : 5}]]`, async (world) => {
    const { server, options } = world;
    const config = await configOf(world);
    const { bench, files } = await runMtBench(config, options);
    deepEqual(bench.scores.turns.map(({ mean, count }) => [mean, count]), [[5, 3], [7, 2]]);
    deepEqual(Object.keys(bench.scores.categories), ["writing", "math"]);
    const [first] = bench.model.answers;
    equal(first!.length, 2);
    const last = questions(world).find((text) => text.includes("User: cd"))!;
    ok(last.includes(`User: ab\n\nAssistant: ${first![0]!.text}\n\nUser: cd\n\nAssistant: ${first![1]!.text}\n[END`));
    equal(questions(world).filter((text) => text.includes("Right answer: two")).length, 2);
    const { body } = server.asked[0]!;
    deepEqual([body.model, body.temperature, body.response_format], ["m", 0, undefined]);
    // Nothing is asked or answered again, and all comes out the same.
    const asked = server.asked.length;
    const notes: string[] = [];
    const again = await runMtBench(config, options, { onNote: (line) => notes.push(line) });
    equal(server.asked.length, asked);
    deepEqual(again.files, files);
    deepEqual(
      notes.at(-1),
      `${files.results} was complete already; nothing is written (--overwrite asks and judges anew)`,
    );
    const names = async (): Promise<string[]> =>
      (await Array.fromAsync(Deno.readDir(`${options.output}`))).flatMap(({ name }) =>
        [...Deno.readDirSync(`${options.output}/${name}`)].map(({ name }) => name)
      ).sort();
    const made = await names();
    equal(made.filter((name) => name.startsWith("results_")).length, 1);
    deepEqual(again.bench.model, bench.model);
    deepEqual(again.bench.scores, bench.scores);
    deepEqual([bench.usage.cached, again.bench.usage.cached, again.bench.usage.requests], [0, 5, 5]);
    deepEqual(bench.usage.cost, bench.usage.prompt * 2 / 1e6);
    const { cost } = bench.usage;
    deepEqual([again.bench.usage.cost, bench.usage.now.cost, again.bench.usage.now.cost], [cost, cost, 0]);
    const lines = await readJsonLines(files.judgments) as Record<string, unknown>[];
    deepEqual(lines.map(({ question_id, turn, score }) => [question_id, turn, score]), [
      [11, 1, 5],
      [11, 2, 5],
      [12, 1, 5],
      [12, 2, 9],
      [13, 1, 5],
    ]);
    deepEqual([lines[3]!.answer, lines[3]!.reference], [bench.model.answers[1]![1]!.text, "four"]);
    const results = JSON.parse(await Deno.readTextFile(files.results));
    deepEqual(results, JSON.parse(JSON.stringify(mtResults(bench))));
    equal(results.without_reference, 1);
    // Other questions are other results; what was made of the first ones is found again.
    const fewer = await runMtBench(config, { ...options, limit: 1 });
    equal((await names()).length, made.length + 2);
    deepEqual([(await runMtBench(config, { ...options, limit: 1 })).files, (await runMtBench(config, options)).files], [
      fewer.files,
      files,
    ]);
    equal((await names()).length, made.length + 2);
    await Deno.remove(files.judgments);
    equal((await runMtBench(config, options)).files.results === files.results, false);
    equal(server.asked.length, asked);
    // Begun anew, it asks again.
    await runMtBench(config, { ...options, isAnew: true });
    equal(server.asked.length, 2 * asked);
  }));

Deno.test("runMtBench() answers each question by its own numbers and its category's temperature", () =>
  withWorld(() => "[[3]]", async (world) => {
    const config = await configOf(world);
    const { bench: all } = await runMtBench(config, world.options);
    const { bench: one } = await runMtBench(config, { ...world.options, limit: 1, output: `${world.dir}/other` });
    deepEqual(one.questions.map(({ id }) => id), [11, 12]);
    deepEqual(one.model.answers, all.model.answers.slice(0, 2));
    // Writing is drawn, by the seed; math is not.
    const seeded = { ...config, generation: { ...config.generation, seed: 7 } };
    const { bench: other } = await runMtBench(seeded, world.options);
    notDeepEqual(other.model.answers[0], all.model.answers[0]);
    deepEqual(other.model.answers.slice(1), all.model.answers.slice(1));
  }));

Deno.test("runMtBench() counts unreadable ratings, and stops where there are too many", () =>
  withWorld((question) => question.includes("User: cd") ? "a fine answer: 8" : "[[8]]", async (world) => {
    const notes: string[] = [];
    const { bench } = await runMtBench(await configOf(world), world.options, { onNote: (line) => notes.push(line) });
    deepEqual([bench.scores.unreadable, bench.scores.overall.mean, bench.scores.overall.count], [1, 8, 4]);
    ok(notes.includes('Judge llm: 1 of 5 replies holds no verdict, such as "a fine answer: 8"'), notes.join("\n"));
    await rejects(runMtBench(await configOf(world, { max_invalid: 0.1 }), world.options), {
      name: "UserError",
      message:
        /^Cannot rate the answers: (1 of the first \d replies \(5 in all\)|1 of 5 replies|the first of 5 replies) holds no verdict, expected \[\[1\]\] to \[\[10\]\] in all but 10 %/,
    });
  }));

/** Prefers the assistant whose conversation has a text. */
const preferring = (text: string) => (question: string): string => {
  const [, a, b] = question.split("[BEGIN CONVERSATION WITH ASSISTANT ");
  const [inA, inB] = [a!.includes(text), b!.includes(text)];
  return inA === inB ? "[[C]]" : inA ? "[[A]]" : "[[B]]";
};

Deno.test("runMtBench() with a baseline counts a win only if the judge says so in both orders", async () => {
  let chat = (_question: string): string => "[[A]]";
  await withWorld((question) => chat(question), async (world) => {
    const config = await configOf(world);
    const options = { ...world.options, baseline: `${world.dir}/b` };
    const values = async (keys: Partial<MtBenchOptions> = {}): Promise<(number | null)[]> =>
      (await runMtBench(config, { ...options, ...keys, isAnew: true })).bench.judgments.map(({ value }) => value);
    // The first one is better in either order: both verdicts contradict each other.
    deepEqual(await values(), [0.5, 0.5, 0.5, 0.5, 0.5]);
    const { bench } = await runMtBench(config, options);
    equal(mtResults(bench).orders_disagree, 5);
    const own = bench.model.answers[2]![0]!.text;
    ok(own !== bench.baseline!.answers[2]![0]!.text);
    chat = preferring(`User: 3\n\nAssistant: ${own}\n`);
    deepEqual(await values(), [0.5, 0.5, 0.5, 0.5, 1]);
    deepEqual(await values({ model: options.baseline, baseline: options.model }), [0.5, 0.5, 0.5, 0.5, 0]);
    const verdict = chat;
    chat = (question) => verdict(question) === "[[B]]" ? "I cannot say" : verdict(question);
    deepEqual(await values(), [0.5, 0.5, 0.5, 0.5, null]);
    // A model against itself says the same, about which nothing is asked.
    const asked = world.server.asked.length;
    deepEqual(await values({ baseline: options.model }), [0.5, 0.5, 0.5, 0.5, 0.5]);
    equal(world.server.asked.length, asked);
  });
});

Deno.test("runMtBench() leaves a turn without room unanswered, and says so", () =>
  withWorld(() => "[[2]]", async (world) => {
    await Deno.writeTextFile(
      `${world.dir}/q.jsonl`,
      jsonLines([{ question_id: 1, category: "stem", turns: ["x", "y".repeat(200)] }]),
    );
    const { bench } = await runMtBench(await configOf(world), world.options);
    deepEqual(bench.model.answers[0]![1], { text: "", tokens: 0, finished: false });
    deepEqual((mtResults(bench).answers as Record<string, unknown>).no_room, 1);
    equal(bench.scores.overall.count, 2);
  }));

Deno.test("runMtBench() looks for the baseline before the model answers", () =>
  withWorld(() => "[[2]]", async (world) => {
    const stages: string[] = [];
    await rejects(
      runMtBench(await configOf(world), { ...world.options, baseline: `${world.dir}/nowhere` }, {
        onProgress: ({ stage }) => void stages.push(stage),
      }),
      { name: "UserError", message: /nowhere: there is no such folder/ },
    );
    deepEqual(stages, []);
  }));

Deno.test("runMtBench() refuses a model that does not talk, and a judge without a name, before anything is asked", () =>
  withWorld(() => "[[2]]", async (world) => {
    await writeTokenizer(`${world.dir}/a`);
    await rejects(runMtBench(await configOf(world), { ...world.options, isAnew: true }), ({ name, message }: Error) => {
      match(message, /^Cannot ask \S+ the questions: it has no chat template, expected a model that holds a/);
      return name === "UserError";
    });
    await rejects(runMtBench(await loadConfig(undefined, {}), world.options), {
      name: "UserError",
      message: /^Cannot run mt-bench: no judge is named, expected --judge-model, /,
    });
    equal(questions(world).length, 0);
    await rejects(Deno.stat(world.options.output), Deno.errors.NotFound);
  }));

Deno.test("runMtBench() begun anew keeps what was paid for where a model cannot be asked", () =>
  withWorld(() => "[[2]]", async (world) => {
    await runMtBench(await configOf(world), world.options);
    const asked = questions(world).length;
    await rejects(
      runMtBench(await configOf(world), { ...world.options, baseline: `${world.dir}/nowhere`, isAnew: true }),
      { name: "UserError", message: /nowhere: there is no such folder/ },
    );
    await runMtBench(await configOf(world), world.options);
    equal(questions(world).length, asked);
  }));
