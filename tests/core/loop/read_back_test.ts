/** What a run reads back of its own files, where others have changed them: one line that says what to do, or made anew. @module */
import { equal, rejects } from "node:assert/strict";
import { runGenerate, runLabel } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { device } from "../../_shared/device.ts";
import { configOf, withInput } from "./_runs.ts";

/** Where a run of DIR/run keeps it, what it is made to hold, and how the next run ends. */
const FILES: readonly (readonly [file: string, content: string, error: RegExp])[] = [
  ["evaluation.json", "{", /evaluation\.json: it is not JSON .*; delete the file to evaluate again$/],
  ["evaluation.json", "7", /evaluation\.json: it is 7, expected a JSON object; delete the file to evaluate again$/],
  ["evaluation.json", "{}", /evaluation\.json: "rows" is undefined, expected a number from 1 to \d+; delete the file/],
  ["evaluation.json", '{"rows":3,"loss":"1"}', /evaluation\.json: "loss" is "1", expected a number from 0/],
  [
    "evaluation.json",
    '{"rows":3,"loss":1,"greedy":2}',
    /evaluation\.json: "greedy" is 2, expected .* from 0 to 1; del/,
  ],
  [
    "metrics.jsonl",
    '{"iteration":0,"step":1}\n}\n{}\n',
    /metrics\.jsonl:2: it is no JSON object, .*mend or delete it$/,
  ],
  ["config.yaml", "7", /config\.yaml: it is no YAML, expected the settings of the run; delete the folder$/],
  ["config.yaml", "", /config\.yaml: it is no YAML, expected the settings of the run; delete the folder$/],
  [
    "iteration-0/model/model.safetensors",
    "x",
    /iteration-0\/model\/model\.safetensors has SHA-256 2d711642b726b044…, expected [0-9a-f]{16}… as it was written; delete \S+\/run\/iteration-0\/model to train it again$/,
  ],
  [
    "iteration-0/model/config.json",
    "{}",
    /iteration-0\/model\/config\.json has SHA-256 44136fa355b3678a…, expected .*; delete \S+iteration-0\/model to train it again$/,
  ],
];

/** Makes a run one that was evaluated before evaluations had checksums, so that only what they say is checked. */
async function forgetEvaluationSum(run: string): Promise<void> {
  const path = `${run}/checksums.json`;
  const record = JSON.parse(await Deno.readTextFile(path));
  equal(delete record.files["evaluation.json"], true);
  await Deno.writeTextFile(path, JSON.stringify(record));
}

Deno.test("train() says what is wrong with a file of its own that was changed, and what to do, before any work", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` } });
    await train(config);
    await forgetEvaluationSum(`${dir}/run`);
    const summary = await Deno.readTextFile(`${dir}/run/summary.json`);
    for (const [file, content, error] of FILES) {
      const path = `${dir}/run/${file}`;
      const before = await Deno.readFile(path);
      await Deno.writeTextFile(path, content);
      await rejects(train(config), (thrown: Error) => {
        equal(thrown.name, "UserError", `${file}: ${thrown.stack}`);
        equal(error.test(thrown.message) && !thrown.message.includes("\n"), true, `${file}: ${thrown.message}`);
        return true;
      });
      await Deno.writeFile(path, before);
    }
    // summary.json and the report are made of the others, and never read by a run.
    await Deno.writeTextFile(`${dir}/run/summary.json`, "{");
    await train(config);
    equal(await Deno.readTextFile(`${dir}/run/summary.json`), summary);
  }));

Deno.test("runLabel() says what to do about responses that were damaged, runGenerate() about their settings", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { labels: { judge: "logprob", model: `${dir}/judge` } });
    const path = await runGenerate(config);
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replace('"finished":', '"finish":'));
    await rejects(
      runLabel(config),
      /^UserError: Cannot read .*responses\.jsonl:1: "finished" is missing, .*; delete the file to generate again$/,
    );
    await Deno.writeTextFile(`${dir}/run/iteration-0/generation.json`, "{,");
    await rejects(
      runGenerate(config),
      /^UserError: Cannot read .*generation\.json: it is not JSON .*; give another output_dir or delete .*iteration-0$/,
    );
  }));

Deno.test("runGenerate() that was stopped generates rows anew that are malformed", () =>
  withInput(async (dir) => {
    const config = await configOf(dir);
    const path = await runGenerate(config);
    const whole = await Deno.readTextFile(path);
    const lines = whole.split("\n");
    for (const line of ["null", "{}", lines[4]!.replace(/"generated_ids":\[[^\]]*\]/, '"generated_ids":[-1]'), "\0"]) {
      await Deno.remove(path);
      await Deno.writeTextFile(path.replace(".jsonl", ".partial.jsonl"), [...lines.slice(0, 4), line, ""].join("\n"));
      await runGenerate(config);
      equal(await Deno.readTextFile(path), whole);
    }
  }));

Deno.test("train() refuses a verifier that --no-verifier forbids before it makes a folder, whichever iteration needs it", () =>
  withInput(async (dir) => {
    const verifier = `${dir}/verifier.ts`;
    const labels = [{ judge: "human" }, { judge: "verifier", verifier }];
    const refused = async (keys: Record<string, unknown>, why: string): Promise<void> => {
      const config = await configOf(dir, { iterations: 3, ...keys });
      const error = new RegExp(
        `^UserError: Cannot run verifier .*verifier\\.ts: --no-verifier forbids it, and ${why}$`,
      );
      await rejects(train(config, { allowVerifier: false }), error);
      await rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);
    };
    await refused({ labels }, "judge is verifier");
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    await refused({ data, labels: { judge: "human", verifier } }, "the evaluation needs it");
    await refused({ data, method: "sft", labels: { judge: "human", verifier } }, "the evaluation needs it");
    // One that is named and not needed is no matter.
    await train(await configOf(dir, { iterations: 1, labels }), { allowVerifier: false });
    await train(
      await configOf(dir, { method: "sft", labels: { judge: "human", verifier }, output_dir: `${dir}/sft` }),
      { allowVerifier: false },
    );
  }));

Deno.test("train() and planRun() miss what they judge with before any work, and only where it is needed", () =>
  withInput(async (dir) => {
    const verifier = `${dir}/verifier.ts`;
    const missing = /^UserError: Cannot load verifier .*\/verifier\.ts: there is no such file$/;
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    for (
      const [keys, error] of [
        [{ labels: { judge: "verifier", verifier } }, missing],
        [{ labels: { judge: "human", verifier }, data }, missing],
        [
          { labels: { judge: "verifier", verifier: dir } },
          /Cannot load verifier .*: it is a folder, expected a module$/,
        ],
        [
          { labels: [{ judge: "human" }, { judge: "logprob", model: `${dir}/nothing` }], iterations: 2 },
          /^UserError: Cannot judge with \S+\/nothing: \S+\/nothing\/config\.json is not there, expected a model's$/,
        ],
      ] as const
    ) {
      const config = await configOf(dir, keys);
      await rejects(train(config), error);
      await rejects(Deno.stat(`${dir}/run`), Deno.errors.NotFound);
      await rejects(planRun(config, { device, time: false }), error);
    }
    await train(await configOf(dir, { labels: { judge: "human", verifier } }));
    const done = await configOf(dir, {
      labels: { judge: "logprob", model: `${dir}/judge` },
      output_dir: `${dir}/done`,
    });
    await train(done);
    await Deno.remove(`${dir}/judge`, { recursive: true });
    await train(done);
  }));

Deno.test("an evaluation whose loss was not finite is read as such, and the run goes on", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` } });
    await train(config);
    await forgetEvaluationSum(`${dir}/run`);
    const path = `${dir}/run/evaluation.json`;
    await Deno.writeTextFile(path, JSON.stringify({ ...JSON.parse(await Deno.readTextFile(path)), loss: NaN }));
    const losses: (number | undefined)[] = [];
    await train(config, { onIteration: ({ eval_loss }) => losses.push(eval_loss) });
    equal(losses.length, 2);
    equal(Number.isNaN(losses[0]), true);
    equal(Number.isFinite(losses[1]), true);
  }));
