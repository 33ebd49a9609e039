import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import "../../_shared/one_device.ts";
import { resolve } from "node:path";
import type { EvaluateOptions } from "../../../core/evaluate/evaluate_model.ts";
import type { TaskWork } from "../../../core/evaluate/evaluation_work.ts";
import { resultsFolder, runEvaluation, type RunEvaluationOptions } from "../../../core/evaluate/run_evaluation.ts";
import { evaluationTimes } from "../../../core/plan/evaluation_time.ts";
import type { JsonValue } from "../../../core/data/formats/json_numbers.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

const MODEL = "examples/quickstart/model";

/** Rows of the quick start's task: which answer is the sorted one? */
const ROWS = ["edbga", "bdgcbh", "hcafe", "gbdfc", "ahcbe", "fgeda", "cbhdg", "dfabe"].map((letters, i) => {
  const sorted = [...letters].sort().join("");
  const wrong = [...letters].sort().reverse().join("");
  return { letters, choices: i % 2 === 0 ? [sorted, wrong] : [wrong, sorted], gold: i % 2 };
});

/** A folder with two tasks of one's own, of which one asks for choices and one for an answer. */
async function withTasks(
  work: (
    dir: string,
    run: (options: Partial<RunEvaluationOptions>) => ReturnType<typeof runEvaluation>,
  ) => Promise<void>,
): Promise<void> {
  await withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(ROWS));
    const shared = `dataset_path: json\ndataset_kwargs: {data_files: {test: ${dir}/rows.jsonl}}\ntest_split: test\n` +
      `doc_to_text: "sort {{letters}}>"\ntarget_delimiter: ""\n`;
    await Deno.writeTextFile(
      `${dir}/choose.yaml`,
      `task: choose\n${shared}output_type: multiple_choice\ndoc_to_choice: choices\ndoc_to_target: gold\n`,
    );
    await Deno.writeTextFile(
      `${dir}/write.yaml`,
      `task: write\n${shared}output_type: generate_until\ndoc_to_target: "{{choices[gold]}}"\n` +
        `generation_kwargs: {until: ["\\n"], do_sample: false, max_gen_toks: 8}\n` +
        `metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n`,
    );
    await work(dir, (options) => {
      const { tasks = "choose,write" } = options.options ?? {};
      const taskFiles = tasks.split(",").map((task) => `${dir}/${task}.yaml`);
      return runEvaluation(MODEL, { options: { tasks }, output: `${dir}/out`, taskFiles, ...options });
    });
  });
}

/** What of a results file two evaluations of the same share. */
function withoutTimes(text: string): unknown {
  const { date: _d, total_evaluation_time_seconds: _t, ...rest } = JSON.parse(text);
  return rest;
}

Deno.test("runEvaluation() scores tasks of one's own, and writes results and samples in lm-eval's schema", () =>
  withTasks(async (_dir, run) => {
    const [{ evaluated, files }] = await run({}) as [Awaited<ReturnType<typeof runEvaluation>>[number]];
    const results = JSON.parse(await Deno.readTextFile(files.results));
    const { "acc,none": acc, "acc_stderr,none": error, sample_len } = results.results.choose;
    // The quick start's model sorts most words right.
    equal(acc >= 0.75, true, String(acc));
    equal(sample_len, ROWS.length);
    ok(Math.abs(error - Math.sqrt(acc * (1 - acc) / (ROWS.length - 1))) < 1e-12);
    equal(results.results.write["exact_match,none"] >= 0.5, true);
    deepEqual(results["n-samples"].write, { original: 8, effective: 8 });
    const samples = (await Deno.readTextFile(files.samples[0]!)).trim().split("\n").map((line) => JSON.parse(line));
    deepEqual(samples.map(({ doc }) => doc), ROWS);
    equal(samples.filter((sample) => sample.acc === 1).length / ROWS.length, acc);
    match(samples[0].resps[0][0][0], /^-\d+\.\d+$/);
    equal(samples[0].arguments.gen_args_1.arg_0, "sort edbga>");
    equal(evaluated.cut.choose, undefined);
  }));

Deno.test("runEvaluation() writes nothing where the same results are there, and says so", () =>
  withTasks(async (dir) => {
    const taskFiles = [`${dir}/choose.yaml`];
    const evaluated = async (options: Partial<EvaluateOptions> = {}): Promise<[string, string[]]> => {
      const notes: string[] = [];
      const asked = { options: { tasks: "choose", ...options }, output: `${dir}/out`, taskFiles };
      const [{ files }] = await runEvaluation(MODEL, asked, { onNote: (line) => void notes.push(line) }) as [
        Awaited<ReturnType<typeof runEvaluation>>[number],
      ];
      return [files.results, notes];
    };
    const [first] = await evaluated();
    const done = [first, [`${first} was complete already; nothing is written (--overwrite asks anew)`]];
    deepEqual(await evaluated(), done);
    // One folder may be written in two ways.
    const [slashed] = await runEvaluation(`${MODEL}/`, {
      options: { tasks: "choose" },
      output: `${dir}/out`,
      taskFiles,
    });
    equal(slashed!.files.results, first);
    const [fewer] = await evaluated({ limit: 4 });
    equal(fewer === first, false);
    deepEqual(await evaluated(), done);
    const names = [...Deno.readDirSync(first.slice(0, first.lastIndexOf("/")))].map(({ name }) => name);
    equal(names.filter((name) => name.startsWith("results_")).length, 2);
    // Begun anew, all is written anew.
    const anew = await runEvaluation(MODEL, {
      options: { tasks: "choose" },
      output: `${dir}/out`,
      taskFiles,
      isAnew: true,
    });
    equal(anew[0]!.files.results === first, false);
    await Deno.remove(anew[0]!.files.results);
    // Samples that are others by now are written again.
    const samples = first.replace("results_", "samples_choose_").replace(".json", ".jsonl");
    await Deno.writeTextFile(samples, "{}\n");
    const [again, notes] = await evaluated();
    deepEqual([again === first, notes], [false, []]);
  }));

Deno.test("runEvaluation() goes on where it was stopped, asks nothing twice, and ends with the same numbers", () =>
  withTasks(async (dir, run) => {
    const [whole] = await run({ output: `${dir}/whole` });
    const stop = new AbortController();
    await rejects(
      runEvaluation(MODEL, {
        options: { tasks: "choose,write", batchTokens: 1 },
        output: `${dir}/out`,
        taskFiles: [`${dir}/choose.yaml`, `${dir}/write.yaml`],
      }, {
        signal: stop.signal,
        onProgress: ({ stage, done }) => stage === "choose" && done >= 3 && stop.abort(),
      }),
      { name: "StoppedError" },
    );
    const journal = `${dir}/out/examples__quickstart__model/answers.jsonl`;
    const kept = (await Deno.readTextFile(journal)).trim().split("\n");
    ok(kept.length >= 3 && kept.length < ROWS.length, String(kept.length));
    // A torn line, and one that was changed, are computed again.
    await Deno.writeTextFile(journal, kept.join("\n").replace("-", "-1") + `\n{"key": "torn`);
    const begun: number[] = [];
    const [rest] = await runEvaluation(MODEL, {
      options: { tasks: "choose,write" },
      output: `${dir}/out`,
      taskFiles: [`${dir}/choose.yaml`, `${dir}/write.yaml`],
    }, { onProgress: ({ stage, done }) => void (stage === "choose" && begun.push(done)) });
    equal(begun[0], kept.length - 1);
    deepEqual(
      withoutTimes(await Deno.readTextFile(rest!.files.results)),
      withoutTimes(await Deno.readTextFile(whole!.files.results)),
    );
    for (const [i, path] of rest!.files.samples.entries()) {
      equal(await Deno.readTextFile(path), await Deno.readTextFile(whole!.files.samples[i]!));
    }
    equal((await Deno.readTextFile(journal)).trim().split("\n").length, 2 * ROWS.length);
  }));

Deno.test("runEvaluation() says what is left to compute before it computes, as many tokens as it runs then", () =>
  withTasks(async (dir) => {
    await Deno.writeTextFile(`${dir}/text.txt`, "sort cab>abc".repeat(9));
    const taskFiles = [`${dir}/choose.yaml`, `${dir}/write.yaml`];
    const seen: string[] = [];
    const ran = new Map<string, number>();
    const evaluate = (options: Partial<EvaluateOptions>): Promise<TaskWork[]> => {
      const found: TaskWork[] = [];
      return runEvaluation(MODEL, {
        options: { tasks: "choose,write,perplexity", maxLength: 32, ...options },
        output: `${dir}/out`,
        taskFiles: options.tasks === undefined ? taskFiles : taskFiles.slice(0, 1),
        ...(options.tasks === undefined && { textFiles: [`${dir}/text.txt`] }),
      }, {
        onWork: async ({ device, tasks, ...work }) => {
          found.push(...tasks);
          const times = await evaluationTimes({ device, tasks, ...work });
          equal(times.every(({ seconds, work: { requests } }) => seconds! > 0 === requests > 0), true);
          seen.push("work");
        },
        onProgress: ({ stage, tokens = 0 }) => {
          seen.push(stage);
          ran.set(stage, tokens);
        },
      }).then(() => found);
    };
    const short = ({ task, documents, kind, requests, known }: TaskWork) => [task, documents, kind, requests, known];
    await evaluate({ limit: 2, tasks: "choose" });
    const tasks = await evaluate({});
    const stages = new Set(seen.slice(seen.lastIndexOf("work") + 1));
    deepEqual([...stages], ["choose", "write", "perplexity"]);
    deepEqual(tasks.map(short), [
      ["choose", 8, "choices", 12, 4],
      ["write", 8, "answers", 8, 0],
      ["perplexity", 1, "windows", 4, 0],
    ]);
    deepEqual(tasks.map(({ forward: { tokens } }) => tokens).filter((_, i) => i !== 1), [
      ran.get("choose"),
      ran.get("perplexity"),
    ]);
    // An answer may end before its limit of eight tokens.
    equal(tasks[1]!.decode.tokens, 64);
    equal(ran.get("write")! < 64, true);
    deepEqual((await evaluate({})).map(({ requests }) => requests), [0, 0, 0]);
  }));

Deno.test("runEvaluation() goes on in the middle of a long text, and ends with the same numbers", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/text.txt`, "sort cab>abc\nsort hed>deh\n".repeat(6));
    const evaluate = (output: string, hooks: Parameters<typeof runEvaluation>[2] = {}) =>
      runEvaluation(MODEL, {
        options: { tasks: "perplexity", maxLength: 16, batchTokens: 20 },
        output: `${dir}/${output}`,
        textFiles: [`${dir}/text.txt`],
      }, hooks);
    const [whole] = await evaluate("whole");
    const stop = new AbortController();
    const onProgress = ({ stage, done }: { stage: string; done: number }) =>
      stage === "perplexity" && done >= 3 && stop.abort();
    await rejects(evaluate("out", { signal: stop.signal, onProgress }), { name: "StoppedError" });
    const journal = `${dir}/out/examples__quickstart__model/answers.jsonl`;
    const kept = (await Deno.readTextFile(journal)).trim().split("\n").length;
    ok(kept >= 3 && kept < 156 / 16, String(kept));
    const [rest] = await evaluate("out", { onWork: ({ tasks: [task] }) => equal(task!.known, kept) });
    equal(await Deno.readTextFile(rest!.files.samples[0]!), await Deno.readTextFile(whole!.files.samples[0]!));
  }));

Deno.test("runEvaluation() compares with a model or a results file, document by document", () =>
  withTasks(async (dir, run) => {
    const [own] = await run({ baseline: MODEL });
    deepEqual(
      own!.differences!.map(({ name, metric, rows, difference, mcnemar }) => [name, metric, rows, difference, mcnemar]),
      [["choose", "acc", 8, 0, 1], ["choose", "acc_norm", 8, 0, 1], ["write", "exact_match", 8, 0, 1]],
    );
    const [again] = await run({ baseline: own!.files.results });
    deepEqual(again!.differences, own!.differences);
    const folder = `${dir}/before`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/results_x.json`, "{}");
    await Deno.writeTextFile(`${folder}/samples_choose_x.jsonl`, "null\n");
    await rejects(run({ options: { tasks: "choose" }, baseline: `${folder}/results_x.json` }), {
      name: "UserError",
      message:
        `Cannot read ${folder}/samples_choose_x.jsonl:1: it is no JSON object, expected a sample of an evaluation`,
    });
    await rejects(run({ options: { tasks: "choose", limit: 4 }, baseline: own!.files.results }), {
      name: "UserError",
      message: /^Cannot compare choose with .*: it has 8 samples, expected 4/,
    });
    await rejects(run({ options: { tasks: "choose", systemInstruction: "x" }, baseline: own!.files.results }), {
      message: /^Cannot compare choose with .*: document 0 has another prompt_hash/,
    });
    await rejects(run({ options: { tasks: "write", genKwargs: { max_gen_toks: 2 } }, baseline: own!.files.results }), {
      message: /^Cannot compare write with .*: document 0 has other arguments, expected the same prompts, choices and /,
    });
    const choose = await Deno.readTextFile(`${dir}/choose.yaml`);
    await Deno.writeTextFile(`${dir}/choose.yaml`, choose.replace('target_delimiter: ""', 'target_delimiter: " "'));
    await rejects(run({ options: { tasks: "choose" }, baseline: own!.files.results }), {
      message: /^Cannot compare choose with .*: document 0 has other arguments/,
    });
    await rejects(run({ baseline: `${dir}/none.json` }), { message: /none\.json/ });
  }));

Deno.test("runEvaluation() measures the perplexity of a text, in windows", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/text.txt`, "sort cab>abc");
    const perplexityOf = async (maxLength?: number): Promise<Record<string, number>> => {
      const [{ evaluated }] = await runEvaluation(MODEL, {
        options: { tasks: "perplexity", ...(maxLength && { maxLength }) },
        output: `${dir}/out`,
        textFiles: [`${dir}/text.txt`],
      }) as [Awaited<ReturnType<typeof runEvaluation>>[number]];
      return (evaluated.results.results as unknown as Record<string, Record<string, number>>).perplexity!;
    };
    const whole = await perplexityOf();
    // Words, bytes and tokens are of the same log-likelihood.
    const logs = ["word", "byte", "token"].map((name) => Math.log(whole[`${name}_perplexity,none`]!));
    ok(Math.abs(logs[0]! * 2 - logs[1]! * 12) < 1e-9 && Math.abs(logs[1]! * 12 - logs[2]! * 12) < 1e-9, String(logs));
    ok(Math.abs(whole["bits_per_byte,none"]! * Math.LN2 - logs[1]!) < 1e-12);
    // Windows of fewer tokens know less of what came before.
    ok((await perplexityOf(4))["byte_perplexity,none"] !== whole["byte_perplexity,none"]);
    const compared = { textFiles: [`${dir}/text.txt`], baseline: MODEL };
    await rejects(runEvaluation(MODEL, { options: { tasks: "perplexity" }, output: `${dir}/out`, ...compared }), {
      name: "UserError",
      message: "Cannot compare perplexity with a baseline: word_perplexity, byte_perplexity, bits_per_byte, " +
        "token_perplexity of it are no means of its documents, expected tasks that have such (or no --baseline)",
    });
    await rejects(runEvaluation(MODEL, { options: { tasks: "perplexity" }, output: `${dir}/out` }), {
      message: "Cannot evaluate perplexity: no text is named, expected --text FILE",
    });
  }));

Deno.test("runEvaluation() takes whole numbers alone where parts mean nothing", () =>
  withTasks(async (_dir, run) => {
    const refuses = (options: Partial<EvaluateOptions>, message: string): Promise<void> =>
      rejects(run({ options: { tasks: "choose", ...options } }), { name: "UserError", message });
    await refuses({ numFewShot: 2.5 }, "Cannot evaluate with 2.5 examples: expected a whole number from 0");
    await refuses({ seed: 1.5 }, "Cannot draw examples with the seed 1.5: expected a whole number from 0");
    const documents = "expected a number of documents, or a share below 1";
    await refuses({ limit: 0 }, `Cannot limit the documents to 0: ${documents}`);
    await refuses({ limit: 1.5 }, `Cannot limit the documents to 1.5: ${documents}`);
    const inBatches = "expected a whole number from 1 (--batch-tokens)";
    await refuses({ batchTokens: 0 }, `Cannot evaluate in batches of 0 tokens: ${inBatches}`);
    await refuses({ batchTokens: 1.5 }, `Cannot evaluate in batches of 1.5 tokens: ${inBatches}`);
  }));

Deno.test("runEvaluation() knows what is not followed before it reads rows, and makes nothing then", () =>
  withTasks(async (dir) => {
    // There are no rows to read.
    const refuses = (
      { model = MODEL, ...options }: Partial<EvaluateOptions> & { model?: string },
      message: string,
    ): Promise<void> =>
      rejects(runEvaluation(model, { options: { tasks: "gsm8k", ...options }, output: `${dir}/out`, data: dir }), {
        name: "UserError",
        message,
      });
    await refuses(
      { genKwargs: { max_gen_tokens: 8 } },
      'Cannot evaluate gsm8k: "max_gen_tokens" of its generation_kwargs is 8, which is not followed here, did you mean ' +
        '"max_gen_toks"?',
    );
    await refuses(
      { genKwargs: { num_beams: 8 }, model: `${dir}/none` },
      'Cannot evaluate gsm8k: "num_beams" of its generation_kwargs is 8, which is not followed here',
    );
    await refuses(
      { genKwargs: { temperature: 0.5, do_sample: true } },
      "Cannot evaluate gsm8k: its generation_kwargs sample, expected do_sample false or temperature 0 (do_sample=false " +
        "in gen_kwargs)",
    );
    await refuses(
      { genKwargs: { until: 3 } },
      'Cannot generate answers: "until" is 3, expected a text or a list of texts',
    );
    const model = `${dir}/model`;
    await Deno.mkdir(model);
    for (const { name } of Deno.readDirSync(MODEL)) await Deno.copyFile(`${MODEL}/${name}`, `${model}/${name}`);
    await Deno.writeTextFile(`${model}/generation_config.json`, JSON.stringify({ num_beams: 2 }));
    await refuses(
      { model },
      `Cannot generate with "num_beams" of ${model}/generation_config.json: it is 2, expected 1 or none, as it is not ` +
        "followed here",
    );
    await refuses(
      { batchTokens: 0 },
      "Cannot evaluate in batches of 0 tokens: expected a whole number from 1 (--batch-tokens)",
    );
    await rejects(Deno.stat(`${dir}/out`), Deno.errors.NotFound);
  }));

Deno.test("runEvaluation() says where it looked for the files of a task", () =>
  withTasks(async (dir, run) => {
    await Deno.remove(`${dir}/rows.jsonl`);
    const refuses = (message: string): Promise<void> =>
      rejects(run({ options: { tasks: "choose" } }), { name: "UserError", message });
    await refuses(`Cannot evaluate choose: there is no ${dir}/rows.jsonl, which its dataset_kwargs.data_files names`);
    const text = await Deno.readTextFile(`${dir}/choose.yaml`);
    await Deno.writeTextFile(`${dir}/choose.yaml`, text.replace(`${dir}/rows.jsonl`, "no/rows.jsonl"));
    await refuses(
      `Cannot evaluate choose: its dataset_kwargs.data_files names no/rows.jsonl, and there is no ${
        resolve("no/rows.jsonl")
      }, expected a path from the current folder on, as in lm-eval, or a whole one`,
    );
  }));

Deno.test("runEvaluation() says what of its options would change nothing", () =>
  withTasks(async (dir) => {
    const options = { tasks: "choose", genKwargs: { max_gen_toks: 2 } };
    const taskFiles = [`${dir}/choose.yaml`];
    const notes: string[] = [];
    await runEvaluation(MODEL, { options, output: `${dir}/out`, taskFiles, data: dir }, {
      onNote: (line) => void notes.push(line),
    });
    deepEqual(notes, [
      "Warning: no answer of these tasks is generated: --gen-kwargs changes nothing",
      "Warning: all of these tasks name files of their own: --data changes nothing",
    ]);
  }));

Deno.test("runEvaluation() keeps a text's perplexity apart from its likelihood as an answer", () =>
  withFolder(async (dir) => {
    const text = "sort cab>abc";
    await Deno.writeTextFile(`${dir}/text.txt`, text);
    await Deno.writeTextFile(
      `${dir}/whole.yaml`,
      `task: whole\ndataset_path: text\ndataset_kwargs: {data_files: {test: ${dir}/text.txt}}\ntest_split: test\n` +
        `output_type: loglikelihood\ndoc_to_text: ""\ndoc_to_target: text\ntarget_delimiter: ""\n`,
    );
    const answerTo = async (tasks: string): Promise<JsonValue> => {
      const [{ evaluated }] = await runEvaluation(MODEL, {
        options: { tasks },
        output: `${dir}/out`,
        ...(tasks === "perplexity" ? { textFiles: [`${dir}/text.txt`] } : { taskFiles: [`${dir}/whole.yaml`] }),
      }) as [Awaited<ReturnType<typeof runEvaluation>>[number]];
      return evaluated.samples.get(tasks)![0]!.filtered_resps!;
    };
    // Both ask for the same ids.
    const [[logp]] = await answerTo("whole") as [[string, string]];
    deepEqual(await answerTo("perplexity"), [logp]);
  }));

Deno.test("runEvaluation() reads texts as the loader of datasets does", () =>
  withFolder(async (dir) => {
    const path = `${dir}/text.txt`;
    await Deno.writeTextFile(
      `${dir}/lines.yaml`,
      `task: lines\ndataset_path: text\ndataset_kwargs: {data_files: {test: ${path}}}\ntest_split: test\n` +
        `output_type: loglikelihood_rolling\ndoc_to_target: text\n`,
    );
    const textsOf = async (tasks: string): Promise<JsonValue[]> => {
      const [{ evaluated }] = await runEvaluation(MODEL, {
        options: { tasks },
        output: `${dir}/out`,
        ...(tasks === "lines" ? { taskFiles: [`${dir}/lines.yaml`] } : { textFiles: [path] }),
      }) as [Awaited<ReturnType<typeof runEvaluation>>[number]];
      return evaluated.samples.get(tasks)!.map(({ doc }) => (doc as Record<string, JsonValue>).text!);
    };
    // What datasets 5.0.1 makes of these bytes.
    for (
      const [written, whole, lines] of [
        ["a\r\nb\r\n", "a\nb\n", ["a", "b"]],
        ["a\rb\r", "a\nb\n", ["a", "b"]],
        ["a\n\n", "a\n\n", ["a", ""]],
        ["\ufeffa\nb", "\ufeffa\nb", ["\ufeffa", "b"]],
      ] as const
    ) {
      await Deno.writeTextFile(path, written);
      deepEqual(await textsOf("perplexity"), [whole]);
      deepEqual(await textsOf("lines"), lines);
    }
    // An empty line has no token to predict, and adds a word: lm-eval's pattern splits it into one.
    await Deno.writeTextFile(path, "a b\n\n");
    const [{ evaluated }] = await runEvaluation(MODEL, {
      options: { tasks: "lines" },
      output: `${dir}/out`,
      taskFiles: [`${dir}/lines.yaml`],
    }) as [Awaited<ReturnType<typeof runEvaluation>>[number]];
    const samples = evaluated.samples.get("lines")!;
    const [logp] = samples[0]!.filtered_resps as [string];
    deepEqual(samples.map(({ word_perplexity: sum }) => sum), [[Number(logp), 2], [0, 1]]);
    await Deno.writeFile(path, new Uint8Array([97, 255]));
    await rejects(textsOf("perplexity"), { name: "UserError", message: `Cannot read ${path}: it is not UTF-8` });
    await rejects(
      runEvaluation(MODEL, { options: { tasks: "perplexity" }, output: `${dir}/out`, textFiles: [`${dir}/none.txt`] }),
      { name: "UserError", message: new RegExp(`^Cannot read ${dir}/none\\.txt: `) },
    );
  }));

Deno.test("runEvaluation() writes down the chat template that it applies, of several the default one", () =>
  withTasks(async (dir) => {
    const model = `${dir}/model`;
    await Deno.mkdir(model);
    for await (const { name } of Deno.readDir(MODEL)) await Deno.copyFile(`${MODEL}/${name}`, `${model}/${name}`);
    const path = `${model}/tokenizer_config.json`;
    const template = "{% for message in messages %}{{ message.content }}{% endfor %}";
    const templates = [{ name: "rag", template: "x" }, { name: "default", template }];
    const config = { ...JSON.parse(await Deno.readTextFile(path)), chat_template: templates };
    await Deno.writeTextFile(path, JSON.stringify(config));
    const [entry] = await runEvaluation(model, {
      options: { tasks: "choose", limit: 1, applyChatTemplate: true },
      output: `${dir}/out`,
      taskFiles: [`${dir}/choose.yaml`],
    });
    const { results } = entry!.evaluated;
    equal(results.chat_template, template);
    match(String(results.chat_template_sha), /^[0-9a-f]{64}$/);
  }));

Deno.test("runEvaluation() takes no rows for two configurations of a data set", () =>
  withFolder(async (dir) => {
    const folder = `${dir}/data/mmlu`;
    await Deno.mkdir(folder, { recursive: true });
    const row = { question: "sort cab", subject: "anatomy", choices: ["abc", "cab", "b", "c"], answer: 0 };
    await Deno.writeTextFile(`${folder}/test.jsonl`, jsonLines([row]));
    const run = (tasks: string): ReturnType<typeof runEvaluation> =>
      runEvaluation(MODEL, { options: { tasks }, output: `${dir}/out`, data: `${dir}/data` });
    await rejects(run("mmlu_anatomy,mmlu_astronomy"), {
      name: "UserError",
      message:
        `Cannot evaluate mmlu_astronomy: the rows of ${folder} were taken for "anatomy" already, expected those ` +
        `of "astronomy" in ${folder}/astronomy`,
    });
    equal((await run("mmlu_anatomy"))[0]!.evaluated.samples.get("mmlu_anatomy")!.length, 1);
  }));

Deno.test("resultsFolder() lies within the output, whatever a model is called", () => {
  deepEqual(["org/name", "/models/x", ".", "..", "../x"].map((name) => resultsFolder("out", name)), [
    "out/org__name",
    "out/__models__x",
    "out/_.",
    "out/_..",
    "out/..__x",
  ]);
});

Deno.test("runEvaluation() takes a split's parts together, and refuses copies of it", () =>
  withFolder(async (dir) => {
    const folder = `${dir}/data/piqa`;
    await Deno.mkdir(folder, { recursive: true });
    const write = (file: string): Promise<void> =>
      Deno.writeTextFile(`${folder}/${file}`, jsonLines([{ goal: "sort cab", sol1: "abc", sol2: "cab", label: 0 }]));
    const run = (): ReturnType<typeof runEvaluation> =>
      runEvaluation(MODEL, { options: { tasks: "piqa" }, output: `${dir}/out`, data: `${dir}/data` });
    const refuses = (files: string): Promise<void> =>
      rejects(run(), {
        name: "UserError",
        message: `Cannot evaluate piqa: ${folder} has ${files}, expected one file of the split validation, or all of ` +
          "its parts",
      });
    await write("validation-00000-of-00002.jsonl");
    await refuses("validation-00000-of-00002.jsonl");
    await write("validation-00001-of-00002.jsonl");
    equal((await run())[0]!.evaluated.samples.get("piqa")!.length, 2);
    await write("validation.jsonl");
    await refuses("validation-00000-of-00002.jsonl, validation-00001-of-00002.jsonl, validation.jsonl");
    await Deno.remove(`${folder}/validation-00000-of-00002.jsonl`);
    await Deno.remove(`${folder}/validation-00001-of-00002.jsonl`);
    equal((await run())[0]!.evaluated.samples.get("piqa")!.length, 1);
    await write("validation.json");
    await refuses("validation.json, validation.jsonl");
  }));

Deno.test("runEvaluation() finds what is wrong with a model or a length before it reads rows", () =>
  withFolder(async (dir) => {
    const notes: string[] = [];
    const run = (options: Partial<EvaluateOptions>, data = `${dir}/none`): ReturnType<typeof runEvaluation> =>
      runEvaluation(MODEL, { options: { tasks: "piqa", ...options }, output: `${dir}/out`, data }, {
        onNote: (line) => notes.push(line),
      });
    await rejects(run({ maxLength: 0 }), {
      name: "UserError",
      message: "Cannot evaluate with inputs of 0 tokens: expected a whole number from 2 (--max-length)",
    });
    await rejects(run({ applyChatTemplate: true }), {
      message: "Cannot apply a chat template: the model has none, expected one or no --apply-chat-template",
    });
    await rejects(run({ maxLength: 100_000 }), { message: /^Cannot evaluate piqa: .* missing/ });
    deepEqual(notes, [
      `Warning: --max-length is 100000, and ${MODEL} was made for inputs of 64 tokens: what it says of longer ones means ` +
      "little",
    ]);
    await rejects(Deno.stat(`${dir}/out`), Deno.errors.NotFound);
  }));

Deno.test("runEvaluation() says which rows are missing, and writes nothing then", () =>
  withFolder(async (dir) => {
    const run = (tasks: string): Promise<unknown> =>
      runEvaluation(MODEL, { options: { tasks }, output: `${dir}/out`, data: `${dir}/data` });
    await rejects(run("gsm8k"), {
      name: "UserError",
      message:
        `Cannot evaluate gsm8k: ${dir}/data/gsm8k/main/test.jsonl and ${dir}/data/gsm8k/test.jsonl are missing, ` +
        "expected rows of openai/gsm8k (or no --data, to take them from the hub)",
    });
    await rejects(run("gsm9k"), { message: /^Cannot find the task "gsm9k": .*gsm8k/ });
    await rejects(Deno.stat(`${dir}/out`), Deno.errors.NotFound);
  }));

Deno.test("runEvaluation() warns of documents whose right answer is none of their choices", () =>
  withTasks(async (dir) => {
    const task = await Deno.readTextFile(`${dir}/choose.yaml`);
    await Deno.writeTextFile(`${dir}/choose.yaml`, task.replace("doc_to_target: gold", "doc_to_target: golde"));
    const notes: string[] = [];
    await runEvaluation(MODEL, {
      options: { tasks: "choose", limit: 3 },
      output: `${dir}/out`,
      taskFiles: [`${dir}/choose.yaml`],
    }, { onNote: (line) => notes.push(line) });
    deepEqual(notes, [
      "Warning: what is right is none of the choices in 3 of 3 documents of choose, which count as wrong as in lm-eval " +
      '(the first is document 0: doc_to_target is "golde")',
    ]);
  }));

Deno.test("runEvaluation() keeps the digits of a row's integers, and compares by them", () =>
  withTasks(async (dir, run) => {
    const rows = ROWS.slice(0, 2).map((row, i) =>
      JSON.stringify({ id: 0, ...row }).replace("0", `1234567890123456789${i}`)
    );
    await Deno.writeTextFile(`${dir}/rows.jsonl`, rows.join("\n") + "\n");
    const [entry] = await run({ options: { tasks: "choose" } });
    const lines = (await Deno.readTextFile(entry!.files.samples[0]!)).trim().split("\n");
    deepEqual(lines.map((line) => /"id":(\d+)/.exec(line)![1]), ["12345678901234567890", "12345678901234567891"]);
    const [again] = await run({ options: { tasks: "choose" }, baseline: entry!.files.results });
    deepEqual(again!.differences!.map(({ rows, difference }) => [rows, difference]), [[2, 0], [2, 0]]);
  }));
