import { deepEqual, equal, rejects } from "node:assert/strict";
import { withRun } from "../../../core/run/run_context.ts";
import { readSources } from "../../../core/run/run_sources.ts";
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
