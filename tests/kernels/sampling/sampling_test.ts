import assert from "node:assert/strict";
import type { Commands } from "../../../kernels/device/commands.ts";
import { philox4x32, uniform } from "../../../kernels/random/philox.ts";
import { type SampleTokens, sampleTokens } from "../../../kernels/sampling/sampling.ts";
import { device, guarded, limited, randomF32, readU32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

type Rule = Pick<SampleTokens, "temperature" | "topK" | "topP" | "seed" | "iteration">;

const ROWS = 16;
const PLAIN: Rule = { temperature: 1, topK: 0, topP: 1, seed: 7, iteration: 3 };

/** How far the draw and top-p may be off, of all probability, through rounding in f32. */
const SLACK = 1e-6;

/** The token of the whole rule in float64, first; then those that are right as well if draw and top-p are off by the slack. */
function reference(
  logits: Float32Array,
  { row, position, rule }: { row: number; position: number; rule: Rule },
): number[] {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  if (rule.temperature === 0) return [logits.indexOf(top)];
  const temperature = Math.fround(rule.temperature);
  const weights = Float64Array.from(logits, (z) => Math.exp((z - top) / temperature));
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  let left = order;
  if (rule.topK > 0 && rule.topK < logits.length) {
    const last = logits[order[rule.topK - 1]!]!;
    left = order.filter((v) => logits[v]! >= last);
  }
  const [x0] = philox4x32([position, row, 0, 0], [rule.seed, rule.iteration + 2 * 2 ** 24]);
  const tokens = new Set<number>();
  for (const topPSlack of rule.topP < 1 ? [0, -SLACK, SLACK] : [0]) {
    const kept = new Uint8Array(logits.length);
    const goal = (Math.fround(rule.topP) + topPSlack) * left.reduce((sum, v) => sum + weights[v]!, 0);
    let whole = 0;
    for (const v of left) {
      if (whole > 0 && rule.topP < 1 && whole >= goal) break;
      kept[v] = 1;
      whole += weights[v]!;
    }
    const at = (share: number): number => {
      let sum = 0;
      return weights.findIndex((w, v) => kept[v] === 1 && w > 0 && (sum += w) > share * whole);
    };
    const u = uniform(x0);
    tokens.add(at(u));
    const last = at(Math.min(u + SLACK, 1 - 1e-12));
    for (let v = at(Math.max(u - SLACK, 0)); v <= last; v++) if (kept[v] === 1 && weights[v]! > 0) tokens.add(v);
  }
  return [...tokens];
}

async function sample(
  commands: Commands,
  logits: Float32Array<ArrayBuffer>,
  { row, position, rule }: { row: readonly number[]; position: readonly number[]; rule: Rule },
): Promise<Uint32Array> {
  const rows = row.length;
  const buffers = {
    token: guarded(rows),
    logits: guarded(logits),
    row: guarded(Uint32Array.from(row)),
    position: guarded(Uint32Array.from(position)),
  };
  sampleTokens(commands, { ...buffers, rows, vocabSize: logits.length / rows, ...rule });
  commands.submit();
  const tokens = await readU32(buffers.token);
  release(...Object.values(buffers));
  return tokens;
}

/** Compares with the reference; no more than the share `near` of the draws may be ambiguous. */
async function check(
  commands: Commands,
  logits: Float32Array<ArrayBuffer>,
  { rows, rule, near = 0.15 }: { rows: number; rule: Rule; near?: number },
): Promise<void> {
  const vocabSize = logits.length / rows;
  const row = Array.from({ length: rows }, (_, r) => 5 * r + 1);
  const position = Array.from({ length: rows }, (_, r) => 1000 - r);
  const tokens = await sample(commands, logits, { row, position, rule });
  let ambiguous = 0;
  for (let r = 0; r < rows; r++) {
    const part = logits.subarray(r * vocabSize, (r + 1) * vocabSize);
    const expected = reference(part, { row: row[r]!, position: position[r]!, rule });
    if (expected.length > 1) ambiguous++;
    assert.ok(expected.includes(tokens[r]!), `row ${r} is ${tokens[r]}, expected ${expected}: ${JSON.stringify(rule)}`);
  }
  assert.ok(ambiguous <= near * rows, `${ambiguous} of ${rows} draws are ambiguous`);
}

const rules: readonly Partial<Rule>[] = [
  {},
  { temperature: 0 },
  { temperature: 0.7 },
  { topK: 1 },
  { topK: 5 },
  { topP: 0.9 },
  { topP: 1e-6 },
  { topP: 0.9999 },
  { temperature: 1.5, topK: 20, topP: 0.8 },
  { temperature: 0.01, topK: 50, topP: 0.95 },
];

for (const { family, commands } of families) {
  for (const vocabSize of [1, 3, 45, 67, 512]) {
    Deno.test(`sampleTokens() follows the rule on ${vocabSize} tokens (${family})`, async () => {
      for (const rule of rules) {
        await check(commands, randomF32(ROWS * vocabSize, 1, 3), { rows: ROWS, rule: { ...PLAIN, ...rule } });
      }
    });
  }

  Deno.test(`sampleTokens() follows the rule where many logits are equal (${family})`, async () => {
    for (const vocabSize of [67, 512]) {
      // The largest logits are 0 and -0, which are one value.
      const logits = randomF32(ROWS * vocabSize, 2, 2).map((z, i) => -Math.abs(Math.round(z)) || (i % 2 ? -0 : 0));
      for (const rule of rules) await check(commands, logits, { rows: ROWS, rule: { ...PLAIN, ...rule } });
      const flat = new Float32Array(ROWS * vocabSize).fill(-2.5);
      for (const rule of [{}, { temperature: 0 }, { topK: 3 }, { topP: 0.3 }]) {
        await check(commands, flat, { rows: ROWS, rule: { ...PLAIN, ...rule } });
      }
    }
  });

  Deno.test(`sampleTokens() follows the rule on extreme logits (${family})`, async () => {
    const logits = randomF32(ROWS * 45, 3).map((z, i) => i % 3 === 0 ? 1e4 + z : i % 3 === 1 ? -1e4 : -1e30);
    for (const rule of rules) await check(commands, logits, { rows: ROWS, rule: { ...PLAIN, ...rule } });
    const low = randomF32(ROWS * 45, 3).map((z) => z - 1e4);
    for (const rule of rules) await check(commands, low, { rows: ROWS, rule: { ...PLAIN, ...rule } });
  });

  Deno.test(`sampleTokens() follows the rule on 40,000 and 40,001 tokens (${family})`, async () => {
    for (const vocabSize of [40_000, 40_001]) {
      const logits = randomF32(6 * vocabSize, 4, 2);
      for (const rule of [{}, { topK: 1000 }, { topP: 0.9 }, { temperature: 0 }, { topK: 30_000, topP: 0.5 }]) {
        // Each of so many tokens has a share of 2.5e-5 on average.
        await check(commands, logits, { rows: 6, rule: { ...PLAIN, ...rule }, near: 0.5 });
      }
    }
  });

  Deno.test(`sampleTokens() keeps to top-k and top-p on 262,144 tokens (${family})`, async () => {
    const rule = { ...PLAIN, topK: 50, topP: 0.9 };
    await check(commands, randomF32(2 * 262_144, 1, 3), { rows: 2, rule });
  });

  Deno.test(`sampleTokens() keeps to top-k and top-p where each digit reads all of 96,000 tokens (${family})`, async () => {
    // The most that 8 lanes have. On a CPU they take 64,000 rounds of their loops, of 65,535.
    const rule = { ...PLAIN, topK: 95_000, topP: 0.999 };
    await check(commands, new Float32Array(96_000).fill(-2.5), { rows: 1, rule, near: 1 });
  });

  Deno.test(`sampleTokens() gives a row the same token alone as in a batch (${family})`, async () => {
    const vocabSize = 67;
    const rows = 40;
    const logits = randomF32(rows * vocabSize, 5);
    const row = Array.from({ length: rows }, (_, r) => r * 3);
    const position = Array.from({ length: rows }, (_, r) => r % 7);
    const rule = { ...PLAIN, topP: 0.9 };
    const together = await sample(commands, logits, { row, position, rule });
    for (const r of [0, 17, 39]) {
      const part = logits.slice(r * vocabSize, (r + 1) * vocabSize);
      const alone = await sample(commands, part, { row: [row[r]!], position: [position[r]!], rule });
      assert.equal(alone[0], together[r]);
    }
  });
}

Deno.test("sampleTokens() draws tokens as often as their probability says, over rows and positions", async () => {
  const { commands } = families[0]!;
  const vocabSize = 20;
  const rows = 20_000;
  const one = randomF32(vocabSize, 6);
  const logits = new Float32Array(rows * vocabSize).map((_, i) => one[i % vocabSize]!);
  const row = Array.from({ length: rows }, (_, r) => r % 200);
  const position = Array.from({ length: rows }, (_, r) => Math.floor(r / 200));
  const tokens = await sample(commands, logits, { row, position, rule: PLAIN });
  const whole = one.reduce((sum, z) => sum + Math.exp(z), 0);
  const counts = new Array<number>(vocabSize).fill(0);
  for (const v of tokens) counts[v]!++;
  const chiSquare = counts.reduce((sum, count, v) => {
    const expected = rows * Math.exp(one[v]!) / whole;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  // 19 degrees of freedom: above 43.8 in one case of a thousand, below 5.4 in another.
  assert.ok(chiSquare > 5.4 && chiSquare < 43.8, `chi-square ${chiSquare}`);
});

Deno.test("sampleTokens() depends on seed, iteration, row and position", async () => {
  const { commands } = families[0]!;
  const rows = 64;
  const logits = new Float32Array(rows * 64);
  const row = Array.from({ length: rows }, (_, r) => r);
  const position = row.map(() => 9);
  const call = { row, position, rule: PLAIN };
  const first = await sample(commands, logits, call);
  assert.deepEqual(await sample(commands, logits, call), first);
  const others = [
    { ...call, rule: { ...PLAIN, seed: 8 } },
    { ...call, rule: { ...PLAIN, iteration: 4 } },
    { ...call, row: row.map((r) => r + 1) },
    { ...call, position: row.map(() => 10) },
  ];
  for (const other of others) assert.notDeepEqual(await sample(commands, logits, other), first);
});

Deno.test("sampleTokens() takes logits larger than one binding", async () => {
  const vocabSize = 151_936;
  const limit = 2 ** 22;
  const commands = limited({ maxStorageBufferBindingSize: limit });
  const rows = Math.floor(limit / (vocabSize * 4)) + 3;
  const logits = device.alloc(rows * vocabSize * 4, "logits");
  const expected = Uint32Array.from({ length: rows }, (_, r) => (r * 7919 + 151_000) % vocabSize);
  expected.forEach((v, r) => device.write(logits, new Float32Array([30]), (r * vocabSize + v) * 4));
  const numbers = Uint32Array.from(expected.keys());
  const buffers = { token: guarded(rows), row: guarded(numbers), position: guarded(numbers) };
  for (const rule of [{}, { temperature: 0 }]) {
    sampleTokens(commands, { ...buffers, logits, rows, vocabSize, ...PLAIN, ...rule });
    commands.submit();
    assert.deepEqual(await readU32(buffers.token), expected);
  }
  release(logits, ...Object.values(buffers));
});
