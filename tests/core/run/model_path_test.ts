import { deepEqual, equal } from "node:assert/strict";
import { noModelAt } from "../../../core/run/missing_model.ts";
import { baseSpec, namedBase } from "../../../core/run/model_path.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("namedBase() has a revision apart, as PEFT's configs, and baseSpec() puts it back", () =>
  withFolder(async (dir) => {
    const path = `${dir}/model@2`;
    await Deno.mkdir(path);
    const cases: [model: string, base: string, revision: string | null][] = [
      ["org/base", "org/base", null],
      ["org/base@v1", "org/base", "v1"],
      ["org/base@refs/pr/3", "org/base", "refs/pr/3"],
      [path, path, null],
      [`${dir}/gone`, `${dir}/gone`, null],
    ];
    for (const [model, base, revision] of cases) {
      deepEqual(await namedBase(model), { base, revision });
      equal(await baseSpec(base, revision), model);
    }
    // A folder that has been made since is not mistaken for the hub's.
    equal(await baseSpec(path, "main"), path);
  }));

Deno.test("noModelAt() says what is there, and the nearest way to a model", () =>
  withFolder(async (dir) => {
    for (const name of ["models/small", "run/model", "data"]) await Deno.mkdir(`${dir}/${name}`, { recursive: true });
    const config = `${dir}/models/small/config.json`;
    for (const path of [config, `${dir}/run/model/config.json`, `${dir}/data/a.jsonl`]) {
      await Deno.writeTextFile(path, "{}");
    }
    await Deno.mkdir(`${dir}/empty`);
    const said = async (path: string): Promise<string> => {
      const { message } = await noModelAt(`${dir}/${path}`);
      return message.slice(`Cannot open a model in ${dir}/${path}: `.length).replaceAll(dir, "DIR");
    };
    const hub = "there is no such folder, and it is no org/name on the hub";
    equal(await said("models/smal"), `${hub}; did you mean DIR/models/small?`);
    const expected = "expected a model's folder, a GGUF file or org/name on the hub";
    equal(await said("models/other-one"), `${hub}; ${expected}`);
    equal(await said("nowhere/at/all"), `${hub}; ${expected}`);
    const file = "it is a file, and no GGUF file by its name";
    equal(await said("models/small/config.json"), `${file}; expected its folder, DIR/models/small`);
    equal(await said("data/a.jsonl"), `${file}; ${expected}`);
    equal(await said("run"), "there is no config.json, it is a run's folder; its model is DIR/run/model");
    const none = "there is no config.json, expected a model's folder or a run's with model/config.json";
    equal(await said("data"), `${none}; it holds a.jsonl`);
    equal(await said("empty"), `${none}; it is empty`);
    const sweep = JSON.stringify({ runs: [{ variant: "a", seed: 1, dir: `${dir}/sweep/a/seed-1` }] });
    for (const folder of ["sweep", "begun", "halfway/iteration-0/adapter", "halfway/iteration-1"]) {
      await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
    }
    await Deno.writeTextFile(`${dir}/sweep/sweep.json`, sweep);
    equal(await said("sweep"), "it is the folder of a sweep, expected one of its runs, such as DIR/sweep/a/seed-1");
    for (const run of ["begun", "halfway"]) await Deno.writeTextFile(`${dir}/${run}/config.yaml`, "model: m\n");
    const again = "its run has not ended, expected that the command which began it is given again";
    equal(await said("begun"), again);
    await Deno.writeTextFile(`${dir}/halfway/iteration-0/adapter/adapter_config.json`, "{}");
    const last = "DIR/halfway/iteration-0/adapter, the model of its last iteration that ended";
    equal(await said("halfway"), `${again}, or ${last}`);
  }));
