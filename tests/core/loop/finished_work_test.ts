/** Work that is finished: told, and not written again; other settings are refused, and nothing shortens the record. */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { runGenerate, runLabel, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import type { RunHooks } from "../../../core/run/run_context.ts";
import { jsonLines, tinyPairs } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { walk } from "../../e2e/_files.ts";
import { configOf, withInput } from "./_runs.ts";

type Work = (config: ResolvedConfig, hooks?: RunHooks) => Promise<unknown>;

const ADVICE = "give another output_dir, or --force to begin anew in this one";

/** The bytes and times of all files of a run but the lock. */
async function filesOf(dir: string): Promise<Record<string, unknown>> {
  const paths = (await walk(dir)).filter((path) => !path.endsWith("/.lock"));
  return Object.fromEntries(
    await Promise.all(
      paths.map(async (path) => [path.slice(dir.length), [await Deno.readFile(path), (await Deno.stat(path)).mtime]]),
    ),
  );
}

async function notesOf(work: Work, config: ResolvedConfig): Promise<string[]> {
  const notes: string[] = [];
  await work(config, { onNote: (line) => notes.push(line) });
  return notes;
}

/** Checks that work which is done says so and writes nothing, and with other settings is refused and writes nothing. */
async function finished(
  work: Work,
  { config, other, told, key }: { config: ResolvedConfig; other: ResolvedConfig; told: RegExp; key: string },
): Promise<void> {
  const { output_dir } = config;
  const before = await filesOf(output_dir);
  const notes = await notesOf(work, config);
  match(notes.join("\n"), told);
  deepEqual(await filesOf(output_dir), before, "the same settings");
  await rejects(work(other), (error: Error) => {
    equal(error.name, "UserError", error.stack);
    match(error.message, new RegExp(`^Cannot go on with [^\n]* ${key} is [^\n]*, expected [^\n]*; ${ADVICE}$`));
    return true;
  });
  deepEqual(await filesOf(output_dir), before, "other settings");
}

Deno.test("train() that is finished writes nothing, neither with the same settings nor with others", () =>
  withInput(async (dir) => {
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    const labels = { judge: "logprob", model: `${dir}/judge` };
    for (const [name, keys] of Object.entries({ run: {}, lora: { lora: { save: "both" } } })) {
      const of = (more: Record<string, unknown> = {}): Promise<ResolvedConfig> =>
        configOf(dir, { iterations: 2, data, labels, ...keys, output_dir: `${dir}/${name}`, ...more });
      const config = await of();
      const made = await train(config);
      const other = await of({ training: { beta: 0.3 } });
      const told = /^The run in \S+ was complete already; nothing is trained \(--force begins it anew\)$/;
      await finished(train, { config, other, told, key: "training\\.beta" });
      deepEqual(await train(config), made);
      // Iterations that are done do not go away.
      await finished(train, { config, other: await of({ iterations: 1 }), told, key: "iterations" });
    }
  }));

Deno.test("train() hands out again what is missing, of another type, or damaged, and trains nothing", () =>
  withInput(async (dir) => {
    const of = (keys: Record<string, unknown>): Promise<ResolvedConfig> => configOf(dir, { iterations: 1, ...keys });
    await train(await of({}));
    const weights = `${dir}/run/model/model.safetensors`;
    const [bytes, lines] = [await Deno.readFile(weights), await Deno.readTextFile(`${dir}/run/metrics.jsonl`)];
    await train(await of({ dtype: "bfloat16" }));
    equal((await Deno.stat(weights)).size < 0.7 * bytes.length, true);
    await train(await of({ dtype: "bfloat16" }));
    await train(await of({}));
    deepEqual(await Deno.readFile(weights), bytes);
    const changed = Uint8Array.from(bytes);
    changed[bytes.length - 1]! ^= 1;
    await Deno.writeFile(weights, changed);
    await train(await of({}));
    deepEqual(await Deno.readFile(weights), bytes);
    // What is no weights may be edited by hand.
    await Deno.writeTextFile(`${dir}/run/model/generation_config.json`, "{}");
    const notes = await notesOf(train, await of({}));
    match(notes.join("\n"), /model\/generation_config\.json was changed since it was written: it stays as it is/);
    equal(await Deno.readTextFile(`${dir}/run/model/generation_config.json`), "{}");
    equal(await Deno.readTextFile(`${dir}/run/metrics.jsonl`), lines);
  }));

Deno.test("runSft() and runOptimize() that are finished write nothing, neither with the same settings nor with others", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    for (const [name, work] of [["sft", runSft], ["optimize", runOptimize]] as const) {
      const of = (keys: Record<string, unknown> = {}): Promise<ResolvedConfig> =>
        configOf(dir, { pairs: `${dir}/pairs.jsonl`, output_dir: `${dir}/${name}`, ...keys });
      const config = await of();
      const made = await work(config);
      const told = new RegExp(
        `^The run of ${name} in \\S+ was complete already; nothing is trained \\(--force begins it anew\\)$`,
      );
      await finished(work, { config, other: await of({ training: { seed: 3 } }), told, key: "training\\.seed" });
      await finished(work, { config, other: await of({ dtype: "bfloat16" }), told, key: "dtype" });
      deepEqual(await work(config), made);
      // A damaged model is made anew.
      const bytes = await Deno.readFile(`${made.model}/model.safetensors`);
      await Deno.writeFile(`${made.model}/model.safetensors`, bytes.with(bytes.length - 1, 77));
      await work(config);
      deepEqual(await Deno.readFile(`${made.model}/model.safetensors`), bytes);
    }
  }));

Deno.test("runGenerate() and runLabel() that are finished write nothing, neither with the same settings nor with others", () =>
  withInput(async (dir) => {
    const labels = { judge: "logprob", model: `${dir}/judge` };
    const config = await configOf(dir, { labels });
    await runGenerate(config);
    await finished(runGenerate, {
      config,
      other: await configOf(dir, { labels, generation: { max_new_tokens: 3, batch_size: 4, seed: 5 } }),
      told: /responses\.jsonl was complete already; nothing is generated/,
      key: "generation\\.max_new_tokens",
    });
    const made = await runLabel(config);
    await finished(runLabel, {
      config,
      other: await configOf(dir, { labels: { judge: "human" } }),
      told: /pairs\.jsonl was complete already; nothing is labelled \(--force labels iteration 0 anew\)/,
      key: "labels\\.judge",
    });
    deepEqual(await runLabel(config), made);
    // Other responses are not what the pairs were made of.
    const path = `${dir}/run/iteration-0/responses.jsonl`;
    const rows = (await Deno.readTextFile(path)).trimEnd().split("\n");
    await Deno.writeTextFile(path, rows.slice(1).join("\n") + "\n");
    await rejects(
      runLabel(config),
      new RegExp(
        `^UserError: Cannot label iteration 0 again: \\S+ was made of other responses than those in .*; ${ADVICE}$`,
      ),
    );
    await runLabel(config, { force: true });
    equal((await readJsonLines(`${dir}/run/iteration-0/pairs.jsonl`)).length, 9);
    // Pairs of which nothing says how they were labelled are somebody's.
    await Deno.remove(`${dir}/run/iteration-0/labels.json`);
    await rejects(
      runLabel(config),
      /pairs\.jsonl is there, and nothing says what labelled it; give another output_dir/,
    );
    // Nor does train take up pairs that were labelled otherwise.
    await runLabel(config, { force: true });
    await rejects(
      train(await configOf(dir, { labels: { judge: "human" } })),
      new RegExp(`^UserError: Cannot go on with label of iteration 0 in \\S+: labels\\.judge is "human".*; ${ADVICE}$`),
    );
  }));

Deno.test("runLabel() and runGenerate() replace nothing that a model was trained on, and cut nothing from the log", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iterations: 2 });
    await train(config);
    const before = await filesOf(`${dir}/run`);
    const labels = { judge: "logprob", model: `${dir}/judge` };
    const other = await configOf(dir, { iterations: 2, labels });
    const trained = "; \\S+/iteration-0/model was made with them, so give another output_dir$";
    await rejects(runLabel(other), new RegExp(`: labels\\.judge is "logprob", expected "human" as in .*${trained}`));
    const colder = await configOf(dir, { iterations: 2, generation: { max_new_tokens: 6, batch_size: 4, seed: 1 } });
    await rejects(runGenerate(colder), new RegExp(`: generation\\.seed is 1, expected 5 as in .*${trained}`));
    match((await notesOf(runLabel, config)).join("\n"), /complete already; nothing is labelled/);
    match((await notesOf(runGenerate, config)).join("\n"), /complete already; nothing is generated/);
    for (const [work, made] of [[runLabel, "pairs"], [runGenerate, "responses"]] as const) {
      await rejects(
        work(other, { force: true }),
        new RegExp(
          `^UserError: Cannot \\w+ iteration 0 in \\S+ anew: \\S+/iteration-0/model was made with its ${made}; give another output_dir$`,
        ),
      );
    }
    deepEqual(await filesOf(`${dir}/run`), before);
    // An earlier iteration that is done later leaves what was logged of a later one.
    await runGenerate(await configOf(dir, { output_dir: `${dir}/late`, iteration: 1 }));
    await runGenerate(await configOf(dir, { output_dir: `${dir}/late`, iteration: 0 }));
    await runLabel(await configOf(dir, { output_dir: `${dir}/late`, iteration: 0 }));
    deepEqual(
      (await readJsonLines<Record<string, unknown>>(`${dir}/late/metrics.jsonl`)).map((
        line,
      ) => [line.iteration, line.stage]),
      [[1, "generate"], [0, "generate"], [0, "label"]],
    );
    // Pairs that optimize was given in the same folder are what its model was trained on.
    const alone = { output_dir: `${dir}/late`, pairs: `${dir}/late/iteration-0/pairs.jsonl` };
    await runOptimize(await configOf(dir, alone));
    await rejects(
      runLabel(await configOf(dir, { ...alone, labels }), { force: true }),
      /^UserError: Cannot label iteration 0 in \S+ anew: \S+\/late\/model was made with its pairs; give another output_dir$/,
    );
  }));
