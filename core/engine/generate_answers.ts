/** Answers of a model to a program's prompts. @module */
import { answerText } from "../data/continuation.ts";
import { generate } from "../generate/generate.ts";
import { responseRoom } from "../generate/response_room.ts";
import { isConversation, type Prompt, promptIds, tailOf } from "./engine_rows.ts";
import { type SamplingSettings, samplingSettings } from "./engine_settings.ts";
import type { LanguageModel } from "./language_model.ts";

/** An answer. */
export interface Answer {
  /** The prompt's place among those given. */
  index: number;
  /** Its text, without special tokens; "" if the model has no tokenizer. */
  text: string;
  /** Its token ids, as in a row to train on: with the token that ends it, and what a chat template writes next. */
  ids: number[];
  /** Whether the model ended it, rather than the limit. */
  finished: boolean;
}

/** How {@linkcode generateAnswers} samples; the defaults are those of a config's `generation`. */
export interface GenerateAnswersOptions extends SamplingSettings {
  /** The iteration that random numbers are drawn for (default 0). */
  iteration?: number;
  /** Most tokens of prompt and answer together (default: what the model was made for). */
  max_length?: number;
  /** Abort it to stop sampling. */
  signal?: AbortSignal;
}

/**
 * Answers prompts, many at a time, and yields each answer as it ends. An answer depends on its prompt's place and on
 * `seed`, not on the prompts around it. Throws UserError, DeviceError, or the signal's reason.
 *
 * @example
 * ```ts
 * import { generateAnswers, openDevice, openModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * for await (const { index, text } of generateAnswers(model, ["sort cab>", "flip abc>"], { temperature: 0, max_new_tokens: 8 })) {
 *   assert.ok(index < 2 && text.length > 0);
 * }
 * ```
 */
export async function* generateAnswers(
  model: LanguageModel,
  prompts: readonly Prompt[],
  { iteration = 0, max_length: maxLength, signal, ...settings }: GenerateAnswersOptions = {},
): AsyncGenerator<Answer> {
  const generation = await samplingSettings(settings);
  const most = maxLength ?? model.config.maxPositionEmbeddings;
  const rows = prompts.map((prompt, row) => {
    const ids = promptIds(model, prompt, { where: `prompts[${row}]`, maxLength: most });
    return { row, promptIds: ids, maxNewTokens: responseRoom(ids.length, { generation, maxLength: most }) };
  });
  const sampled = generate(model.commands, model, {
    prompts: rows,
    settings: generation,
    iteration,
    eosIds: model.folder.eosTokenIds,
    onTokens: () => signal?.throwIfAborted(),
  });
  for await (const { index, ids, finished } of sampled) {
    const tail = finished ? tailOf(model, prompts[index]!, ids.at(-1)!) : [];
    const { tokenizer } = model;
    const answered = { promptIds: rows[index]!.promptIds, conversational: isConversation(prompts[index]!) };
    const text = tokenizer ? answerText(tokenizer, answered, ids) : "";
    yield { index, text, ids: [...ids, ...tail], finished };
  }
}
