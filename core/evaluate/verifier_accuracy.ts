/** Accuracy on held-out prompts: the share of answers that a verifier scores 1 or more. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { answerText } from "../data/continuation.ts";
import { plainValue } from "../data/formats/json_numbers.ts";
import type { TokenizedExample } from "../data/tokenize_rows.ts";
import type { Tokenizer } from "../data/tokenizer/tokenizer.ts";
import { generate } from "../generate/batch_generator.ts";
import { responseRoom } from "../generate/response_room.ts";
import type { VerifierThread } from "../label/verifier_judge.ts";
import type { AnyModel } from "../model/model.ts";

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

/** Generates an answer to every prompt and returns the share that is right. Throws a UserError if scoring fails. */
export async function accuracy(commands: Commands, model: AnyModel, options: AccuracyOptions): Promise<number> {
  const { examples, tokenizer, verifier, settings, maxLength, iteration } = options;
  const prompts = examples.map(({ row, promptIds }) => ({
    row,
    promptIds,
    maxNewTokens: responseRoom(promptIds.length, { generation: settings, maxLength }),
  }));
  let [done, right] = [0, 0];
  const sampling = { prompts, settings, iteration, eosIds: model.folder.eosTokenIds };
  for await (const { index, ids } of generate(commands, model, sampling)) {
    const example = examples[index]!;
    const { prompt, reference, where } = example;
    const response = tokenizer ? answerText(tokenizer, example, ids) : "";
    const input = { prompt, response, ...(reference !== undefined && { reference: plainValue(reference) }) };
    const [score] = await verifier.score([input], where);
    if (score! >= 1) right++;
    options.onDone?.(++done);
  }
  return right / examples.length;
}
