/** Whole runs on tiny models, in this process. @module */
import "../../_shared/one_device.ts";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../../_shared/tiny_model.ts";
import { type Logged, readJsonLines } from "../../_shared/trajectory.ts";
import { withFolder } from "../_tiny.ts";
import { CHATML, writeTokenizer } from "../data/_fixtures.ts";

/** A folder with a model, a judge and ten rows of ids. */
export function withInput<T>(use: (dir: string) => Promise<T>): Promise<T> {
  return withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await writeTinyModel(`${dir}/judge`, { seed: 2 });
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(10)));
    return await use(dir);
  });
}

/** Vocabulary of the model of {@linkcode withChat}. */
export const CHAT_VOCAB = 400;

/**
 * A folder with a model that knows one thing, to end its turn (logit 16, all others 0), a chat tokenizer, and three
 * conversations as rows.jsonl.
 */
export function withChat<T>(use: (dir: string) => Promise<T>): Promise<T> {
  return withFolder(async (dir) => {
    const change = (name: string, values: Float32Array): void => {
      if (name.includes("norm") || name.includes("embed_tokens")) values.fill(1);
      if (name.includes("o_proj") || name.includes("down_proj") || name.includes("lm_head")) values.fill(0);
      if (name.includes("lm_head")) values.fill(1, 2 * 16, 3 * 16);
    };
    await writeTinyModel(`${dir}/model`, { config: { vocab_size: CHAT_VOCAB }, change });
    await writeTokenizer(`${dir}/model`, { config: { chat_template: CHATML } });
    const turns = ["hello", "ab", "a"].map((content, i) => ({
      messages: [{ role: "user", content }, { role: "assistant", content: "ba" }],
      reference: i,
    }));
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(turns));
    return await use(dir);
  });
}

/** A config of these keys over the folder's model and rows, with short training; its output is DIR/run. */
export function configOf(
  dir: string,
  { training, ...keys }: { training?: Record<string, unknown> } & Record<string, unknown> = {},
): Promise<ResolvedConfig> {
  return loadConfig(undefined, {
    defaults: {
      model: `${dir}/model`,
      output_dir: `${dir}/run`,
      data: { train: `${dir}/rows.jsonl` },
      generation: { max_new_tokens: 6, batch_size: 4, seed: 5 },
      ...keys,
      training: {
        per_device_train_batch_size: 32,
        max_steps: 2,
        lr_scheduler_type: "constant",
        learning_rate: 2e-3,
        logging_steps: 1,
        ...training,
      },
    },
  });
}

/** The logged lines of an iteration: its stages by name, its optimizer steps. */
export async function linesOf(
  run: string,
  iteration: number,
): Promise<{ stages: Record<string, Logged>; steps: Logged[] }> {
  const lines = (await readJsonLines<Record<string, unknown>>(`${run}/metrics.jsonl`))
    .filter((line) => line.iteration === iteration);
  return {
    stages: Object.fromEntries(lines.filter(({ stage }) => stage).map((line) => [line.stage, line as Logged])),
    steps: lines.filter(({ step }) => step) as Logged[],
  };
}
