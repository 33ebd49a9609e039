import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { judgeChoices, neededBy, writeStarter } from "../../../cli/starter_config.ts";
import { loadConfig, requireFor } from "../../../core/config/config.ts";
import { dnpo, succeeded, withFolder } from "../../_shared/dnpo.ts";
import { writeGguf } from "../../_shared/gguf_model.ts";
import { HubServer } from "../../_shared/hub_server.ts";
import { hasTerminal, inTerminal } from "../../_shared/terminal.ts";

const QUICKSTART = "examples/quickstart";
const MODEL = `${QUICKSTART}/model`;
const ROWS = `${QUICKSTART}/rows.jsonl`;
const VERIFIER = `${QUICKSTART}/verifier.ts`;

Deno.test("dnpo init writes a commented config that loads, and its schema, from flags", () =>
  withFolder(async (dir) => {
    const file = `${dir}/new/mine.yaml`;
    const args = ["init", file, "--model", MODEL, "--data", ROWS, "--judge", "verifier"];
    const out = succeeded(args, await dnpo([...args, "--verifier", VERIFIER, "--iterations", "2", "-o", "runs/x"]));
    assert.match(out, new RegExp(`^Wrote ${file}, and ${dir}/new/dnpo.schema.json`));
    assert.match(out, /^ {2}dnpo plan .*mine\.yaml/m);
    assert.match(out, /^ {2}dnpo train .*mine\.yaml/m);
    const text = await Deno.readTextFile(file);
    assert.match(text, /^# yaml-language-server: \$schema=\.\/dnpo\.schema\.json\n/);
    assert.match(text, /^ {2}# Preference temperature/m);
    const config = await loadConfig(file);
    assert.deepEqual([config.model, config.output_dir, config.iterations], [MODEL, "runs/x", 2]);
    assert.equal(JSON.stringify(config.labels).includes(`"judge":"verifier","verifier":"${VERIFIER}"`), true);
    // The quick start's model was made for 64 tokens.
    assert.equal([config.data].flat()[0]!.max_length, 64);
    const schema = JSON.parse(await Deno.readTextFile(`${dir}/new/dnpo.schema.json`));
    const validate = new Ajv2020().compile(schema);
    assert(validate(parse(text)), JSON.stringify(validate.errors));

    const folder = await dnpo(["init", `${dir}/new`, ...args.slice(2), "--verifier", VERIFIER, "--force"]);
    assert.equal(folder.err, `error: Cannot write ${dir}/new: it is a folder, expected a file's name\n`);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name), ["new"]);

    const below = await dnpo(["init", `${file}/x.yaml`, ...args.slice(2), "--verifier", VERIFIER]);
    assert.equal(below.err, `error: Cannot make the folder ${file}: it is a file, expected a folder or a new name\n`);

    const again = await dnpo([...args, "--verifier", VERIFIER]);
    assert.deepEqual([again.code, again.out], [1, ""]);
    assert.match(
      again.err,
      /^error: Cannot write .*mine\.yaml: it is there already, expected a new name, or --force\n$/,
    );
    assert.equal(await Deno.readTextFile(file), text);
    const forced = [...args.slice(0, 6), "--method", "sft", "--force"];
    succeeded(forced, await dnpo(forced));
    assert.equal((await loadConfig(file)).method, "sft");
  }));

Deno.test("dnpo init never asks without a terminal: what is missing is named", () =>
  withFolder(async (dir) => {
    const file = `${dir}/config.yaml`;
    for (
      const [args, flag] of [
        [[], "--model"],
        [["--model", MODEL], "--data"],
        [["--model", MODEL, "--data", ROWS], "--judge \\(verifier, [a-z, -]*, human\\)"],
        [["--model", MODEL, "--data", ROWS, "--judge", "logprob"], "--judge-model"],
        [["--model", MODEL, "--data", ROWS, "--judge", "llm"], "--judge-model"],
      ] as const
    ) {
      const { code, out, err } = await dnpo(["init", file, ...args]);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(
        err,
        new RegExp(`^error: Cannot write .*: ${flag} is not given, and there is no terminal to ask in\n$`),
      );
    }
    const { err } = await dnpo(["init", file, "--model", MODEL, "--data", ROWS, "--judge", "me"]);
    assert.match(err, /^error: --judge: expected verifier, .*, human, got "me"\n$/);
    const ensemble = await dnpo(["init", file, "--model", MODEL, "--data", ROWS, "--judge", "ensemble"]);
    assert.match(ensemble.err, /^error: --judge: init writes no ensemble; write labels.judges into a config /);
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  }));

Deno.test("writeStarter() writes configs that have what the judge needs", () =>
  withFolder(async (dir) => {
    for (const judge of judgeChoices()) {
      const needed = Object.fromEntries(neededBy(judge).map(({ key }) => [key, "given"]));
      const answers = { model: "m", data: "d", method: "dnpo", judge, iterations: 1, ...needed } as const;
      const path = `${dir}/${judge}.yaml`;
      await Deno.writeTextFile(path, writeStarter(answers, { path, schemaFile: "schema.json" }));
      const config = await loadConfig(path);
      requireFor("train", config);
      assert.equal(JSON.stringify(config.labels).includes('"given"'), Object.keys(needed).length > 0);
    }
  }));

Deno.test("dnpo init checks what flags name, and writes nothing where it cannot be used", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/odd.jsonl`, '{"foo": 1}\n');
    await Deno.writeTextFile(`${dir}/throws.ts`, "export default () => {\n  throw new Error('no');\n};");
    await Deno.writeTextFile(`${dir}/none.ts`, "export const score = () => 1;");
    const all = { model: MODEL, data: ROWS, judge: "verifier", verifier: VERIFIER };
    const env = { HF_HUB_OFFLINE: "", HF_ENDPOINT: "http://127.0.0.1:9", HF_HOME: `${dir}/hub` };
    for (
      const [flags, error] of [
        [
          { model: "nowhere" },
          /Cannot use nowhere: there is no such path, expected a folder, a run's, or org\/name on the hub/,
        ],
        [{ model: "tests" }, /Cannot open a model in tests: there is no config.json/],
        [{ data: "rows.jsonl" }, /Cannot use rows.jsonl: there is no such path, expected a file, a folder, or/],
        [{ data: `${dir}/odd.jsonl` }, /Cannot read .*odd.jsonl:1: .*foo.*expected/],
        [{ eval: "held.jsonl" }, /Cannot use held.jsonl: there is no such path/],
        [{ verifier: `${dir}/nothing.ts` }, /Cannot load verifier .*nothing.ts: /],
        [{ verifier: `${dir}/none.ts` }, /Cannot use verifier .*none.ts: its default export is undefined/],
        [
          { verifier: `${dir}/throws.ts` },
          /Cannot score the answer in .*rows.jsonl:1 with .*throws.ts: no \(throws.ts:2:9\)/,
        ],
        [
          { method: "dpo" },
          /Cannot use method dpo on .*rows.jsonl: its rows have one answer, expected a chosen and a rejected/,
        ],
        [{ judge: "logprob", "judge-model": "nowhere" }, /Cannot use nowhere: there is no such path/],
      ] as const
    ) {
      const args = Object.entries({ ...all, ...flags }).flatMap(([name, value]) => [`--${name}`, value]);
      const { code, out, err } = await dnpo(["init", `${dir}/new.yaml`, ...args], env);
      assert.deepEqual([code, out], [1, ""], err);
      assert.match(err, /^error: [^\n]+\n$/);
      assert.match(err, error);
    }
    assert.equal(await Deno.stat(`${dir}/new.yaml`).catch(() => null), null);
  }));

Deno.test("dnpo init finds rows by all names by which a run finds them", () =>
  withFolder(async (dir) => {
    for (const split of ["train", "test", "validation"]) {
      for (const folder of split === "train" ? ["rows"] : ["rows", "held"]) {
        await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
        await Deno.copyFile(ROWS, `${dir}/${folder}/${split}.jsonl`);
      }
    }
    const init = (data: string, held: string) =>
      dnpo([
        ...["init", `${dir}/new.yaml`, "--force", "--model", MODEL, "--method", "spin"],
        ...["--data", `${dir}/${data}`, "--eval", `${dir}/${held}`],
      ]);
    for (const [data, held] of [["rows[:3]", "held"], ["rows/train[:3]", "held/validation"]] as const) {
      const { code, err } = await init(data, held);
      assert.deepEqual([code, err], [0, ""], `${data} and ${held}`);
    }
    assert.match((await init("rows/more", "held")).err, /^error: Cannot read .*rows: it has no split "more"/);
    assert.match(
      (await init("held", "held")).err,
      /^error: Cannot read .*held: it has the splits test, validation; name/,
    );
    assert.match((await init("rows[a]", "held")).err, /^error: Cannot use .*"\[a\]" is no slice, expected \[FROM:TO\]/);
  }));

Deno.test("dnpo init knows the length of a GGUF file, and tells one that cannot be read", () =>
  withFolder(async (dir) => {
    await writeGguf(dir, { config: { max_position_embeddings: 48 } });
    await Deno.writeTextFile(`${dir}/cut.gguf`, "GGUF");
    const init = (model: string) =>
      dnpo(["init", `${dir}/new.yaml`, "--model", `${dir}/${model}`, "--data", ROWS, "--method", "spin", "--lora"]);
    assert.match((await init("cut.gguf")).err, /^error: Cannot read .*cut\.gguf: it ends within its header/);
    const { code, err } = await init("model.gguf");
    assert.deepEqual([code, err], [0, ""]);
    assert.equal([(await loadConfig(`${dir}/new.yaml`)).data].flat()[0]!.max_length, 48);
  }));

Deno.test("dnpo init trains an adapter where the model's own weights cannot be trained, and names a run's model", () =>
  withFolder(async (dir) => {
    await writeGguf(dir, { config: { hidden_size: 32, intermediate_size: 64, head_dim: 16 }, quantize: "q8_0" });
    const init = (model: string) =>
      dnpo(["init", `${dir}/new.yaml`, "--model", model, "--data", ROWS, "--method", "spin", "--force"]);
    const { code, err } = await init(`${dir}/model.gguf`);
    assert.equal(code, 0, err);
    assert.match(
      err,
      /^\S+model\.gguf: its weights are quantized \(q8_0\), so that a LoRA adapter is trained, and not all/i,
    );
    assert.equal((await loadConfig(`${dir}/new.yaml`)).lora?.r, 16);
    await Deno.mkdir(`${dir}/run`);
    await Deno.rename(`${dir}/model`, `${dir}/run/model`);
    assert.deepEqual((await init(`${dir}/run`)).err, "");
    const config = await loadConfig(`${dir}/new.yaml`);
    assert.deepEqual([config.model, config.lora], [`${dir}/run/model`, undefined]);
  }));

Deno.test("dnpo init asks the hub for a model and its length, and goes on where the hub cannot be asked", () =>
  withFolder(async (dir) => {
    await using hub = new HubServer();
    await hub.addFolder("model", "org/small", MODEL);
    const init = (model: string, ...args: string[]) =>
      dnpo(["init", `${dir}/new.yaml`, "--model", model, "--data", ROWS, "--method", "spin", "--force", ...args], {
        HF_ENDPOINT: hub.url,
        HF_HOME: `${dir}/hub`,
      });
    const { code, err } = await init("org/small", "--lora", "--eval", `${QUICKSTART}/eval.jsonl`);
    assert.deepEqual([code, err], [0, ""]);
    const config = await loadConfig(`${dir}/new.yaml`);
    const [data] = [config.data].flat();
    assert.deepEqual([data!.max_length, data!.eval, config.lora?.r], [64, `${QUICKSTART}/eval.jsonl`, 16]);
    const downloaded = await Array.fromAsync(Deno.readDir(`${dir}/hub/hub/models--org--small/blobs`));
    assert.equal(downloaded.length, 1, "config.json alone");
    assert.match((await init("org/none")).err, /^error: Cannot use org\/none: /);
    await hub[Symbol.asyncDispose]();
    const offline = await init("org/small");
    assert.equal(offline.code, 0, offline.err);
    assert.match(offline.err, /org\/small is not checked: .* the hub cannot be asked now\n/);
  }));

Deno.test({
  name: "dnpo init in a terminal asks again for what cannot be used, and says what each choice is",
  ignore: !await hasTerminal(),
  fn: () =>
    withFolder(async (dir) => {
      const { code, shown } = await inTerminal(["init", `${dir}/new.yaml`], [
        ["Model to start from", "nowhere\r"],
        ["there is no such path", ""],
        ["Model to start from", `${MODEL}\r`],
        ["Rows to train on", `${ROWS}\r`],
        ["Held-out rows", `${QUICKSTART}/eval.jsonl\r`],
        ["Method", "\r"],
        ["Who chooses", "\r"],
        ["Module that scores", `${VERIFIER}\r`],
        ["What is trained?", "\r"],
        ["Iterations", "\r"],
        ["Folder of the run", "\r"],
      ], { columns: 100 });
      assert.equal(code, 0, shown);
      const plain = shown.replace(/[│\s]+/g, " ");
      for (const text of ["spin the model answers, and", "human none: the human answer is always", "weights take"]) {
        assert(plain.includes(text), `${text}\n${plain}`);
      }
      const config = await loadConfig(`${dir}/new.yaml`);
      const [data] = [config.data].flat();
      assert.deepEqual([config.model, data!.eval, config.iterations], [MODEL, `${QUICKSTART}/eval.jsonl`, 3]);
      assert(JSON.stringify(config.labels).includes(`"verifier":"${VERIFIER}"`));
    }),
});
