/** The fused LM head, with and without noise. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import { lmHeadBackward, lmHeadForward } from "../../kernels/lm_head/lm_head.ts";
import { lmHeadNoiseForward } from "../../kernels/lm_head/lm_head_noise.ts";
import { lmHeadScratch } from "../../kernels/lm_head/lm_head_tiles.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { checkClose, compare, fact, seconds } from "../measure.ts";
import { spread, tokenIds, uniform } from "../values.ts";

const ROWS = 512;
const HIDDEN = 896;
const VOCAB = 16384;
const SIZE = `${ROWS}x${HIDDEN}x${VOCAB}`;
const LARGE_VOCAB = 131_072;

type Pass = "forward" | "backward" | "noise";

/** The passes, and the scratch memory of a large vocabulary. */
export function lmHeadSpecs(): Spec[] {
  const passes: readonly Pass[] = ["forward", "backward", "noise"];
  return [
    ...passes.map((pass): Spec => ({
      name: `lm-head/${pass}/${SIZE}`,
      quick: false,
      run: (context) => runLmHead(context, pass),
    })),
    { name: `lm-head/memory/${LARGE_VOCAB}`, quick: false, run: (context) => Promise.resolve(memory(context)) },
  ];
}

/** Scratch for any number of tokens. */
function memory({ device }: Context): Result[] {
  const { bytes } = lmHeadScratch(device, { maxRows: 2 ** 20, vocab: LARGE_VOCAB, hidden: HIDDEN });
  return [fact(`lm-head/memory/${LARGE_VOCAB}`, "mib", (bytes.state + bytes.logits + bytes.noiseLogits) / 2 ** 20)];
}

async function runLmHead(context: Context, pass: Pass): Promise<Result[]> {
  const { device, commands } = context;
  const { torch } = context.peers;
  const slices: Slice[] = [];
  const buffer = (words: number, label: string): Slice => {
    const slice = device.alloc(words * 4, label);
    slices.push(slice);
    return slice;
  };
  const upload = (data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, label: string): Slice => {
    const slice = device.upload(data, label);
    slices.push(slice);
    return slice;
  };
  const plan = lmHeadScratch(device, { maxRows: ROWS, vocab: VOCAB, hidden: HIDDEN });
  const h = uniform(ROWS * HIDDEN, { seed: 1 });
  const weight = uniform(VOCAB * HIDDEN, { seed: 2, scale: 0.2 });
  const targets = tokenIds(ROWS, { seed: 3, vocab: VOCAB });
  const [logp, lse] = [buffer(ROWS, "logp"), buffer(ROWS, "lse")];
  const inputs = {
    h: upload(h, "h"),
    weight: upload(weight, "weight"),
    target: upload(Uint32Array.from(targets), "target"),
    rows: ROWS,
    hidden: HIDDEN,
    vocab: VOCAB,
    scratch: {
      plan,
      state: buffer(plan.bytes.state / 4, "state"),
      logits: buffer(plan.bytes.logits / 4, "logits"),
      noiseLogits: buffer(pass === "noise" ? plan.bytes.noiseLogits / 4 : 1, "noise logits"),
    },
  };
  const rows = upload(Uint32Array.from({ length: ROWS }, (_, i) => i), "rows");
  const record: Record<Pass, () => void> = {
    forward: () => lmHeadForward(commands, { ...inputs, logp, lse }),
    backward: () => lmHeadBackward(commands, { ...inputs, ...gradients!, lse, dlogp: ones!, sequence: rows }),
    noise: () => lmHeadNoiseForward(commands, { ...inputs, ...noise!, logp, lse }),
  };
  const ones = pass === "backward" ? upload(new Float32Array(ROWS).fill(1), "dlogp") : null;
  const gradients = pass === "backward"
    ? { dh: buffer(ROWS * HIDDEN, "dh"), dweight: buffer(VOCAB * HIDDEN, "dweight") }
    : null;
  const noise = pass === "noise"
    ? {
      noiseWeight: upload(uniform(VOCAB * HIDDEN, { seed: 4, scale: 0.05 }), "noise weight"),
      noiseBias: buffer(VOCAB, "noise bias"),
      example: rows,
      position: rows,
      seed: 0,
      iteration: 0,
      step: 0,
      maxVariance: 1,
      logpNoised: buffer(ROWS, "logp noised"),
      lseNoised: buffer(ROWS, "lse noised"),
      sigmaSquared: buffer(ROWS, "sigma squared"),
    }
    : null;
  const at = spread(ROWS, 4);
  const expected = at.map((row) => logpAt(h, weight, { row, target: targets[row]! }));
  const own: Contender = {
    name: "dnpo",
    async check() {
      record[pass === "noise" ? "noise" : "forward"]();
      if (pass === "backward") record.backward();
      commands.submit();
      const values = new Float32Array(await device.read(logp));
      checkClose(at.map((i) => values[i]!), expected, { label: "LM head" });
      if (gradients) await checkGradient(gradients.dh);
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) record[pass]();
        commands.submit();
        await device.sync();
      }),
  };
  /** The gradient in the direction of h, by a central difference of the float64 log-probability. */
  async function checkGradient(dh: Slice): Promise<void> {
    const row = at[0]!;
    const values = new Float32Array(await device.read(dh)).slice(row * HIDDEN, (row + 1) * HIDDEN);
    const along = values.reduce((sum, value, i) => sum + value * h[row * HIDDEN + i]!, 0);
    const scaled = (factor: number): number => logpAt(h, weight, { row, target: targets[row]!, factor });
    checkClose([along], [(scaled(1.001) - scaled(0.999)) / 0.002], { label: "LM head's gradient", rtol: 1e-3 });
  }
  // Products with the weight: once forward, three times backward (the logits again, dh, dweight), twice with noise.
  const work = 2e-9 * ROWS * HIDDEN * VOCAB * { forward: 1, backward: 3, noise: 2 }[pass];
  const call = { op: "lm_head", rows: ROWS, hidden: HIDDEN, vocab: VOCAB, targets, at };
  const contenders = [own, ...(torch && pass === "forward" ? [torch.contender(call, { expected })] : [])];
  try {
    return [await compare(context, { name: `lm-head/${pass}/${SIZE}`, unit: "gflops", work, contenders })];
  } finally {
    for (const slice of slices) device.free(slice);
  }
}

function logpAt(
  h: Float32Array,
  weight: Float32Array,
  { row, target, factor = 1 }: { row: number; target: number; factor?: number },
): number {
  const logits = Float64Array.from({ length: VOCAB }, (_, v) => {
    let dot = 0;
    for (let i = 0; i < HIDDEN; i++) dot += h[row * HIDDEN + i]! * weight[v * HIDDEN + i]!;
    return factor * dot;
  });
  const most = logits.reduce((a, b) => Math.max(a, b));
  return logits[target]! - most - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
}
