import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { judgeChoices, neededBy, writeStarter } from "../../../cli/starter_config.ts";
import { loadConfig, requireFor } from "../../../core/config/config.ts";
import { dnpo, succeeded, withFolder } from "../../_shared/dnpo.ts";

Deno.test("dnpo init writes a commented config that loads, and its schema, from flags", () =>
  withFolder(async (dir) => {
    const file = `${dir}/new/mine.yaml`;
    const args = ["init", file, "--model", "models/a", "--data", "rows.jsonl", "--judge", "verifier"];
    const out = succeeded(args, await dnpo([...args, "--verifier", "v.ts", "--iterations", "2", "-o", "runs/x"]));
    assert.match(out, new RegExp(`^Wrote ${file}, and ${dir}/new/dnpo.schema.json`));
    assert.match(out, /^ {2}dnpo plan .*mine\.yaml/m);
    assert.match(out, /^ {2}dnpo train .*mine\.yaml/m);
    const text = await Deno.readTextFile(file);
    assert.match(text, /^# yaml-language-server: \$schema=\.\/dnpo\.schema\.json\n/);
    assert.match(text, /^ {2}# Preference temperature/m);
    const config = await loadConfig(file);
    assert.deepEqual([config.model, config.output_dir, config.iterations], ["models/a", "runs/x", 2]);
    assert.equal(JSON.stringify(config.labels).includes(`"judge":"verifier","verifier":"v.ts"`), true);
    const schema = JSON.parse(await Deno.readTextFile(`${dir}/new/dnpo.schema.json`));
    const validate = new Ajv2020().compile(schema);
    assert(validate(parse(text)), JSON.stringify(validate.errors));

    const folder = await dnpo(["init", `${dir}/new`, ...args.slice(2), "--verifier", "v.ts", "--force"]);
    assert.equal(folder.err, `error: Cannot write ${dir}/new: it is a folder, expected a file's name\n`);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name), ["new"]);

    const again = await dnpo([...args, "--verifier", "v.ts"]);
    assert.deepEqual([again.code, again.out], [1, ""]);
    assert.match(
      again.err,
      /^error: Cannot write .*mine\.yaml: it is there already; name another file, or give --force\n$/,
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
        [["--model", "m"], "--data"],
        [["--model", "m", "--data", "d"], "--judge \\(verifier, [a-z, -]*, human\\)"],
        [["--model", "m", "--data", "d", "--judge", "logprob"], "--judge-model"],
        [["--model", "m", "--data", "d", "--judge", "llm"], "--judge-model"],
      ] as const
    ) {
      const { code, out, err } = await dnpo(["init", file, ...args]);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(
        err,
        new RegExp(`^error: Cannot write .*: ${flag} is not given, and there is no terminal to ask in\n$`),
      );
    }
    const { err } = await dnpo(["init", file, "--model", "m", "--data", "d", "--judge", "me"]);
    assert.match(err, /^error: --judge: expected verifier, .*, human, got "me"\n$/);
    const ensemble = await dnpo(["init", file, "--model", "m", "--data", "d", "--judge", "ensemble"]);
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
