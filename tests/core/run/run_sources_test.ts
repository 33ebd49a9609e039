import { deepEqual, equal, rejects } from "node:assert/strict";
import { withRun } from "../../../core/run/run_context.ts";
import { readSources, RunSources } from "../../../core/run/run_sources.ts";
import { withHub } from "../hub/_hub.ts";
import { configOf, withInput } from "../loop/_runs.ts";

Deno.test("a run of local files has no sources.json", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` } });
    await withRun(config, { needs: [], hooks: {} }, async ({ sources }) => {
      equal(await sources.model(`${dir}/model`), `${dir}/model`);
      deepEqual(await sources.data(`${dir}/rows.jsonl`), [`${dir}/rows.jsonl`]);
    });
    deepEqual(await readSources(`${dir}/run`), []);
    await rejects(Deno.stat(`${dir}/run/sources.json`), Deno.errors.NotFound);
  }));

Deno.test("readSources() refuses what no run has written", () =>
  withInput(async (dir) => {
    for (const text of ["{}", '{"sources": [{"source": "org/name"}]}', '{"sources": 3}']) {
      await Deno.writeTextFile(`${dir}/sources.json`, text);
      await rejects(readSources(dir), /sources\.json: it does not hold the sources of a run; delete it to look/);
    }
    await Deno.writeTextFile(`${dir}/sources.json`, "nothing");
    await rejects(readSources(dir), /sources\.json: it is not JSON/);
  }));

Deno.test("RunSources.keepIn() writes what was found into a folder, unless another commit is fixed there", () =>
  withHub(async ({ hub, dir, options }) => {
    const repo = hub.add("dataset", "org/rows", { "train.jsonl": '{"prompt": "a", "response": "b"}\n' });
    const found = async (): Promise<RunSources> => {
      const sources = await RunSources.open(null, options);
      await sources.data("org/rows");
      return sources;
    };
    const sources = await found();
    equal(await sources.keepIn(dir), true);
    const [record] = await readSources(dir);
    equal(record!.commit, repo.refs.get("main"));
    const before = hub.requests.length;
    await sources.data("org/rows");
    equal(hub.requests.length, before, "nothing is looked up again");
    hub.commit(repo, { "train.jsonl": '{"prompt": "a", "response": "c"}\n' });
    equal(await (await found()).keepIn(dir), false);
    deepEqual(await readSources(dir), [record]);
  }));

Deno.test("RunSources.benchmark() records rows that nothing is made of, until they are data too", () =>
  withHub(async ({ hub, dir, options }) => {
    hub.add("dataset", "org/rows", { "train.jsonl": "{}\n", "test.jsonl": "{}\n" });
    const kept = async (): Promise<unknown[]> =>
      (await readSources(dir)).map(({ source, is_benchmark }) => [source, is_benchmark]);
    const open = (): Promise<RunSources> => RunSources.open(dir, options);
    const sources = await open();
    await sources.data("org/rows/train");
    const train = await sources.benchmark("org/rows/train");
    const test = await sources.benchmark("org/rows/test");
    deepEqual(await kept(), [["org/rows/train", undefined], ["org/rows/test", true]]);
    const before = hub.requests.length;
    const again = await open();
    deepEqual([await again.benchmark("org/rows/train"), await again.benchmark("org/rows/test")], [train, test]);
    equal(hub.requests.length, before, "nothing is looked up again");
    deepEqual(await again.data("org/rows/test"), test);
    deepEqual(await kept(), [["org/rows/train", undefined], ["org/rows/test", undefined]]);
  }));
