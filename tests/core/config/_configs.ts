/** Configs for the tests of core/config. @module */
import assert from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { UserError } from "../../../core/error.ts";

/** The config that the documentation shows. */
export const EXAMPLE = `model: models/tiny
output_dir: runs/trial
method: dnpo
iterations: 1                 # of \`train\`
start_from: previous
mix_previous: false
pairs: pairs.jsonl            # of \`optimize\` alone; \`train\` makes its own
iteration: 0                  # of \`optimize\` alone
data: { train: rows.jsonl, limit: 128, max_length: 512 }
generation: { temperature: 1.0, top_p: 1.0, top_k: 0, max_new_tokens: 64, batch_size: 32, seed: 0 }
labels: { judge: logprob, model: models/judge, margin: 0 }
training:
  learning_rate: 5.0e-4
  per_device_train_batch_size: 4
  gradient_accumulation_steps: 1
  num_train_epochs: 1
  max_steps: 20
  lr_scheduler_type: constant
  warmup_steps: 0             # or warmup_ratio
  optim: adamw                # or rmsprop
  weight_decay: 0
  max_grad_norm: 1.0
  beta: 0.1
  loss_type: sigmoid
  label_smoothing: 0.0
  shuffle: false
  seed: 0
  logging_steps: 1
  save_steps: 10
noise: { update: joint, init: zeros, learning_rate: 1.0e-2, max_variance: 1.0, alpha: 0.01 }
`;

/** Runs `use` with a config.yaml of this text. */
export async function withFile<T>(text: string | Uint8Array, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/config.yaml`;
  try {
    await (typeof text === "string" ? Deno.writeTextFile(file, text) : Deno.writeFile(file, text));
    return await use(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Loads a config of this text. */
export function load(text: string, set: readonly string[] = []): Promise<ResolvedConfig> {
  return withFile(text, (file) => loadConfig(file, { set }));
}

/** The lines of the UserError that a config gives, its folder cut off. */
export async function problems(text: string | Uint8Array, set: readonly string[] = []): Promise<string[]> {
  return await withFile(text, async (file) => {
    try {
      await loadConfig(file, { set });
    } catch (error) {
      assert(error instanceof UserError, String(error));
      return error.message.replaceAll(file, "config.yaml").split("\n");
    }
    assert.fail(`no error for ${text}`);
  });
}
