/** `dnpo score`. @module */
import { scorePairs } from "../../core/evaluate/score_pairs.ts";
import { say } from "../print.ts";
import { Progress } from "../progress_line.ts";

/** Prints the log-probabilities of each pair as JSON lines, and nothing else, on standard output. */
export async function score(
  { model, pairs, quiet }: { model: string; pairs: string; quiet: boolean },
): Promise<number> {
  const progress = new Progress({ quiet });
  try {
    const scores = await scorePairs({
      model,
      pairs,
      onProgress: (event) => progress.update(event),
      onNote: (line) => progress.note(line),
    });
    progress.finish();
    for (const score of scores) say(JSON.stringify(score));
    return 0;
  } finally {
    progress.finish();
  }
}
