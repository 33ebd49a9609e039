/** The metrics of a choice among given answers (lm-eval 0.4.13, `api/task.py`). @module */
import type { JsonValue } from "../data/formats/json_numbers.ts";
import { lengthOf } from "../data/tokenizer/template/python_strings.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { intOf } from "./doc_fields.ts";

/** The log-likelihood of a continuation, and whether each of its tokens is the likeliest at its place. */
export interface ScoredChoice {
  readonly logp: number;
  readonly isGreedy: boolean;
}

/** The metrics that lm-eval has of a choice; the unconditional log-likelihoods, if there are any, stand after the others. */
export function scoreChoices(
  choices: readonly string[],
  gold: JsonValue,
  answers: readonly ScoredChoice[],
): Record<string, number> {
  const { length } = choices;
  const logps = answers.slice(0, length).map(({ logp }) => logp);
  const golds = indicesOf(gold, choices);
  const hits = (values: readonly number[]): number => golds.includes(indexOfLargest(values)) ? 1 : 0;
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  const alone = answers.slice(length);
  return {
    acc: hits(logps),
    acc_norm: hits(logps.map((logp, i) => logp / lengthOf(choices[i]!))),
    acc_bytes: hits(logps.map((logp, i) => logp / bytes(choices[i]!))),
    exact_match: golds.some((index) => answers.slice(0, length).at(index)?.isGreedy ?? false) ? 1 : 0,
    ...(alone.length === length && { acc_mutual_info: hits(logps.map((logp, i) => logp - alone[i]!.logp)) }),
  };
}

/** Whether any of the choices is right: one that there is not counts as wrong whatever is answered, as in lm-eval. */
export function hasRightChoice(choices: readonly string[], gold: JsonValue): boolean {
  return indicesOf(gold, choices).length > 0;
}

/** The right choices' indices; those that there are not are left out, which nothing can hit. */
function indicesOf(gold: JsonValue, choices: readonly string[]): number[] {
  const list = Array.isArray(gold) ? gold : [gold];
  return list.flatMap((item) => {
    if (typeof item === "string" && !Array.isArray(gold)) {
      const index = choices.indexOf(item);
      return index < 0 ? [] : [index];
    }
    const index = intOf(item);
    if (index === null) throw new UserError(`Cannot score choices: the target is ${quote(gold)}, expected an index`);
    return index < choices.length ? [index] : [];
  });
}

/** As numpy's argmax: the first of the largest, or the first that is no number. */
function indexOfLargest(values: readonly number[]): number {
  let best = 0;
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) return i;
    if (value > values[best]!) best = i;
  }
  return best;
}
