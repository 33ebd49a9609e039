/** Kernels that memory bounds: RMSNorm and AdamW, against a copy of as many bytes. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import { rmsNorm } from "../../kernels/norm/rms_norm.ts";
import { adamw } from "../../kernels/optimizer/adamw.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { checkClose, compare, seconds } from "../measure.ts";
import { uniform } from "../values.ts";

const MIB = 2 ** 20;
const ROWS = 4096;
const COLUMNS = 896;
const COUNT = 2 ** 22;
const EPS = 1e-5;
const LEARNING_RATE = 1e-3;

/** Both kernels. */
export function elementwiseSpecs(): Spec[] {
  return [
    { name: `rms-norm/${ROWS}x${COLUMNS}`, quick: false, run: runNorm },
    { name: `adamw/${COUNT}`, quick: false, run: runAdamW },
  ];
}

async function runNorm(context: Context): Promise<Result[]> {
  const { device, commands } = context;
  const values = uniform(ROWS * COLUMNS, { seed: 1 });
  const weights = uniform(COLUMNS, { seed: 2, offset: 1 });
  const [x, weight] = [device.upload(values, "x"), device.upload(weights, "weight")];
  const [y, invRms] = [device.alloc(x.size, "y"), device.alloc(ROWS * 4, "1/rms")];
  const record = (): void => rmsNorm(commands, { y, invRms, x, weight, rows: ROWS, columns: COLUMNS, eps: EPS });
  const row = ROWS - 1;
  const last = values.slice(row * COLUMNS);
  const scale = 1 / Math.sqrt(last.reduce((sum, v) => sum + v * v, 0) / COLUMNS + EPS);
  const own = contender(context, record, async () => {
    const got = new Float32Array(await device.read(y)).slice(row * COLUMNS);
    checkClose(got, last.map((v, i) => v * scale * weights[i]!), { label: "RMSNorm" });
  });
  const bytes = 2 * x.size;
  return await run(context, `rms-norm/${ROWS}x${COLUMNS}`, { own, bytes, slices: [x, weight, y, invRms] });
}

async function runAdamW(context: Context): Promise<Result[]> {
  const { device, commands } = context;
  const start = uniform(COUNT, { seed: 1 });
  const slopes = uniform(COUNT, { seed: 2 });
  const [parameters, gradients] = [device.upload(start, "parameters"), device.upload(slopes, "gradients")];
  const [m, v] = [device.alloc(COUNT * 4, "m"), device.alloc(COUNT * 4, "v")];
  // Clipping factor 1, the update allowed, and the bias corrections of Adam's first step.
  const words = Uint32Array.from([0, 0, 1, 1, 0, 0, 0, 0]);
  new Float32Array(words.buffer).set([0.1, 0.001], 4);
  new Float32Array(words.buffer)[0] = 1;
  const control = device.upload(words, "control");
  const settings = {
    count: COUNT,
    decayed: 0,
    lr: LEARNING_RATE,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
  } as const;
  const record = (): void => adamw(commands, { parameters, m, v, gradients, control, ...settings });
  const own = contender(context, record, async () => {
    const got = new Float32Array(await device.read(parameters)).slice(0, 1000);
    // The first step is the gradient's sign.
    checkClose(got, start.slice(0, 1000).map((p, i) => p - LEARNING_RATE * Math.sign(slopes[i]!)), { label: "AdamW" });
  });
  // Three are read and written, one is read.
  const bytes = 7 * COUNT * 4;
  return await run(context, `adamw/${COUNT}`, { own, bytes, slices: [parameters, gradients, m, v, control] });
}

function contender({ device, commands }: Context, record: () => void, check: () => Promise<void>): Contender {
  return {
    name: "dnpo",
    async check() {
      record();
      commands.submit();
      await check();
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) record();
        commands.submit();
        await device.sync();
      }),
  };
}

/** Compares with a copy that reads and writes `bytes` in all. */
async function run(
  context: Context,
  name: string,
  { own, bytes, slices }: { own: Contender; bytes: number; slices: readonly Slice[] },
): Promise<Result[]> {
  const { device, commands } = context;
  const [from, to] = [device.alloc(bytes / 2, "from"), device.alloc(bytes / 2, "to")];
  const copy = contender(context, () => commands.copy(to, from), () => Promise.resolve());
  try {
    const contenders = [own, { ...copy, name: "copy" }];
    return [await compare(context, { name, unit: "mib_per_s", work: bytes / MIB, contenders })];
  } finally {
    for (const slice of [from, to, ...slices]) device.free(slice);
  }
}
