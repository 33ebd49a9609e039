/** `optimize` against TRL's own DPOTrainer on a real pretrained model. @module */
import { equal } from "node:assert/strict";
import { assertClose } from "../_shared/assert_close.ts";
import { runConfig, withFolder } from "../_shared/dnpo.ts";
import { assertUpdate, readJsonLines, readTensors } from "../_shared/trajectory.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface ReferenceRun {
  name: string;
  config: {
    batch: number;
    grad_accum: number;
    steps: number;
    lr: number;
    rows: number;
    beta: number;
    loss_type: string[];
    label_smoothing: number;
  };
  steps: Record<string, number>[];
  final_weight_sums: Record<string, number>;
}

/** Relative and absolute tolerances; float32 on both sides drifts apart. */
const TOLERANCES: Record<string, { rtol?: number; atol?: number }> = {
  "grad_norm": { rtol: 5e-3 },
  "learning_rate": { rtol: 1e-6 },
  "num_tokens": {},
  "rewards/chosen": { rtol: 1e-3, atol: 1e-3 },
  "rewards/rejected": { rtol: 1e-3, atol: 1e-3 },
  "rewards/margins": { rtol: 1e-3, atol: 1e-3 },
  "rewards/accuracies": {},
  "logps/chosen": { rtol: 1e-4 },
  "logps/rejected": { rtol: 1e-4 },
};

sharedTest("optimize gives TRL's losses, gradient norms, rewards and weights", () =>
  withFolder(async (dir) => {
    const { runs } = JSON.parse(await Deno.readTextFile(sharedPath("real/trl/reference.json")));
    const reference: ReferenceRun = runs.find(({ name }: ReferenceRun) => name === "dpo_sigmoid_b0.1");
    const { config, steps } = reference;
    const model = sharedPath("real/stories260K");
    const outputDir = `${dir}/run`;
    await runConfig("optimize", {
      model,
      pairs: sharedPath("real/trl/dpo_token_ids_80.json"),
      output_dir: outputDir,
      noise: "none",
      training: {
        learning_rate: config.lr,
        per_device_train_batch_size: config.batch,
        gradient_accumulation_steps: config.grad_accum,
        max_steps: config.steps,
        lr_scheduler_type: "constant",
        beta: config.beta,
        loss_type: config.loss_type[0],
        label_smoothing: config.label_smoothing,
        shuffle: false,
        logging_steps: 1,
      },
    });
    const log = await readJsonLines(`${outputDir}/metrics.jsonl`);
    equal(log.length, steps.length);
    for (const [i, expected] of steps.entries()) {
      const at = (name: string): string => `step ${i + 1} ${name}`;
      equal(log[i]!.step, expected.step);
      assertClose(log[i]!.loss!, expected.loss!, { atol: i < 5 ? 1e-4 : 1e-3, label: at("loss") });
      for (const [name, tolerance] of Object.entries(TOLERANCES)) {
        assertClose(log[i]![name]!, expected[name]!, { ...tolerance, label: at(name) });
      }
    }
    const update = {
      start: await readTensors(`${model}/model.safetensors`),
      expected: await readTensors(sharedPath("real/trl/final/model.safetensors")),
    };
    const weights = await readTensors(`${outputDir}/model/model.safetensors`);
    assertUpdate(weights, update, { label: "final weights", most: 1e-2 });
  }));
