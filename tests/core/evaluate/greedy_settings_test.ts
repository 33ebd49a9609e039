import { deepEqual, throws } from "node:assert/strict";
import { UserError } from "../../../core/error.ts";
import { greedySettings } from "../../../core/evaluate/greedy_settings.ts";

const FILE = { where: "model/generation_config.json" };

Deno.test("greedySettings() reads the penalty, and passes over what changes no greedy answer", () => {
  deepEqual(greedySettings(null, FILE), { repetitionPenalty: 1 });
  deepEqual(greedySettings({ repetition_penalty: null }, FILE), { repetitionPenalty: 1 });
  const sampling = { do_sample: true, temperature: 0.7, top_p: 0.8, top_k: 20, typical_p: 0.9, max_length: 2048 };
  const neutral = { num_beams: 1, no_repeat_ngram_size: 0, suppress_tokens: [], bad_words_ids: null, min_length: 0 };
  deepEqual(greedySettings({ ...sampling, ...neutral, eos_token_id: [2, 0], repetition_penalty: 1.05 }, FILE), {
    repetitionPenalty: 1.05,
  });
});

Deno.test("greedySettings() refuses what would change an answer and is not followed", () => {
  const refusals: [Record<string, unknown>, string][] = [
    [
      { no_repeat_ngram_size: 3 },
      'Cannot generate with "no_repeat_ngram_size" of model/generation_config.json: it is 3, expected 0 or none, as it ' +
      "is not followed here",
    ],
    [
      { suppress_tokens: [5] },
      'Cannot generate with "suppress_tokens" of model/generation_config.json: it is [5], expected none, as it is not ' +
      "followed here",
    ],
    [
      { max_new_tokens: 512 },
      'Cannot generate with "max_new_tokens" of model/generation_config.json: it is 512, expected none, as it is not ' +
      "followed here",
    ],
    ...[0, -1, "1.1", true].map((value): [Record<string, unknown>, string] => [
      { repetition_penalty: value },
      `Cannot generate with "repetition_penalty" of model/generation_config.json: it is ${JSON.stringify(value)}, ` +
      "expected a number above 0",
    ]),
  ];
  for (const [config, message] of refusals) throws(() => greedySettings(config, FILE), new UserError(message));
});
