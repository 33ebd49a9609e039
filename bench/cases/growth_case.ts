/** How time and memory of a step grow with tokens and with parameters. @module */
import { LLAMA_10M, llamaConfig, type LlamaSizes, parameterCount } from "../bench_models.ts";
import type { Context, Result, Spec } from "../bench_types.ts";
import { fact, fitExponent, median } from "../measure.ts";
import { makePairs, openStep } from "./step_case.ts";

/** Tokens of a side, with 2 pairs: 1× to 16×. */
const LENGTHS = [32, 64, 128, 256, 512];
const SMALL: LlamaSizes = {
  ...LLAMA_10M,
  hidden: 128,
  layers: 4,
  heads: 2,
  kvHeads: 2,
  intermediate: 344,
  vocab: 1024,
};
/** About 1, 3, 10, 30 and 100 million parameters. */
const MODELS: readonly LlamaSizes[] = [
  SMALL,
  { ...LLAMA_10M, hidden: 192, heads: 3, kvHeads: 3, intermediate: 512, vocab: 1024 },
  LLAMA_10M,
  { ...LLAMA_10M, hidden: 512, layers: 8, heads: 8, kvHeads: 8, intermediate: 1376 },
  { ...LLAMA_10M, hidden: 768, layers: 13, heads: 12, kvHeads: 12, intermediate: 2048 },
];
const STEPS = 3;
/** No larger model is tried after a step of this many seconds. */
const LONGEST_STEP = 12;

/** The two curves. */
export function growthSpecs(): Spec[] {
  return [
    { name: "growth/tokens", quick: false, run: (context) => runTokens(context) },
    { name: "growth/parameters", quick: false, run: (context) => runParameters(context) },
  ];
}

interface Point {
  x: number;
  seconds: number;
  mib: number;
}

async function measureStep(context: Context, sizes: LlamaSizes, length: number): Promise<Omit<Point, "x">> {
  const run = await openStep(context, { sizes, pairs: makePairs(2, { prompt: 1, length, vocab: sizes.vocab }) });
  try {
    await run.step(1);
    const times: number[] = [];
    for (let i = 0; i < STEPS && (i === 0 || times[0]! < LONGEST_STEP); i++) times.push(await run.step(1));
    return { seconds: median(times), mib: run.peakBytes() / 2 ** 20 };
  } finally {
    run.free();
  }
}

async function runTokens(context: Context): Promise<Result[]> {
  const points: Point[] = [];
  for (const length of LENGTHS) points.push({ x: 4 * length, ...await measureStep(context, SMALL, length) });
  return summarize(context, "growth/tokens", { points, label: (x) => `${x} tokens` });
}

async function runParameters(context: Context): Promise<Result[]> {
  const points: Point[] = [];
  for (const sizes of MODELS) {
    if ((points.at(-1)?.seconds ?? 0) > LONGEST_STEP / 3) break;
    points.push({ x: parameterCount(llamaConfig(sizes)), ...await measureStep(context, sizes, 64) });
  }
  return summarize(context, "growth/parameters", { points, label: (x) => `${(x / 1e6).toFixed(1)}M parameters` });
}

/** The exponents over the larger half of the points, where the fence no longer counts; all points go into the notes. */
function summarize(
  { notes }: Context,
  name: string,
  { points, label }: { points: readonly Point[]; label: (x: number) => string },
): Result[] {
  notes.push(
    `${name}: ` + points.map(({ x, seconds, mib }) => `${label(x)} ${seconds.toFixed(2)} s, ${mib.toFixed(0)} MiB`)
      .join("; ") +
      ". The exponents are fitted to the last three.",
  );
  const last = points.slice(-3);
  return [
    fact(`${name}/time`, "exponent", fitExponent(last.map(({ x, seconds }) => [x, seconds]))),
    fact(`${name}/memory`, "exponent", fitExponent(last.map(({ x, mib }) => [x, mib]))),
  ];
}
