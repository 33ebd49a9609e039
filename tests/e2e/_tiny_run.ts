/** A folder with everything that a tiny run needs, and configs for it. @module */
import { deepEqual } from "node:assert/strict";
import { type Config, withFolder } from "../_shared/dnpo.ts";
import { jsonLines, tinyPairs, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";

const TRAINING = {
  learning_rate: 1e-2,
  per_device_train_batch_size: 2,
  max_steps: 60,
  lr_scheduler_type: "constant",
  logging_steps: 7,
  save_steps: 5,
};

/** Makes the config of a run in DIR/NAME; `training` has settings over the usual ones. */
export type MakeConfig = (name: string, training?: Record<string, unknown>) => Config;

/** Runs `use` with model/, rows.jsonl, pairs.jsonl and verifier.ts in a folder. */
export async function withTinyRun(use: (dir: string, config: MakeConfig) => Promise<void>): Promise<void> {
  await withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(12)));
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(12)));
    await writeVerifier(dir, 20);
    await use(dir, (name, training = {}) => ({
      model: `${dir}/model`,
      pairs: `${dir}/pairs.jsonl`,
      output_dir: `${dir}/${name}`,
      iterations: 1,
      data: { train: `${dir}/rows.jsonl` },
      generation: { max_new_tokens: 50, batch_size: 5 },
      labels: { judge: "verifier", verifier: `${dir}/verifier.ts` },
      training: { ...TRAINING, ...training },
    }));
  });
}

/** Writes a judge that takes so many milliseconds for an answer; its verdicts take turns. */
export async function writeVerifier(dir: string, milliseconds: number): Promise<void> {
  await Deno.writeTextFile(
    `${dir}/verifier.ts`,
    `let calls = 0;\nexport default () => new Promise((done) => setTimeout(done, ${milliseconds}, ++calls % 3));\n`,
  );
}

/** Compares files of DIR/run with those of DIR/whole. */
export async function equalResults(dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    deepEqual(await Deno.readFile(`${dir}/run/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
  }
}
