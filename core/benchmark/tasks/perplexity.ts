/** The perplexity of texts of one's own, by lm-eval's rolling log-likelihood. @module */
import type { TaskConfig } from "../task_config.ts";

/** The task: rows with a column `text`, of which each is one document. */
export const PERPLEXITY: TaskConfig = {
  task: "perplexity",
  dataset_path: "text",
  test_split: "test",
  doc_to_text: "",
  doc_to_target: "text",
  metric_list: ["word_perplexity", "byte_perplexity", "bits_per_byte", "token_perplexity"].map((metric) => ({
    metric,
  })),
  output_type: "loglikelihood_rolling",
};
