/** An example of each section of a config, for docs/configuration.md; a test loads them all. @module */

/** YAML by the section's path; the empty path is the whole config. */
export const CONFIG_EXAMPLES: Readonly<Record<string, string>> = {
  "": `model: HuggingFaceTB/SmolLM2-135M-Instruct
output_dir: runs/mine
method: dnpo
iterations: 3
data: { train: rows.jsonl, eval: heldout.jsonl }
labels: { judge: verifier, verifier: judge.ts }
`,
  data: `data:
  train: rows.jsonl[:2000]
  eval: heldout.jsonl
  max_length: 512
  shuffle: true
`,
  "data.train": `data:
  train:
    - rows.jsonl
    - { path: org/name, name: en, split: "train[:10%]", weight: 0.5 }
`,
  "data.columns": `data:
  train: rows.csv
  columns: { prompt: question, response: answer, reference: solution }
`,
  generation: `generation:
  temperature: 0.8
  top_p: 0.95
  max_new_tokens: 256
  batch_size: 16
`,
  labels: `labels: # one entry per iteration: the human answers first, then a judge
  - { judge: human }
  - { judge: reward-model, model: org/reward-model, margin: 0.5 }
`,
  "labels.verifier_permissions": `labels:
  judge: verifier
  verifier: judge.ts
  verifier_permissions: { read: [tables], net: ["127.0.0.1:8080"], env: [CHECKER_URL] }
`,
  "labels.judges": `labels:
  judge: ensemble
  judges:
    - { judge: verifier, verifier: judge.ts, weight: 2 }
    - { judge: logprob, model: org/larger-model }
`,
  training: `training:
  learning_rate: [5.0e-7, 5.0e-7, 1.0e-7] # one per iteration; the last one repeats
  per_device_train_batch_size: 4
  gradient_accumulation_steps: 8
  num_train_epochs: 2
  beta: 0.1
`,
  lora: `lora:
  r: 16
  lora_alpha: 32
  target_modules: [q_proj, v_proj]
  save: both
`,
  noise: `noise: # none in the first iteration, as in the paper's warm-up
  - none
  - { update: joint, learning_rate: 1.0e-3, max_variance: 1.0, alpha: 0.01 }
`,
};
