/** Sampling: tokens a second. @module */
import type { GenerationConfig } from "../../core/config/config_types.ts";
import type { GenerationPrompt } from "../../core/generate/batch_generator.ts";
import { generate } from "../../core/generate/generate.ts";
import { jaxModel, LLAMA_10M, openModel, STORIES, torchModel } from "../bench_models.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { compare, seconds } from "../measure.ts";
import { tokenIds } from "../values.ts";

const ROWS = 32;
const TOKENS = 128;
const PROMPT = 8;

/** Generation with a model of stories260K's shape, and greedy decoding with one of 10 million parameters. */
export function generateSpecs(): Spec[] {
  return [
    { name: "generate/stories-like", quick: true, run: runGenerate },
    ...[1, 8].map((rows): Spec => {
      const name = `generate/llama-10m-greedy-${rows}`;
      return { name, quick: false, run: (context) => runGreedy(context, { name, rows }) };
    }),
  ];
}

/** Prompts of the same length, none of which has an end before `tokens`. */
function promptsOf(rows: number, { tokens, vocab }: { tokens: number; vocab: number }): GenerationPrompt[] {
  return Array.from({ length: rows }, (_, row) => ({
    row,
    promptIds: tokenIds(PROMPT, { seed: row, vocab }),
    maxNewTokens: tokens,
  }));
}

/** The settings of greedy decoding, all rows in a batch. */
function greedy(rows: number): GenerationConfig {
  return {
    temperature: 0,
    top_p: 1,
    top_k: 0,
    max_new_tokens: TOKENS,
    batch_size: rows,
    seed: 0,
    kv_cache_dtype: "float32",
  };
}

/** Greedy decoding against transformers' `generate`, which must give the same tokens. */
async function runGreedy(context: Context, { name, rows }: { name: string; rows: number }): Promise<Result[]> {
  const { commands, peers: { torch } } = context;
  const model = await openModel(context, LLAMA_10M);
  const prompts = promptsOf(rows, { tokens: TOKENS, vocab: LLAMA_10M.vocab });
  const decode = async (): Promise<number[]> => {
    const made: number[][] = [];
    const options = { prompts, settings: greedy(rows), iteration: 0, eosIds: [] };
    for await (const { index, ids } of generate(commands, model, options)) made[index] = ids;
    return made.flat();
  };
  const expected = await decode();
  const own: Contender = {
    name: "dnpo",
    async check() {
      const got = await decode();
      if (got.length !== rows * TOKENS || got.join() !== expected.join()) throw new Error(`${name}: tokens differ`);
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) await decode();
      }),
  };
  const about = torch === null ? null : await torch.ask({ op: "about" });
  const call = {
    op: "greedy",
    ...torchModel(model.config),
    prompts: prompts.map(({ promptIds }) => promptIds),
    tokens: TOKENS,
  };
  const others = torch === null || about!.transformers === null
    ? []
    : [{ ...torch.contender(call, { expected, rtol: 0 }), name: "transformers" }];
  try {
    return [
      await compare(context, { name, unit: "tokens_per_s", work: rows * TOKENS, contenders: [own, ...others] }),
    ];
  } finally {
    model.weights.free();
  }
}

/** 16 tokens between two fences, against 1; greedy, so that both must give the same tokens. */
async function runGenerate(context: Context): Promise<Result[]> {
  const { commands } = context;
  const model = await openModel(context, STORIES);
  const prompts = promptsOf(ROWS, { tokens: TOKENS, vocab: STORIES.vocab });
  const settings = greedy(ROWS);
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
