/** Causal attention over packed sequences. @module */
import { attention, attentionBackward, attentionTile, attentionTiles } from "../../kernels/attention/attention.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import type { Contender, Context, Result, Spec } from "../bench_types.ts";
import { checkClose, compare, seconds } from "../measure.ts";
import { spread, uniform } from "../values.ts";

const SEQUENCES = 8;
const LENGTH = 256;
const HEADS = 5;
const DIM = 64;
const SIZE = `${SEQUENCES}x${LENGTH}x${HEADS}x${DIM}`;

/** Forward and backward. */
export function attentionSpecs(): Spec[] {
  return [
    { name: `attention/forward/${SIZE}`, quick: false, run: (context) => runAttention(context, "forward") },
    { name: `attention/backward/${SIZE}`, quick: false, run: (context) => runAttention(context, "backward") },
  ];
}

async function runAttention(context: Context, pass: "forward" | "backward"): Promise<Result[]> {
  const { device, commands } = context;
  const { torch } = context.peers;
  const tokens = SEQUENCES * LENGTH;
  const slices: Slice[] = [];
  const keep = (slice: Slice): Slice => {
    slices.push(slice);
    return slice;
  };
  const values = uniform(tokens * 3 * HEADS * DIM, { seed: 1, scale: 2 });
  const segments = Array.from({ length: SEQUENCES }, (_, s) => ({ start: s * LENGTH, end: (s + 1) * LENGTH }));
  const tiles = attentionTiles(segments, attentionTile(device));
  const layout = segments.flatMap(({ start, end }) => Array.from({ length: LENGTH }, () => [start, start, start, end]));
  const buffer = (words: number, label: string): Slice => keep(device.alloc(words * 4, label));
  const shared = {
    qkv: keep(device.upload(values, "qkv")),
    out: buffer(tokens * HEADS * DIM, "out"),
    lse: buffer(tokens * HEADS, "lse"),
    position: keep(device.upload(Uint32Array.from({ length: tokens }, (_, t) => t % LENGTH), "position")),
    layout: keep(device.upload(Uint32Array.from(layout.flat()), "layout")),
    tiles: keep(device.upload(tiles, "tiles")),
    tileCount: tiles.length / 2,
    tokens,
    heads: HEADS,
    kvHeads: HEADS,
    headDim: DIM,
    window: 0,
  };
  const backward = {
    ...shared,
    dqkv: buffer(tokens * 3 * HEADS * DIM, "dqkv"),
    saved: buffer(tokens * HEADS * 2, "saved"),
    dout: keep(device.upload(uniform(tokens * HEADS * DIM, { seed: 2 }), "dout")),
  };
  const at = spread(tokens * HEADS * DIM, 32);
  const expected = at.map((place) => outAt(values, place));
  const record = (): void => pass === "forward" ? attention(commands, shared) : attentionBackward(commands, backward);
  const own: Contender = {
    name: "dnpo",
    async check() {
      attention(commands, shared);
      if (pass === "backward") attentionBackward(commands, backward);
      commands.submit();
      const out = new Float32Array(await device.read(shared.out));
      checkClose(at.map((i) => out[i]!), expected, { label: "attention" });
      if (pass === "backward") await checkGradient();
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) record();
        commands.submit();
        await device.sync();
      }),
  };
  /** Σ of dv over a sequence's keys is Σ of dout over its queries: weights sum to 1. */
  async function checkGradient(): Promise<void> {
    const dqkv = new Float32Array(await device.read(backward.dqkv));
    const dout = new Float32Array(await device.read(backward.dout));
    const sum = (from: Float32Array, row: number, offset: number): number => {
      let total = 0;
      for (let t = 0; t < LENGTH; t++) total += from[t * row + offset]!;
      return total;
    };
    const columns = [0, 17, 130, HEADS * DIM - 1];
    checkClose(
      columns.map((c) => sum(dqkv, 3 * HEADS * DIM, 2 * HEADS * DIM + c)),
      columns.map((c) => sum(dout, HEADS * DIM, c)),
      { label: "attention's gradient", rtol: 1e-3 },
    );
  }
  // Causal halves of two products forward, and of five backward, the scores' recomputation among them.
  const work = 1e-9 * SEQUENCES * HEADS * LENGTH ** 2 * DIM * 2 * (pass === "forward" ? 1 : 2.5);
  const call = { op: "attention", sequences: SEQUENCES, length: LENGTH, heads: HEADS, head_dim: DIM, at };
  const contenders = [own, ...(torch && pass === "forward" ? [torch.contender(call, { expected })] : [])];
  try {
    return [await compare(context, { name: `attention/${pass}/${SIZE}`, unit: "gflops", work, contenders })];
  } finally {
    for (const slice of slices) device.free(slice);
  }
}

/** One number of the output in float64. */
function outAt(qkv: Float32Array, place: number): number {
  const row = 3 * HEADS * DIM;
  const token = Math.floor(place / (HEADS * DIM));
  const head = Math.floor(place / DIM) % HEADS;
  const first = token - token % LENGTH;
  const scores: number[] = [];
  for (let key = first; key <= token; key++) {
    let dot = 0;
    for (let i = 0; i < DIM; i++) {
      dot += qkv[token * row + head * DIM + i]! * qkv[key * row + (HEADS + head) * DIM + i]!;
    }
    scores.push(dot / Math.sqrt(DIM));
  }
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.reduce(
    (sum, weight, i) => sum + weight / total * qkv[(first + i) * row + (2 * HEADS + head) * DIM + place % DIM]!,
    0,
  );
}
