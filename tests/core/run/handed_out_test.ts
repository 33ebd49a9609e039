/** The model that a run has handed out, where later commands read it. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { UserError } from "../../../core/error.ts";
import { scorePairs } from "../../../core/evaluate/score_pairs.ts";
import { runOptimize } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { filesToPush } from "../../../core/report/push_run.ts";
import { checkHandedOut } from "../../../core/run/handed_out.ts";
import { jsonLines, tinyPairs } from "../../_shared/tiny_model.ts";
import { configOf, withChat, withInput } from "../loop/_runs.ts";

const TRAINING = { max_steps: 1 };

/** What a check of the run's model notes, and the files that it finds changed. */
async function checked(run: string): Promise<{ notes: string[]; changed: string[] }> {
  const notes: string[] = [];
  const changed = await checkHandedOut(run, { made: "model", onNote: (line) => notes.push(line) });
  return { notes, changed };
}

function isLine(error: Error, expected: RegExp): true {
  equal(error instanceof UserError, true, error.stack);
  equal(error.message.includes("\n"), false);
  match(error.message, expected);
  return true;
}

Deno.test("checkHandedOut() refuses changed weights, of train and of a stage alone; their command writes them again", () =>
  withInput(async (dir) => {
    const pairs = `${dir}/pairs.jsonl`;
    await Deno.writeTextFile(pairs, jsonLines(tinyPairs(10)));
    const config = await configOf(dir, { iterations: 1, training: TRAINING, pairs });
    const run = `${dir}/run`;
    for (const work of [train, runOptimize]) {
      await work(config);
      deepEqual(await checked(run), { notes: [], changed: [] });
      const weights = `${run}/model/model.safetensors`;
      const bytes = await Deno.readFile(weights);
      for (const at of [100, bytes.length - 1]) {
        const other = Uint8Array.from(bytes);
        other[at]! ^= 1;
        await Deno.writeFile(weights, other);
        const problem =
          "^Cannot use the model of the run in \\S+/run: \\S+/run/model/model\\.safetensors has SHA-256 \\S{16}…, " +
          "expected \\S{16}… as it was written; run its command again to write it anew";
        await rejects(checked(run), (error: Error) => isLine(error, new RegExp(`${problem}$`)));
        await rejects(
          scorePairs({ model: run, pairs }),
          (error: Error) => isLine(error, new RegExp(`${problem}, or name \\S+/run/model to use it as it is$`)),
        );
        await rejects(
          filesToPush(run, { repo: "me/mine" }),
          (error: Error) => isLine(error, new RegExp(`${problem}$`)),
        );
      }
      equal((await scorePairs({ model: `${run}/model`, pairs })).length, 10);
      await work(config);
      deepEqual(await Deno.readFile(weights), bytes);
      deepEqual(await checked(run), { notes: [], changed: [] });
      await Deno.remove(run, { recursive: true });
    }
  }));

Deno.test("checkHandedOut() notes configs and templates that were changed, and a card tells of them", () =>
  withChat(async (dir) => {
    const run = `${dir}/run`;
    await train(await configOf(dir, { iterations: 1, training: TRAINING, generation: { max_new_tokens: 4 } }));
    await Deno.writeTextFile(`${run}/model/README.md`, "no file of a model");
    deepEqual(await checked(run), { notes: [], changed: [] });
    const { card: plain } = await filesToPush(run, { repo: "me/mine" });
    equal(plain.includes("edited by hand"), false);
    await Deno.writeTextFile(`${run}/model/chat_template.jinja`, "{{ messages }}");
    await Deno.remove(`${run}/model/generation_config.json`);
    const { notes, changed } = await checked(run);
    deepEqual(changed.toSorted(), ["model/chat_template.jinja", "model/generation_config.json"]);
    equal(notes.length, 2);
    for (const note of notes) {
      match(note, /^\S+\/run\/model\/\S+ was changed since it was written: it is used as it is$/);
    }
    const { card } = await filesToPush(run, { repo: "me/mine" });
    match(card, /\n\| edited by hand \| `model\/generation_config\.json`, `model\/chat_template\.jinja` \|\n/);
  }));

Deno.test("checkHandedOut() says that the model of an older run has no checksum, and nothing of what is no run", () =>
  withInput(async (dir) => {
    const run = `${dir}/run`;
    await train(await configOf(dir, { iterations: 1, training: TRAINING }));
    await Deno.remove(`${run}/checksums.json`);
    const { notes } = await checked(run);
    equal(notes.length, 1);
    match(notes[0]!, /^\S+\/run\/model has no checksum, as the run ended before there were any: it cannot be checked$/);
    await Deno.mkdir(`${dir}/other`);
    await Deno.rename(`${run}/model`, `${dir}/other/model`);
    deepEqual(await checked(`${dir}/other`), { notes: [], changed: [] });
  }));
