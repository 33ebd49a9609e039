/** Windows of a long text, in which every token is predicted once (lm-eval 0.4.13, `utils.py`). @module */
import type { ChoiceIds } from "./encode_request.ts";

/**
 * The windows of a text's ids: the first begins with `prefixId`, each further one with the id before it, and the last is
 * filled up with ids that were predicted already. `maxLength` is the most ids of an input.
 */
export function rollingWindows(
  ids: readonly number[],
  { prefixId, maxLength }: { prefixId: number; maxLength: number },
): ChoiceIds[] {
  const windows: ChoiceIds[] = [];
  for (let done = 0; done < ids.length;) {
    const count = Math.min(maxLength, ids.length - done);
    const end = done + count;
    const from = Math.max(0, end - maxLength - 1);
    const context = done === 0 ? [prefixId] : ids.slice(from, done);
    windows.push({ context, continuation: ids.slice(done, end) });
    done = end;
  }
  return windows;
}
