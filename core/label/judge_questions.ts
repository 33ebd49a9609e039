/** Makes questions to a language model from rows, and scores from its replies. @module */
import { jsonText } from "../data/formats/json_numbers.ts";
import type { ResponseRow } from "../data/stage_files.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import type { Scores } from "./judge.ts";
import { fillPrompt, type JudgeMode } from "./judge_prompt.ts";
import { parseVerdict, type Verdict } from "./verdict.ts";

/** How a model is asked to judge. */
export interface Asking {
  mode: JudgeMode;
  /** The prompt, with places for the texts. */
  template: string;
  /** The generating model's tokenizer, to remove special tokens from texts; null if it has none. */
  tokenizer: Tokenizer | null;
}

/**
 * The questions about a row. Mode score: one about the human answer, then one about the generated one. Mode pairwise:
 * one with A human and B generated, then one the other way round; none if both answers are the same text, which is a
 * tie.
 */
export function questionsOf(row: ResponseRow, { mode, template, tokenizer }: Asking): string[] {
  const plain = (text: string): string => withoutSpecialTokens(text, tokenizer);
  const { reference } = row;
  const texts = {
    prompt: plain(row.prompt),
    ...(reference !== undefined &&
      { reference: typeof reference === "string" ? reference : jsonText(reference) }),
  };
  const [human, generated] = [plain(row.response), plain(row.generated)];
  if (mode === "score") return [human, generated].map((response) => fillPrompt(template, { ...texts, response }));
  if (human === generated) return [];
  return [[human, generated], [generated, human]].map(([a, b]) =>
    fillPrompt(template, { ...texts, response_a: a!, response_b: b! })
  );
}

/** The text without the special tokens that a chat template or the data wrote into it. */
export function withoutSpecialTokens(text: string, tokenizer: Tokenizer | null): string {
  let plain = text;
  // The longest come first, because one may be part of another.
  for (const token of tokenizer?.specialTokens.toSorted((a, b) => b.length - a.length) ?? []) {
    plain = plain.replaceAll(token, "");
  }
  // White space around them is the template's; a text without special tokens stays as it is.
  return plain === text ? text : plain.trim();
}

/**
 * The scores of a row from the replies to its questions; null stands for a missing reply. Mode score: the scores
 * themselves. Mode pairwise: 1 to 0 for the answer that wins in both orders, else 0.5 to 0.5.
 */
export function rowVerdict(replies: readonly (string | null)[], mode: JudgeMode): Scores {
  if (mode === "pairwise" && replies.length === 0) {
    return { human: 0.5, generated: 0.5, ordersDisagree: false };
  }
  const verdicts = replies.map((reply) => reply === null ? null : parseVerdict(reply, mode));
  if (verdicts.includes(null)) return { human: null, generated: null };
  if (mode === "score") return { human: verdicts[0] as number, generated: verdicts[1] as number };
  const generatedWins = [share(verdicts[0]!, "B"), share(verdicts[1]!, "A")];
  const agreed = generatedWins[0] === generatedWins[1];
  const generated = agreed ? generatedWins[0]! : 0.5;
  return { human: 1 - generated, generated, ordersDisagree: !agreed };
}

function share(verdict: Verdict, generated: "A" | "B"): number {
  return verdict === "tie" ? 0.5 : verdict === generated ? 1 : 0;
}
