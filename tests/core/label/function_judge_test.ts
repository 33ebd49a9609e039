import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { loadConfig } from "../../../core/config/config.ts";
import { runLabel } from "../../../core/loop/single_stages.ts";
import { runGenerate } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import type { JudgedAnswer } from "../../../core/run/run_context.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { writeTokenizer } from "../data/_fixtures.ts";
import { configOf, withInput } from "../loop/_runs.ts";

Deno.test("train() takes a judge as a function, which scores both answers, and says so in the run's settings", () =>
  withInput(async (dir) => {
    await writeTokenizer(`${dir}/model`);
    const asked: JudgedAnswer[] = [];
    const judge = (answer: JudgedAnswer): Promise<number> => {
      asked.push(answer);
      return Promise.resolve(-answer.response.length);
    };
    const config = await configOf(dir);
    await train(config, { judge });
    const pairs = await readJsonLines<Record<string, number | string>>(`${dir}/run/iteration-0/pairs.jsonl`);
    equal(asked.length >= 2 * pairs.length && pairs.length > 0, true);
    for (const { chosen, rejected, chosen_from, score_human, score_generated } of pairs) {
      const [human, generated] = chosen_from === "generated" ? [rejected, chosen] : [chosen, rejected];
      deepEqual([-String(human).length, -String(generated).length], [score_human, score_generated]);
    }
    match(await Deno.readTextFile(`${dir}/run/config.yaml`), /^labels:\n {2}judge: function$/m);
    const again = await loadConfig(`${dir}/run/config.yaml`);
    deepEqual(again.labels, { ...config.labels, judge: "function" });
    const before = asked.length;
    await train(again, { judge });
    equal(asked.length, before, "all is done");
    await rejects(train(again), /^UserError: Cannot judge with judge function: no program gave one/);
    await rejects(
      train({ ...config, labels: { judge: "function", margin: 0, verifier_timeout: 10 } }),
      /^UserError: Cannot judge with judge function: no program gave one, as train\(config, \{ judge \}\) does/,
    );
  }));

Deno.test("a function judges the iterations whose judge is function, where the config says so", () =>
  withInput(async (dir) => {
    let asked = 0;
    const config = await configOf(dir, { iterations: 2 });
    const judge = { margin: 0, verifier_timeout: 10 };
    const labels = [{ ...judge, judge: "human" as const }, { ...judge, judge: "function" as const }];
    await train({ ...config, labels }, { judge: () => asked++ });
    const [human, given] = [0, 1].map((k) =>
      readJsonLines<Record<string, unknown>>(`${dir}/run/iteration-${k}/pairs.jsonl`)
    );
    equal((await human!)[0]!.score_human, undefined);
    equal(typeof (await given!)[0]!.score_human, "number");
    equal(asked > 0, true);
  }));

Deno.test("a judge that returns no finite number is named with the row", () =>
  withInput(async (dir) => {
    const config = await configOf(dir);
    await runGenerate(config);
    await rejects(
      runLabel(config, { judge: () => NaN }),
      /^UserError: Cannot score row 0 with the given judge: it returned NaN, expected a finite number$/,
    );
  }));
