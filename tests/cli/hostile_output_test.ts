import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { Progress } from "../../cli/progress_line.ts";
import { encodeResponse } from "../../core/data/stage_files.ts";
import { writeTinyModel } from "../_shared/tiny_model.ts";
import { withFolder } from "../core/_tiny.ts";
import { runSource } from "./_process.ts";

const QUICKSTART = fileURLToPath(new URL("../../examples/quickstart", import.meta.url));

/** A name that would clear the screen, colour and turn what follows, and forge a line. */
const NAME = "a\x1b[2J\x9b31m\u202eb\nerror: forged";

// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u206f]/;

/** What command lines print together, each in the folder `dir`, and their exit codes. */
async function printed(dir: string, calls: string[][]): Promise<{ codes: number[]; out: string; err: string }> {
  const source = `import { main } from "./main.ts";
    const codes: number[] = [];
    Deno.chdir(${JSON.stringify(dir)});
    for (const args of ${JSON.stringify(calls)}) codes.push(await main(args));
    await Deno.writeTextFile("codes", JSON.stringify(codes));`;
  const { out, err } = await runSource(source, { permissions: ["-A", "--unstable-worker-options"] });
  return { codes: JSON.parse(await Deno.readTextFile(`${dir}/codes`).catch(() => err)), out, err };
}

/** A folder with a run of hostile names, and one with a model beside it. */
async function withRuns(use: (dir: string) => Promise<void>): Promise<void> {
  await withFolder(async (dir) => {
    await Deno.mkdir(`${dir}/runs/${NAME}`, { recursive: true });
    const settings = { model: NAME, data: { train: NAME }, labels: { judge: "llm", server_model: NAME } };
    await Deno.writeTextFile(`${dir}/runs/${NAME}/config.yaml`, JSON.stringify({ method: NAME, ...settings }));
    await Deno.writeTextFile(`${dir}/runs/${NAME}/metrics.jsonl`, '{"iteration": 0, "step": 1, "loss": 0.5}\n');
    await Deno.writeTextFile(`${dir}/${NAME}.yaml`, JSON.stringify({ ...settings, output_dir: "label" }));
    await Deno.mkdir(`${dir}/empty${NAME}`);
    await Deno.mkdir(`${dir}/label/iteration-0`, { recursive: true });
    // What is asked is shown with its lines.
    const text = NAME.split("\n")[0]!;
    const row = encodeResponse({
      ...{ row: 0, prompt: text, promptIds: [1, 3], response: `human ${text}`, responseIds: [4, 2] },
      ...{ generated: `made ${text}`, generatedIds: [5, 2], finished: true },
    });
    await Deno.writeTextFile(`${dir}/label/iteration-0/responses.jsonl`, row);
    await writeTinyModel(`${dir}/push/model`);
    await Deno.writeTextFile(`${dir}/push/model/${NAME}.txt`, "");
    await Deno.writeTextFile(`${dir}/push/config.yaml`, JSON.stringify(settings));
    await use(dir);
  });
}

Deno.test("no command prints what could rewrite the terminal or forge a line", () =>
  withRuns(async (dir) => {
    const calls = [
      ["runs", "runs"],
      ["runs", `empty${NAME}`],
      ["config", `${NAME}.yaml`],
      ["label", `${NAME}.yaml`, "--dry-run"],
      ["push", "push", "me/mine", "--dry-run"],
      ["push", NAME, "me/mine", "--dry-run"],
      ["push", "push", NAME, "--dry-run"],
      ["export", NAME, "--output", `${NAME}.jsonl`],
      [
        "init",
        `${NAME}/new.yaml`,
        "--model",
        `${QUICKSTART}/model`,
        "--data",
        `${QUICKSTART}/rows.jsonl`,
        "--method",
        "spin",
      ],
      ["train", `${NAME}.none.yaml`],
      ["train", `${NAME}.yaml`, "--set", `${NAME}=1`, "--set", `training.beta=${NAME}`],
      ["chat", "--model", NAME],
      [NAME],
      ["train", `--${NAME}`],
      ["train", "--dtype", NAME],
      ["runs", "a", NAME],
      ["completions", NAME],
    ];
    const { codes, out, err } = await printed(dir, calls);
    assert.deepEqual(codes, [0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1], err);
    for (const text of [out, err]) {
      assert.doesNotMatch(text, UNSAFE);
      assert.doesNotMatch(text, /^\s*error: forged/m);
    }
    assert.match(out, /│ a \[2J 31m b error: forged/);
    // Each mistake is one line; those of a config are one for each.
    assert.equal(err.match(/^error: /gm)!.length, 12, err);
  }));

Deno.test("what is printed for programs has the names as they are", () =>
  withRuns(async (dir) => {
    const runs = await printed(dir, [["runs", "runs", "--json"]]);
    assert.doesNotMatch(runs.out, UNSAFE);
    assert.equal(JSON.parse(runs.out)[0].name, NAME);
    const json = await printed(dir, [["config", `${NAME}.yaml`, "--json"]]);
    assert.doesNotMatch(json.out, UNSAFE);
    assert.equal(JSON.parse(json.out).config.model, NAME);
    const yaml = await printed(dir, [["config", `${NAME}.yaml`]]);
    const config = parse(yaml.out);
    assert.deepEqual([config.model, config.data.train, config.labels.server_model], [NAME, NAME, NAME]);
  }));

Deno.test("Progress lets no control characters of names through", () => {
  const written: string[] = [];
  const progress = new Progress({ write: (text) => void written.push(text), isTerminal: false });
  progress.update({ stage: `download ${NAME}`, done: 1, total: 1 });
  progress.note(NAME);
  assert.deepEqual(written.map((line) => line.match(/\n/g)!.length), [1, 1]);
  assert.doesNotMatch(written.join(""), UNSAFE);
});
