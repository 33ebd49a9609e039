/** Training steps and generation in jax-js, as contenders. @module */
import { type Array as JaxArray, blockUntilReady, jit, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import type { Contender, JaxGenerate, JaxModel, JaxStep } from "../bench_types.ts";
import { checkClose, seconds } from "../measure.ts";
import {
  adamw,
  type Cache,
  decode,
  dpoLoss,
  embed,
  EMBEDDING,
  embedGradient,
  type JaxConfig,
  logps,
  type Moments,
  type Parameters,
  rotaryTables,
  type StepInputs,
} from "./jax_llama.ts";

function parametersOf({ formulas }: JaxModel, values: (i: number) => Float32Array<ArrayBuffer>): Parameters {
  return Object.fromEntries(formulas.map(([name, shape], i) => [name, np.array(values(i)).reshape([...shape])]));
}

function configOf({ config, formulas }: JaxModel): JaxConfig {
  const head = formulas.some(([name]) => name === "lm_head.weight") ? "lm_head.weight" : EMBEDDING;
  return { ...config, head };
}

function matrix(rows: readonly (readonly number[])[]): JaxArray {
  return np.array(Int32Array.from(rows.flat())).reshape([rows.length, rows[0]!.length]);
}

function tables(config: JaxConfig, length: number): { cos: JaxArray; sin: JaxArray } {
  const [cos, sin] = rotaryTables(config, length).map((table) => np.array(table).reshape([length, config.headDim]));
  return { cos: cos!, sin: sin! };
}

async function numbers(values: readonly JaxArray[]): Promise<number[]> {
  const out: number[] = [];
  for (const value of values) out.push(...await value.data());
  return out;
}

/** A DPO step: the policy forward and backward, clipping and AdamW; the reference's part is computed beforehand. */
export function jaxStep({ model, ids, beta, lr, maxNorm, expected }: JaxStep): Contender {
  const config = configOf(model);
  const [vocab, hidden] = model.formulas.find(([name]) => name === EMBEDDING)![1] as [number, number];
  const inputs = matrix(ids.map((row) => row.slice(0, -1)));
  const targets = matrix(ids.map((row) => row.slice(1)));
  const { cos, sin } = tables(config, ids[0]!.length - 1);
  const batch = (): Omit<StepInputs, "reference"> => ({ targets: targets.ref, cos: cos.ref, sin: sin.ref });
  const score = jit((p: Parameters, x: JaxArray, b: Omit<StepInputs, "reference">) => logps(p, { x, ...b }, config));
  const gradients = jit((p: Parameters, x: JaxArray, b: StepInputs) =>
    valueAndGrad(
      (q: Parameters, y: JaxArray) => dpoLoss(q, y, { inputs: b, config, beta }),
      { argnums: [0, 1] as const as unknown as [0, 1] },
    )(p, x)
  );
  const scatter = jit((dx: JaxArray, of: JaxArray) => embedGradient(dx, { ids: of, vocab, hidden }));
  const update = jit((p: Parameters, moments: Moments, g: Parameters, step: JaxArray) =>
    adamw(p, moments, { gradients: g, step, lr, maxNorm })
  );
  let p = parametersOf(model, model.policy);
  const zeros = (): Parameters =>
    Object.fromEntries(model.formulas.map(([name, shape]) => [name, np.zeros([...shape])]));
  let moments: Moments = { m: zeros(), v: zeros() };
  const { [EMBEDDING]: table, ...others } = parametersOf(model, model.reference);
  const reference = score(others, embed(table!, inputs.ref), batch());
  let steps = 0;

  function one(): [loss: JaxArray, norm: JaxArray] {
    const { [EMBEDDING]: embedding, ...rest } = p;
    const x = embed(embedding!.ref, inputs.ref);
    const [loss, [g, dx]] = gradients(tree.ref(rest), x, { ...batch(), reference: reference.ref });
    const all = { ...g, [EMBEDDING]: scatter(dx, inputs.ref) } as Parameters;
    const [next, made, norm] = update(p, moments, all, np.array(++steps));
    [p, moments] = [next, made];
    return [loss, norm];
  }

  return {
    name: "jax-js",
    async check() {
      checkClose(await numbers(one()), expected, { label: "jax-js's loss and gradient norm", rtol: 1e-3 });
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) {
          await numbers(one());
          await blockUntilReady(p);
        }
      }),
    free() {
      tree.dispose([p, moments, inputs, targets, cos, sin, reference]);
      for (const f of [score, gradients, scatter, update]) f.dispose();
    },
  };
}

/** Greedy decoding over a KV cache, 16 tokens between two waits as on our side; prompts of one length, token by token. */
export function jaxGenerate({ model, prompts, tokens, expected }: JaxGenerate): Contender {
  const config = configOf(model);
  const { layers, kvHeads, headDim } = config;
  const [rows, prompt] = [prompts.length, prompts[0]!.length];
  const length = prompt + tokens;
  const p = parametersOf(model, model.policy);
  const { cos, sin } = tables(config, length);
  const next = jit((
    q: Parameters,
    cache: Cache,
    at: { tokens: JaxArray; position: JaxArray; cos: JaxArray; sin: JaxArray },
  ) => decode(q, cache, at, config));
  const empty = (): JaxArray[] => Array.from({ length: layers }, () => np.zeros([rows, kvHeads, length, headDim]));

  async function generate(): Promise<number[][]> {
    let cache: Cache = { k: empty(), v: empty() };
    const out: JaxArray[] = [];
    for (let position = 0; position < length - 1; position++) {
      const last = position < prompt ? np.array(Int32Array.from(prompts, (ids) => ids[position]!)) : out.at(-1)!.ref;
      const at = { tokens: last, position: np.array(Int32Array.of(position)).reshape([]), cos: cos.ref, sin: sin.ref };
      const [sampled, kept] = next(tree.ref(p), cache, at);
      cache = kept;
      if (position < prompt - 1) sampled.dispose();
      else out.push(sampled);
      if (position % 16 === 15) await blockUntilReady(out.at(-1) ?? cache.k[0]!);
    }
    tree.dispose(cache);
    const columns: number[][] = [];
    for (const sampled of out) columns.push([...await sampled.data()]);
    return prompts.map((_, row) => columns.map((column) => column[row]!));
  }

  return {
    name: "jax-js",
    async check() {
      const got = (await generate()).flat();
      // A tie in the last bit of a logit may fall the other way, and the rest of that row with it.
      const same = got.filter((token, i) => token === expected[i]).length;
      if (got.length !== expected.length || same < 0.9 * got.length) {
        throw new Error(`jax-js: ${same} of ${got.length} tokens are ours, expected ${expected.length}`);
      }
    },
    run: (repeats) =>
      seconds(async () => {
        for (let i = 0; i < repeats; i++) await generate();
      }),
    free() {
      tree.dispose([p, cos, sin]);
      next.dispose();
    },
  };
}
