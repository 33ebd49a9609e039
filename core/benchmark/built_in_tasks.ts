/** All tasks and groups that come with dnpo. @module */
import type { TaskConfig } from "./task_config.ts";
import type { TaskGroup } from "./task_groups.ts";
import { GSM8K } from "./tasks/gsm8k.ts";
import { HELLASWAG } from "./tasks/hellaswag.ts";
import { IFEVAL } from "./tasks/ifeval.ts";
import { MMLU_GROUPS, MMLU_TASKS } from "./tasks/mmlu.ts";
import { OPENLLM } from "./tasks/openllm.ts";
import { PERPLEXITY } from "./tasks/perplexity.ts";
import { ARC_CHALLENGE, ARC_EASY, BOOLQ, OPENBOOKQA, PIQA } from "./tasks/science_questions.ts";
import { TRUTHFULQA_MC1, TRUTHFULQA_MC2 } from "./tasks/truthfulqa.ts";
import { WINOGRANDE } from "./tasks/winogrande.ts";

/** The tasks. */
export const TASKS: readonly TaskConfig[] = [
  ...[ARC_EASY, ARC_CHALLENGE, HELLASWAG, WINOGRANDE, PIQA, OPENBOOKQA, BOOLQ, TRUTHFULQA_MC1, TRUTHFULQA_MC2, GSM8K],
  ...[IFEVAL, PERPLEXITY, ...MMLU_TASKS],
];

/** The groups. */
export const GROUPS: readonly TaskGroup[] = [OPENLLM, ...MMLU_GROUPS];
