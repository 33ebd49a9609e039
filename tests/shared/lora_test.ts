/** LoRA against TRL and PEFT, and against the oracle, on a real pretrained model. @module */
import { deepEqual, equal } from "node:assert/strict";
import { openAdapterFolder } from "../../core/checkpoint/adapter_folder.ts";
import { LineLog } from "../../core/files/json_lines.ts";
import { loadAdapter, storeAdapter } from "../../core/model/lora_adapter.ts";
import { freeModel, loadFrozenModel } from "../../core/model/model.ts";
import { parametersOf } from "../../core/model/parameters.ts";
import { optimize } from "../../core/train/optimize.ts";
import { pairRows } from "../../core/train/training_rows.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { commands, device } from "../_shared/device.ts";
import { assertUpdate, readJsonLines, readTensors } from "../_shared/trajectory.ts";
import { settingsOf, withFolder } from "../core/_tiny.ts";
import { sharedPath, sharedTest } from "./_shared.ts";

interface GoldenRun {
  train: {
    batch: number;
    accumulation: number;
    steps: number;
    beta: number;
    lr: number;
    weight_decay: number;
    max_grad_norm: number;
    scheduler: string;
    warmup: number;
  };
  noise?: Record<string, unknown>;
  base?: { kind: "int8" } | null;
  initial?: string;
  steps: Record<string, number>[];
}

/** Relative and absolute tolerances by the numbers' names. */
const TOLERANCES: Record<string, { rtol?: number; atol?: number }> = {
  "loss": { rtol: 1e-4 },
  "grad_norm": { rtol: 1e-4 },
  "learning_rate": { rtol: 1e-6 },
  "rewards/chosen": { rtol: 1e-3, atol: 1e-4 },
  "rewards/rejected": { rtol: 1e-3, atol: 1e-4 },
  "rewards/margins": { rtol: 1e-3, atol: 1e-4 },
  "rewards/accuracies": {},
  "logps/chosen": { rtol: 1e-5 },
  "logps/rejected": { rtol: 1e-5 },
  "noise/loss": { rtol: 1e-4 },
  "noise/variance": { rtol: 1e-4, atol: 1e-9 },
  "noise/grad_norm": { rtol: 1e-4 },
};

const lora = (...parts: string[]): string => sharedPath("lora", "open", ...parts);

for (const name of ["all_linear_r8", "qv_r8_decay", "continue_r8", "int8_base_r8", "dnpo_joint_r8"]) {
  sharedTest(`optimize with LoRA gives the numbers of ${name}`, () =>
    withFolder(async (dir) => {
      const golden: GoldenRun = JSON.parse(await Deno.readTextFile(lora(name, "run.json")));
      const { train, noise } = golden;
      const initial = golden.initial === undefined ? lora(name, "adapter_initial") : sharedPath("lora", golden.initial);
      const settings = await settingsOf({
        noise: noise === undefined ? "none" : (({ seed: _, iteration: __, ...keys }) => keys)(noise),
        training: {
          per_device_train_batch_size: train.batch,
          gradient_accumulation_steps: train.accumulation,
          max_steps: train.steps,
          beta: train.beta,
          learning_rate: train.lr,
          weight_decay: train.weight_decay,
          max_grad_norm: train.max_grad_norm,
          lr_scheduler_type: train.scheduler,
          warmup_steps: train.warmup,
          seed: noise?.seed ?? 0,
        },
      });
      const quantization = golden.base?.kind ?? "none";
      const loaded = await loadFrozenModel(device, sharedPath("real/stories260K"), { quantization });
      const folder = await openAdapterFolder(initial);
      const adapter = await loadAdapter(device, loaded.config, folder);
      const model = { ...loaded, adapter };
      const rows = JSON.parse(await Deno.readTextFile(sharedPath("real/trl/dpo_token_ids_80.json")));
      const data = pairRows(rows.map((row: Record<string, number[]>, example: number) => ({
        example,
        promptIds: row.prompt_ids,
        chosenIds: row.chosen_ids,
        rejectedIds: row.rejected_ids,
      })));
      const result = await optimize({
        commands,
        model,
        reference: noise ? parametersOf(model.weights) : null,
        data,
        settings,
        files: {},
        referencePath: `${dir}/reference.safetensors`,
        stateDir: `${dir}/state`,
        openLog: () => LineLog.open(`${dir}/metrics.jsonl`, () => true),
        onProgress: () => {},
      });
      const log = await readJsonLines(`${dir}/metrics.jsonl`);
      equal(log.length, golden.steps.length);
      for (const [i, expected] of golden.steps.entries()) {
        for (const [key, tolerance] of Object.entries(TOLERANCES)) {
          if (expected[key] === undefined) continue;
          assertClose(log[i]![key]!, expected[key]!, { ...tolerance, label: `step ${i + 1} ${key}` });
        }
      }
      await storeAdapter(`${dir}/adapter`, adapter, model);
      assertUpdate(await readTensors(`${dir}/adapter/adapter_model.safetensors`), {
        start: await readTensors(`${initial}/adapter_model.safetensors`),
        expected: await readTensors(lora(name, "adapter_final", "adapter_model.safetensors")),
      }, { label: "adapter", most: 1e-3 });
      result.free();
      adapter.values.free();
      model.weights.free();
    }));
}

sharedTest("a base that is quantized to int8 has the numbers of int8_base_r8", async () => {
  const model = await loadFrozenModel(device, sharedPath("real/stories260K"), { quantization: "int8" });
  const expected = await readTensors(lora("int8_base_r8", "base", "model.safetensors"));
  const names = [...expected.keys()].filter((name) => model.weights.shapeOf(name).length > 1);
  const reader = model.weights.openReader(names);
  for (const name of names) {
    const pieces: number[] = [];
    for await (const piece of reader.next()) pieces.push(...piece);
    deepEqual(Float32Array.from(pieces), expected.get(name), name);
  }
  await reader.close();
  freeModel(model);
});
