/** Sampling: tokens a second. @module */
import type { GenerationConfig } from "../../core/config/config_types.ts";
import type { GenerationPrompt } from "../../core/generate/batch_generator.ts";
import { generate } from "../../core/generate/generate.ts";
import { jaxModel, openModel, STORIES } from "../bench_models.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { compare, seconds } from "../measure.ts";
import { tokenIds } from "../values.ts";

const ROWS = 32;
const TOKENS = 128;
const PROMPT = 8;

/** Generation with a model of stories260K's shape. */
export function generateSpecs(): Spec[] {
  return [{ name: "generate/stories-like", quick: true, run: runGenerate }];
}

/** 16 tokens between two fences, against 1; greedy, so that both must give the same tokens. */
async function runGenerate(context: Context): Promise<Result[]> {
  const { commands } = context;
  const model = await openModel(context, STORIES);
  const prompts = Array.from({ length: ROWS }, (_, row): GenerationPrompt => ({
    row,
    promptIds: tokenIds(PROMPT, { seed: row, vocab: STORIES.vocab }),
    maxNewTokens: TOKENS,
  }));
  const settings: GenerationConfig = {
    temperature: 0,
    top_p: 1,
    top_k: 0,
    max_new_tokens: TOKENS,
    batch_size: ROWS,
    seed: 0,
    kv_cache_dtype: "float32",
  };
  const sample = async (tokensPerFence: number): Promise<string> => {
    const rows: number[][] = [];
    // No token ends a response: every row has all its tokens.
    const options = { prompts, settings, iteration: 0, eosIds: [], tokensPerFence };
    for await (const { index, ids } of generate(commands, model, options)) rows[index] = ids;
    return rows.map((ids) => ids.join()).join("\n");
  };
  const expected = await sample(1);
  const contender = (name: string, tokensPerFence: number): Contender => ({
    name,
    async check() {
      const got = await sample(tokensPerFence);
      if (got !== expected) throw new Error(`generate: ${tokensPerFence} tokens per fence differ from 1`);
      if (got.split(/[\n,]/).length !== ROWS * TOKENS) throw new Error("generate: tokens are missing");
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) await sample(tokensPerFence);
      }),
  });
  const { jax } = context.peers;
  const peers = jax
    ? [jax.generate({
      model: jaxModel(model.config),
      prompts: prompts.map((prompt) => prompt.promptIds),
      tokens: TOKENS,
      expected: expected.split(/[\n,]/).map(Number),
    })]
    : [];
  try {
    const contenders = [contender("dnpo", 16), contender("1 per fence", 1), ...peers];
    return [
      await compare(context, { name: "generate/stories-like", unit: "tokens_per_s", work: ROWS * TOKENS, contenders }),
    ];
  } finally {
    model.weights.free();
  }
}
