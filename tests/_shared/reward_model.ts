/** Tiny reward models, made of tiny causal ones: the same decoder, a random score head, no LM head. @module */
import { join } from "node:path";
import { openWeights } from "../../core/checkpoint/stored_weights.ts";
import { type TensorEntry, writeSafetensors } from "../../core/checkpoint/write_safetensors.ts";
import { type Dtype, encodeFloat32 } from "../../core/dtype.ts";
import { readJsonObject } from "../../core/files/io.ts";

/** How a reward model differs from its causal source. */
export interface RewardOptions {
  /** Names of the head's outputs (default: one, LABEL_0). */
  labels?: string[];
  /** Storage type of all weights (default F32). */
  dtype?: Dtype;
  /** Files that the weights are written to (default 1, without an index). */
  shards?: number;
  /** Seed of the head. */
  seed?: number;
  /** Keys of config.json over the source's and the architecture's. */
  config?: Record<string, unknown>;
}

/** Writes `dir` with the decoder of the causal model in `source`, which may be `dir` itself, and a score head. */
export async function writeRewardModel(
  dir: string,
  source: string,
  { labels = ["LABEL_0"], dtype = "F32", shards = 1, seed = 1, config: keys = {} }: RewardOptions = {},
): Promise<void> {
  const config = await readJsonObject(join(source, "config.json"));
  const weights = await openWeights(source);
  const tensors = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  for (const [name, { shape }] of weights.tensors) {
    if (name !== "lm_head.weight") tensors.set(name, { shape, values: await weights.readFloat32(name) });
  }
  const hidden = config.hidden_size as number;
  tensors.set("score.weight", { shape: [labels.length, hidden], values: uniform(labels.length * hidden, seed) });
  const entries = [...tensors].map(([name, { shape, values }]): TensorEntry => ({
    name,
    dtype,
    shape,
    bytes: () => Promise.resolve(encodeFloat32(values, dtype)),
  }));
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(
    join(dir, "config.json"),
    JSON.stringify({
      ...config,
      architectures: [
        String((config.architectures as string[])[0]).replace("ForCausalLM", "ForSequenceClassification"),
      ],
      id2label: Object.fromEntries(labels.map((name, i) => [i, name])),
      label2id: Object.fromEntries(labels.map((name, i) => [name, i])),
      ...keys,
    }),
  );
  if (shards === 1) return await writeSafetensors(join(dir, "model.safetensors"), entries);
  await Deno.remove(join(dir, "model.safetensors")).catch(() => {});
  const map: Record<string, string> = {};
  for (let n = 0; n < shards; n++) {
    const file = `model-0000${n + 1}-of-0000${shards}.safetensors`;
    const own = entries.filter((_, i) => i % shards === n);
    for (const { name } of own) map[name] = file;
    await writeSafetensors(join(dir, file), own);
  }
  await Deno.writeTextFile(
    join(dir, "model.safetensors.index.json"),
    JSON.stringify({ metadata: {}, weight_map: map }),
  );
}

/** Rows of ids of different lengths, some with padding at the end, in the middle, and nothing but it. */
export function rewardRows(vocab: number, pad: number): number[][] {
  const draw = uniform(400, 9);
  let next = 0;
  const ids = (length: number): number[] =>
    Array.from({ length }, () => 3 + Math.floor((draw[next++]! + 1) / 2 * (vocab - 3)));
  return [ids(1), [...ids(7), pad], ids(12), [...ids(3), pad, ...ids(3), pad, pad], [pad, pad], ids(23), ids(2)];
}

/** Uniform numbers in [−1, 1) (a linear congruence modulo 2³²). */
function uniform(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
