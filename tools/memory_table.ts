/** Writes docs/memory.md: what training takes on the device, for models of public sizes (`deno task docs:memory`). @module */
import { join } from "node:path";
import { loadConfig } from "../core/config/config.ts";
import type { DtypeName } from "../core/dtype.ts";
import { cacheRowBytes } from "../core/generate/decoding.ts";
import { planRun } from "../core/plan/plan_run.ts";
import { usualGpu } from "../kernels/device/usual_gpu.ts";
import { configOfShape, SHAPES, writeShape } from "./model_shapes.ts";

/** Tokens of a prompt, and of each of its two answers. */
const TOKENS = 512;

type Keys = Readonly<Record<string, unknown>>;

/** How a model is trained, by the heads of the tables' columns. */
const WAYS: readonly { head: string; keys: Keys }[] = [
  { head: "full", keys: {} },
  { head: "LoRA, bfloat16", keys: { lora: {} } },
  { head: "LoRA, int8", keys: { lora: {}, quantization: "int8" } },
  { head: "LoRA, int4", keys: { lora: {}, quantization: "int4" } },
];

const METHODS: readonly { title: string; keys: Keys; more?: readonly { head: string; keys: Keys }[] }[] = [
  { title: "DPO", keys: { method: "dpo", noise: "none" } },
  {
    title: "DNPO",
    keys: { method: "dnpo", noise: { update: "joint" } },
    more: [{
      head: "LoRA, int4, `noise.rank: 16`",
      keys: { lora: {}, quantization: "int4", noise: { update: "joint", rank: 16 } },
    }],
  },
];

/** Plans training on one pair with these keys over a model of a shape in `dir`/MODEL; returns the bytes. */
export async function trainingBytes(dir: string, model: string, keys: Keys): Promise<number> {
  const pairs = join(dir, "pairs.jsonl");
  const ids: number[] = Array(TOKENS).fill(5);
  await Deno.writeTextFile(pairs, JSON.stringify({ prompt_ids: ids, chosen_ids: ids, rejected_ids: ids }) + "\n");
  await writeShape(join(dir, model), SHAPES[model]!);
  const { training, ...others } = keys;
  const config = await loadConfig(undefined, {
    defaults: {
      model: join(dir, model),
      output_dir: join(dir, "run"),
      pairs,
      ...others,
      training: { per_device_train_batch_size: 1, max_steps: 1, ...Object(training) },
    },
  });
  const { bytes, stages } = await planRun(config, { device: usualGpu(), time: false });
  if (bytes === null) throw new Error(`Cannot plan ${model}: ${stages[0]!.problem}`);
  return bytes;
}

async function tables(dir: string): Promise<string> {
  const parts: string[] = [];
  for (const { title, keys, more = [] } of METHODS) {
    const ways = [...WAYS, ...more];
    const lines = [
      `| model | ${ways.map(({ head }) => head).join(" | ")} |`,
      `| --- |${" ---: |".repeat(ways.length)}`,
    ];
    for (const model of Object.keys(SHAPES)) {
      const cells = [];
      for (const way of ways) {
        const bytesOf = (gradient_checkpointing: boolean): Promise<number> =>
          trainingBytes(dir, model, { ...keys, ...way.keys, training: { gradient_checkpointing } });
        cells.push(`${gigabytes(await bytesOf(false))} / ${gigabytes(await bytesOf(true))}`);
      }
      lines.push(`| ${model} | ${cells.join(" | ")} |`);
    }
    parts.push(`## ${title}\n\n${lines.join("\n")}\n`);
  }
  return parts.join("\n");
}

/** Rows that are sampled at a time, and tokens of each: the defaults of a config. */
const SAMPLED = { rows: 32, tokens: 1024 };

/** Bytes of the keys and values of all layers of a model, as `generate` holds them. */
export function cacheBytes(model: string, cacheDtype: DtypeName): number {
  const config = configOfShape(SHAPES[model]!, model);
  return 2 * config.numLayers * SAMPLED.rows * cacheRowBytes(config, { maxLength: SAMPLED.tokens, cacheDtype });
}

function cacheTable(): string {
  const lines = Object.keys(SHAPES).map((model) =>
    `| ${model} | ${gigabytes(cacheBytes(model, "float32"))} | ${gigabytes(cacheBytes(model, "bfloat16"))} |`
  );
  return ["| model | float32 | bfloat16, float16 |", "| --- | ---: | ---: |", ...lines].join("\n");
}

/** Bytes as the page has them. */
export function gigabytes(bytes: number): string {
  return bytes >= 1e11 ? (bytes / 1e9).toFixed(0) : (bytes / 1e9).toPrecision(bytes >= 1e10 ? 3 : 2);
}

const page = (tables: string): string =>
  `# Memory

What training takes on the device, in GB of 10⁹ bytes: the first number with all activations kept, the second with
\`training.gradient_checkpointing: true\`, which computes each layer's again. \`deno task docs:memory\` writes this page: it
plans a step over one pair, a prompt of ${TOKENS} tokens and two answers of ${TOKENS}, for models with the sizes of public ones and
without weights, on a device that only counts and has the limits of a usual GPU. A plan records
what a run would allocate, by the same code; of more than 512 batches under the reference it records these alone, and may
miss a little of the scratch of the others.

- **full** trains all weights, in float32 with AdamW: values, gradients and two moments are 16 bytes a parameter.
  \`training.optim: rmsprop\` takes 4 bytes less.
- **LoRA** trains adapters of rank 16 at every linear layer; the base is held once, in bfloat16 as its file has it, or
  quantized with \`quantization\`. [LoRA](lora.md) says how.
- DNPO holds the noise generator too, as many numbers as the LM head, with gradients and moments 16 bytes each;
  \`noise.rank\` makes it small. Without adapters it also holds the reference.
- Longer answers and larger micro-batches take more; \`generate\` has [a cache](#keys-and-values) instead. \`dnpo plan CONFIG\` counts your run, and \`dnpo plan CONFIG --cards\` says which cards it
  fits on and what to change: of a card's memory 97 % is to use, 7.76 GB of 8, 23.3 of 24, 77.6 of 80.

${tables}
## Keys and values

What \`generate\` caches of ${SAMPLED.rows} rows (\`generation.batch_size\`) of ${
    SAMPLED.tokens.toLocaleString("en-US")
  } tokens (\`data.max_length\`), in GB, by
\`generation.kv_cache_dtype\`; \`dnpo chat\` and \`dnpo compare\` have \`--kv-cache-dtype\`.

${cacheTable()}

- A key, rotated by its position, and a value are rounded to the nearest number of the type, ties to even, when they are
  stored; everything else stays float32. Attention reads what is stored, of the token at hand and of a prompt that is run
  at once too, as llama.cpp's does, so that it does not matter how a prompt got into the cache. The results are to the
  bit those of a float32 cache of the rounded numbers.
- bfloat16 has float32's range and 8 bits of precision. float16 has 11 bits, up to 65504: a larger key or value is an
  error here, where llama.cpp and PyTorch go on with an infinite one, whose row becomes NaN.
- Log-probabilities, and so training and judge \`logprob\`, use no cache: only what is sampled
  differs.
`;

if (import.meta.main) {
  const dir = await Deno.makeTempDir({ prefix: "dnpo-shapes-" });
  try {
    await Deno.writeTextFile("docs/memory.md", page(await tables(dir)));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", "docs/memory.md"] }).output();
  if (!success) throw new Error("Cannot format docs/memory.md");
}
