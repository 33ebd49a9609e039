/** The names of the files that an evaluation leaves in a folder. @module */

/** Answers by their questions, so that nothing is asked twice. */
export const ANSWERS = "answers.jsonl";

/** The results of an evaluation at a time, as lm-eval names them. */
export function resultsName(time: string): string {
  return `results_${time}.json`;
}

/** The documents of one of its tasks. */
export function samplesName(task: string, time: string): string {
  return `samples_${task}_${time}.jsonl`;
}

/** Whether a file's name is one that an evaluation gives, also where it was stopped while it wrote. */
export function isEvaluationFile(name: string): boolean {
  return /^(results_.+\.json|samples_.+\.jsonl|answers\.jsonl)(\.tmp)?$/.test(name);
}
