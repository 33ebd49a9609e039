/** What a model's generation_config.json, and a task, ask of greedy generation, as transformers' `generate` takes it. @module */
import { GENERATION_KEYS, generationKwargs, generationSettings } from "../benchmark/generation_settings.ts";
import type { TaskConfig } from "../benchmark/task_config.ts";
import { nearestWord } from "../config/nearest_word.ts";
import type { JsonObject } from "../data/formats/json_numbers.ts";
import { UserError } from "../error.ts";
import { type ModelFiles, readOptionalJson } from "../files/model_files.ts";
import { quote } from "../values.ts";

/** What of the settings is followed. */
export interface GreedySettings {
  /** What the logits of tokens that a row has are divided by, or multiplied with below 0; 1 changes nothing. */
  repetitionPenalty: number;
}

/**
 * Settings that change greedy answers but are not followed, each with the values that change nothing; null and an empty
 * list never do.
 */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  bad_words_ids: [],
  begin_suppress_tokens: [],
  constraints: [],
  dola_layers: [],
  encoder_no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  exponential_decay_length_penalty: [],
  force_words_ids: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  guidance_scale: [1],
  // With the caller's limit on prompt and answer together, transformers takes this one.
  max_new_tokens: [],
  max_time: [],
  min_length: [0],
  min_new_tokens: [0],
  no_repeat_ngram_size: [0],
  num_beam_groups: [1],
  num_beams: [1],
  num_return_sequences: [1],
  penalty_alpha: [0],
  prefill_chunk_size: [],
  sequence_bias: [],
  stop_strings: [],
  suppress_tokens: [],
  token_healing: [false],
  watermarking_config: [],
};

/**
 * Reads the settings from generation_config.json, which `where` names; null if there is none. Throws a UserError that
 * names a setting with which transformers would give other answers.
 */
export function greedySettings(
  config: Readonly<Record<string, unknown>> | null,
  { where }: { where: string },
): GreedySettings {
  for (const [key, value] of Object.entries(config ?? {})) {
    const neutral = REFUSED[key];
    if (neutral === undefined || value === null || neutral.includes(value)) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    const expected = neutral.length > 0 ? `expected ${quote(neutral[0])} or none` : "expected none";
    throw new UserError(
      `Cannot generate with ${quote(key)} of ${where}: it is ${quote(value)}, ${expected}, as it is not followed here`,
    );
  }
  const penalty = config?.repetition_penalty ?? 1;
  if (typeof penalty !== "number" || !(penalty > 0) || !Number.isFinite(penalty)) {
    throw new UserError(
      `Cannot generate with "repetition_penalty" of ${where}: it is ${quote(penalty)}, expected a number above 0`,
    );
  }
  return { repetitionPenalty: penalty };
}

const GENERATION_CONFIG = "generation_config.json";

/** Throws a UserError if a model's generation_config.json asks what is not followed. */
export async function checkGeneration(files: ModelFiles): Promise<void> {
  greedySettings(await readOptionalJson(files, GENERATION_CONFIG), { where: files.pathOf(GENERATION_CONFIG) });
}

/** Keys of a task's generation that change nothing where the most probable token is taken each time. */
const NEUTRAL = ["top_p", "top_k", "min_p", "typical_p", "use_cache", "pad_token_id"];

/**
 * Throws a UserError if a task, with these keys in place of its own, asks for answers that are sampled, or by a setting
 * that is not followed.
 */
export function checkGreedy(config: TaskConfig, genKwargs: JsonObject = {}): void {
  const { doSample, others } = generationSettings(generationKwargs(config, genKwargs));
  const action = `Cannot evaluate ${config.task}`;
  if (doSample) {
    throw new UserError(
      `${action}: its generation_kwargs sample, expected do_sample false or temperature 0 (do_sample=false in gen_kwargs)`,
    );
  }
  const other = Object.keys(others).find((key) => !NEUTRAL.includes(key));
  if (other === undefined) return;
  const nearest = nearestWord(other, [...GENERATION_KEYS, ...NEUTRAL]);
  throw new UserError(
    `${action}: "${other}" of its generation_kwargs is ${quote(others[other])}, which is not followed here${
      nearest === undefined ? "" : `, did you mean "${nearest}"?`
    }`,
  );
}
