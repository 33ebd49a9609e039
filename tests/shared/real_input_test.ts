/** Two iterations of the whole loop on a real pretrained model and real rows. @module */
import assert, { deepEqual, equal } from "node:assert/strict";
import { dirname } from "node:path";
import { openModelFolder } from "../../core/checkpoint/model_folder.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { dnpo, succeeded } from "../_shared/dnpo.ts";
import { logitsOf } from "../_shared/logits.ts";
import { hasPythonModule, oracle, runScript } from "../_shared/oracle.ts";
import { readJsonLines, readTensors } from "../_shared/trajectory.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

/** A config as a user writes it, with the places of model and output left open. */
const CONFIG = `model: MODEL
output_dir: OUTPUT
method: dnpo
iterations: 1                 # of \`train\`
start_from: previous
mix_previous: false
pairs: pairs.jsonl            # of \`optimize\` alone; \`train\` makes its own
iteration: 0                  # of \`optimize\` alone
data: { train: rows.jsonl, limit: 128, max_length: 512 }
generation: { temperature: 1.0, top_p: 1.0, top_k: 0, max_new_tokens: 64, batch_size: 32, seed: 0 }
labels: { judge: logprob, model: MODEL, margin: 0 }
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

const IDS = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426];

const TRANSFORMERS = `
import json, sys, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], torch_dtype=torch.float32).eval()
print(json.dumps(model(torch.tensor([json.loads(sys.argv[2])])).logits[0].tolist()))
`;

const model = sharedPath("real/stories260K");

const folders = new Map<string, Promise<string>>();

/** The folder of a run of two iterations with these overrides; run once. */
function trial(...set: string[]): Promise<string> {
  const key = set.join();
  let folder = folders.get(key);
  if (!folder) folders.set(key, folder = runTrial(set));
  return folder;
}

async function runTrial(set: readonly string[]): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "dnpo-" });
  await Deno.writeTextFile(`${dir}/trial.yaml`, CONFIG.replaceAll("MODEL", model).replace("OUTPUT", `${dir}/run`));
  const data = sharedPath("real/alpaca/alpaca_2000.json");
  const overrides = ["iterations=2", `data.train=${data}`, ...set].flatMap((value) => ["--set", value]);
  const args = ["train", `${dir}/trial.yaml`, ...overrides];
  succeeded(args, await dnpo(args));
  return `${dir}/run`;
}

Deno.test.afterAll(async () => {
  for (const folder of folders.values()) await Deno.remove(dirname(await folder), { recursive: true });
});

/** The means of the first and the last five values that an iteration of the run logged. */
async function ends(run: string, iteration: number, name: string): Promise<{ first: number; last: number }> {
  const log = await readJsonLines(`${run}/metrics.jsonl`);
  const values = log.filter((line) => line.iteration === iteration && name in line).map((line) => line[name]!);
  equal(values.length, 20);
  assert(values.every(Number.isFinite), `${name} of iteration ${iteration}: ${values}`);
  return { first: mean(values.slice(0, 5)), last: mean(values.slice(-5)) };
}

sharedTest(
  "train runs two iterations on stories260K over 128 rows of Alpaca, and saves an ordinary model",
  async () => {
    const output = await trial();
    for (const iteration of [0, 1]) {
      const loss = await ends(output, iteration, "loss");
      const margins = await ends(output, iteration, "rewards/margins");
      // The loss itself need not fall here: the noise is trained to raise it, from nothing in the first steps. What it
      // does in this run is printed; docs/development/decisions/0004-margins-under-noise.md has the reference program's numbers.
      console.log(`iteration ${iteration}: loss of the first and last five steps ${loss.first} ${loss.last}`);
      assert(margins.last > margins.first, `margins of iteration ${iteration}: ${JSON.stringify(margins)}`);
      const path = `${output}/iteration-${iteration}/responses.jsonl`;
      const responses = await readJsonLines<{ generated_ids: number[] }>(path);
      equal(responses.length, 128);
      assert(responses.every(({ generated_ids }) => generated_ids.length > 0 && generated_ids.length <= 64));
    }
    const saved = `${output}/model`;
    const { config, dtype } = await openModelFolder(saved);
    equal(dtype, "F32");
    deepEqual(config, (await openModelFolder(model)).config);
    const names = (await Array.fromAsync(Deno.readDir(saved), ({ name }) => name)).filter((name) =>
      name.includes("token")
    );
    deepEqual(names.sort(), ["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]);
    equal(await changed(`${model}/model.safetensors`, `${saved}/model.safetensors`), true);
    const expected = await foreignLogits(saved);
    for (const [i, row] of (await logitsOf(saved, IDS)).entries()) {
      assertClose(row, expected[i]!, { atol: 1e-4, label: `logits at position ${i}` });
    }
  },
);

sharedTest("train without noise lowers the loss in each iteration on stories260K over rows of Alpaca", async () => {
  const run = await trial("noise=none");
  for (const iteration of [0, 1]) {
    const { first, last } = await ends(run, iteration, "loss");
    assert(last < first, `means of five losses of iteration ${iteration}: ${first}, then ${last}`);
  }
});

/** The logits as transformers computes them, or, where that is not installed, the reference program. */
async function foreignLogits(dir: string): Promise<number[][]> {
  const python = await hasPythonModule("transformers");
  console.log(
    `logits of the saved folder are compared with ${python ? "transformers" : "oracle.py (no transformers here)"}`,
  );
  return JSON.parse(
    python
      ? await runScript(python, { script: TRANSFORMERS, args: [dir, JSON.stringify(IDS)] })
      : await oracle(sharedPath("oracle/oracle.py"), ["logits", dir, "--ids", IDS.join(",")]),
  );
}

async function changed(before: string, after: string): Promise<boolean> {
  const [a, b] = [await readTensors(before), await readTensors(after)];
  deepEqual([...b.keys()], [...a.keys()]);
  return [...a].every(([name, values]) => values.some((value, i) => value !== b.get(name)![i]));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
