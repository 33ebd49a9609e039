/** A training step of adapters against one of all weights. @module */
import { LLAMA_10M, LLAMA_98M, type LlamaSizes } from "../bench_models.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { compare } from "../measure.ts";
import { makePairs, openStep } from "./step_case.ts";

/** The models, with pairs of as many tokens as leave a round within a minute on a CPU. */
const MODELS: Readonly<Record<string, { sizes: LlamaSizes; pairs: number; length: number }>> = {
  "llama-10m": { sizes: LLAMA_10M, pairs: 4, length: 256 },
  "llama-98m": { sizes: LLAMA_98M, pairs: 1, length: 256 },
};

/** DPO with adapters of rank 16 of all linear layers, beside DPO of all weights; both models are float32. */
export function adapterSpecs(): Spec[] {
  return Object.entries(MODELS).map(([model, what]): Spec => {
    const name = `step/${model}-adapters`;
    return { name, quick: false, run: (context) => runAdapters(context, name, what) };
  });
}

async function runAdapters(
  context: Context,
  name: string,
  { sizes, pairs: count, length }: (typeof MODELS)[string],
): Promise<Result[]> {
  const pairs = makePairs(count, { prompt: 1, length, vocab: sizes.vocab });
  const contender = async (label: string, adapters: boolean): Promise<Contender> => {
    const { first, step, free } = await openStep(context, { sizes, pairs, adapters });
    return {
      name: label,
      async check() {
        const numbers = await first();
        if (!numbers.every(Number.isFinite)) throw new Error(`${label}: loss and gradient norm are ${numbers}`);
      },
      run: step,
      free,
    };
  };
  const contenders = [await contender("dnpo", true), await contender("all weights", false)];
  return [await compare(context, { name, unit: "tokens_per_s", work: 2 * count * length, contenders })];
}
