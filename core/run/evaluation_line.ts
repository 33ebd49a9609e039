/** The lines of metrics.jsonl that an evaluation within a training writes, beside those of optimizer steps. @module */

/** Whether a line, or a point of trackers, is one of an evaluation: its numbers begin with `eval_`, or with `eval/`. */
export function isEvaluationLine(line: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(line).some((key) => /^eval[_/]/.test(key));
}

/** The tag of a step's number, as Hugging Face's Trainer names it. */
export function stepTag(name: string): string {
  return name.startsWith("eval_") ? `eval/${name.slice("eval_".length)}` : `train/${name}`;
}
