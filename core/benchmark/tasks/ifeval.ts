/** IFEval, as lm-eval 0.4.13 asks it (`lm_eval/tasks/ifeval`). @module */
import { JsonFloat } from "../../data/formats/json_numbers.ts";
import { instructionsOf } from "../instructions/instruction_scores.ts";
import { OF_INSTRUCTIONS } from "../metric_registry.ts";
import type { Doc, TaskConfig } from "../task_config.ts";

function checked(doc: Doc): Doc {
  instructionsOf(doc);
  return doc;
}

/** The task: instructions that are followed or not, each by itself and all of a prompt. */
export const IFEVAL: TaskConfig = {
  task: "ifeval",
  dataset_path: "google/IFEval",
  test_split: "train",
  num_fewshot: 0,
  check_docs: checked,
  doc_to_text: "prompt",
  doc_to_target: 0,
  metric_list: [
    { metric: "prompt_level_strict_acc", aggregation: "mean", higher_is_better: true },
    { metric: "inst_level_strict_acc", aggregation: OF_INSTRUCTIONS, higher_is_better: true },
    { metric: "prompt_level_loose_acc", aggregation: "mean", higher_is_better: true },
    { metric: "inst_level_loose_acc", aggregation: OF_INSTRUCTIONS, higher_is_better: true },
  ],
  output_type: "generate_until",
  generation_kwargs: { until: [], do_sample: false, temperature: new JsonFloat("0.0"), max_gen_toks: 1280 },
  process_results: { source: "!function utils.process_results", score: "ifeval" },
  metadata: { version: new JsonFloat("4.0") },
};
