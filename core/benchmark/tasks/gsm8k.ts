/** GSM8K, as lm-eval 0.4.13 asks it (`lm_eval/tasks/gsm8k/gsm8k.yaml`). @module */
import { JsonFloat } from "../../data/formats/json_numbers.ts";
import type { TaskConfig } from "../task_config.ts";

/** The task, whose answers are read in two ways. */
export const GSM8K: TaskConfig = {
  task: "gsm8k",
  tag: ["math_word_problems"],
  dataset_path: "openai/gsm8k",
  dataset_name: "main",
  training_split: "train",
  test_split: "test",
  fewshot_split: "train",
  doc_to_text: "Question: {{question}}\nAnswer:",
  doc_to_target: "{{answer}}",
  num_fewshot: 5,
  metric_list: [{
    metric: "exact_match",
    aggregation: "mean",
    higher_is_better: true,
    ignore_case: true,
    ignore_punctuation: false,
    regexes_to_ignore: [",", "\\$", "(?s).*#### ", "\\.$"],
  }],
  output_type: "generate_until",
  generation_kwargs: {
    until: ["Question:", "</s>", "<|im_end|>"],
    do_sample: false,
    temperature: new JsonFloat("0.0"),
  },
  filter_list: [
    {
      name: "strict-match",
      filter: [{ function: "regex", regex_pattern: "#### (\\-?[0-9\\.\\,]+)" }, { function: "take_first" }],
    },
    {
      name: "flexible-extract",
      filter: [
        { function: "regex", group_select: -1, regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)" },
        { function: "take_first" },
      ],
    },
  ],
  metadata: { version: new JsonFloat("3.0") },
};
