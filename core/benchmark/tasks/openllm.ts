/** The six tasks of the first Open LLM Leaderboard, as lm-eval 0.4.13 groups them (`benchmarks/openllm.yaml`). @module */
import type { TaskGroup } from "../task_groups.ts";

/**
 * The group, with its numbers of examples and where they are drawn from: HellaSwag's and WinoGrande's differ from those
 * of the tasks by themselves. Of TruthfulQA it takes mc2, which the leaderboard shows, and not mc1 and the generation.
 * lm-eval 0.4.13 itself gives all of MMLU's subjects in this group the name mmlu, so that one of them is left: it must be
 * asked for `mmlu` alone to be compared.
 */
export const OPENLLM: TaskGroup = {
  group: "openllm",
  group_alias: "Open LLM Leaderboard",
  members: [
    { name: "arc_challenge", overrides: { fewshot_split: "train", num_fewshot: 25 } },
    { name: "hellaswag", overrides: { fewshot_split: "train", num_fewshot: 10 } },
    { name: "truthfulqa_mc2", overrides: { num_fewshot: 0 } },
    { name: "mmlu", overrides: { num_fewshot: 5 } },
    { name: "winogrande", overrides: { fewshot_split: "train", num_fewshot: 5 } },
    { name: "gsm8k", overrides: { num_fewshot: 5 } },
  ],
  version: 2,
};
