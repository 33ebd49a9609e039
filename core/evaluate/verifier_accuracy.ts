/** Accuracy on held-out prompts: a verifier's mean score, and the share of answers that it scores 1 or more. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { answerText } from "../data/continuation.ts";
import { plainValue } from "../data/formats/json_numbers.ts";
import type { TokenizedExample } from "../data/tokenize_rows.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { generate } from "../generate/generate.ts";
import { responseRoom } from "../generate/response_room.ts";
import type { VerifierThread } from "../label/verifier_judge.ts";
import type { AnyModel } from "../model/model.ts";
import { meanOf } from "./seed_means.ts";

/** What is evaluated, and how. */
export interface AccuracyOptions {
  examples: readonly TokenizedExample[];
  tokenizer: Tokenizer | null;
  verifier: VerifierThread;
  settings: GenerationConfig;
  /** Most tokens of prompt and response together. */
  maxLength: number;
  /** The iteration in the key of the sampling's random numbers. */
  iteration: number;
  /** Progress callback: gets the number of rows done. */
  onDone?: (done: number) => void;
}

/** What a verifier's scores of answers come to. */
export interface Accuracy {
  /** Share of the answers with a score of 1 or more. */
  share: number;
  /** Mean score. */
  score: number;
  /** Its standard error over the prompts, with n − 1 in the deviation; null for one prompt. */
  stderr: number | null;
  /** The lowest score. */
  least: number;
  /** The highest score. */
  most: number;
}

/** Generates an answer to every prompt and scores it. Throws a UserError if scoring fails. */
export async function accuracy(commands: Commands, model: AnyModel, options: AccuracyOptions): Promise<Accuracy> {
  const { examples, tokenizer, verifier, settings, maxLength, iteration } = options;
  const prompts = examples.map(({ row, promptIds }) => ({
    row,
    promptIds,
    maxNewTokens: responseRoom(promptIds.length, { generation: settings, maxLength }),
  }));
  // In the order of the rows: answers end in that of their lengths, and a sum depends on its order.
  const scores = new Float64Array(examples.length);
  let done = 0;
  const sampling = { prompts, settings, iteration, eosIds: model.folder.eosTokenIds };
  const answers = generate(commands, model, sampling);
  // Other ranks would wait for the verifier.
  for await (const { index, ids } of model.shared ? await Array.fromAsync(answers) : answers) {
    const example = examples[index]!;
    const { prompt, reference, where } = example;
    const response = tokenizer ? answerText(tokenizer, example, ids) : "";
    const input = { prompt, response, ...(reference !== undefined && { reference: plainValue(reference) }) };
    scores[index] = (await verifier.score([input], where))[0]!;
    options.onDone?.(++done);
  }
  const { mean: score, stderr } = meanOf([...scores]);
  return {
    share: scores.filter((score) => score >= 1).length / scores.length,
    score,
    stderr,
    least: scores.reduce((a, b) => Math.min(a, b)),
    most: scores.reduce((a, b) => Math.max(a, b)),
  };
}
