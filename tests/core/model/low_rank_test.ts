import { adapterLayout, type AdapterModule, type AdapterPlan } from "../../../core/model/adapter_plan.ts";
import { addLowRank, lowRankBackward } from "../../../core/model/low_rank.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { planParameters } from "../../../core/model/parameter_layout.ts";
import { type AdapterParameter, parametersOf } from "../../../core/model/parameters.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import { philox4x32, uniform } from "../../../kernels/random/philox.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

const maxBindingBytes = device.limits.maxStorageBufferBindingSize;

interface Case {
  rows: number;
  inputs: number;
  /** Outputs and rank of each module of the group; rank 0 for one without an adapter. */
  modules: readonly (readonly [outputs: number, rank: number])[];
  /** Share of x that is dropped before A; default none. */
  probability?: number;
}

const CASES: readonly Case[] = [
  { rows: 5, inputs: 12, modules: [[8, 4]] },
  { rows: 33, inputs: 20, modules: [[24, 3], [7, 5], [9, 2]] },
  { rows: 17, inputs: 64, modules: [[64, 8], [32, 0], [32, 8]] },
  { rows: 1, inputs: 9, modules: [[6, 0], [5, 7]] },
  { rows: 70, inputs: 40, modules: [[96, 16], [96, 16]] },
  { rows: 33, inputs: 21, modules: [[24, 3], [7, 0], [9, 2]], probability: 0.3 },
  { rows: 9, inputs: 64, modules: [[16, 8], [16, 4]], probability: 0.05 },
];

const SEED = 77;
const ITERATION = 3;
const STEP = 5;

/** 1/(1 − p) where Philox keeps a number of x, and 0 where it drops it; 1 without dropout. */
function maskOf(
  { probability = 0 }: Case,
  { module, row, column }: { module: number; row: number; column: number },
): number {
  if (probability === 0) return 1;
  const words = philox4x32([(column >> 2) + module * 2 ** 16, positionOf(row), exampleOf(row), STEP], [
    SEED,
    ITERATION + 7 * 2 ** 24,
  ]);
  return uniform(words[column % 4]!) >= probability ? 1 / (1 - probability) : 0;
}

const positionOf = (row: number): number => 3 * row + 1;
const exampleOf = (row: number): number => row >> 2;

/** The adapters of a group, with random values and gradients that are not zero. */
function adapterOf({ inputs, modules }: Case): {
  plan: AdapterPlan;
  values: ParameterBuffers;
  gradients: ParameterBuffers;
  parameter: AdapterParameter;
} {
  const names = modules.map((_, i) => `m${i}.weight`);
  const own: AdapterModule[] = [];
  let [firstOutput, firstRank] = [0, 0];
  for (const [i, [outputs, rank]] of modules.entries()) {
    if (rank > 0) {
      own.push({
        ...{
          name: `m${i}`,
          inputs,
          outputs,
          layer: 0,
          index: own.length,
          rank,
          scale: 0.5 + i,
          firstOutput,
          firstRank,
        },
        down: { name: `m${i}.lora_A.weight`, shape: [rank, inputs] },
        up: { name: `m${i}.lora_B.weight`, shape: [outputs, rank] },
      });
    }
    [firstOutput, firstRank] = [firstOutput + outputs, firstRank + rank];
  }
  const plan = { modules: own, groups: new Map([[names[0]!, { modules: own, ranks: firstRank }]]), ranks: firstRank };
  const layout = adapterLayout(plan, maxBindingBytes);
  const buffers = (label: string) => new ParameterBuffers(device, { layout, label, part: "weights" });
  const [values, gradients] = [buffers("values"), buffers("gradients")];
  for (const [seed, { down, up }] of own.entries()) {
    for (const [at, { name, shape }] of [down, up].entries()) {
      values.write(name, randomF32(shape[0]! * shape[1]!, 10 * seed + at));
      gradients.write(name, randomF32(shape[0]! * shape[1]!, 10 * seed + at + 5));
    }
  }
  const base = planParameters([modules.map(([outputs], i) => ({ name: names[i]!, shape: [outputs, inputs] }))], {
    maxBindingBytes,
  });
  const weights = new ParameterBuffers(device, { layout: base, label: "base", part: "weights" });
  const parameter = parametersOf(weights, { adapter: { plan, values }, adapterGradients: gradients }).get(...names);
  weights.free();
  return { plan, values, gradients, parameter: parameter.adapter! };
}

for (const it of CASES) {
  const { rows, inputs, modules, probability = 0 } = it;
  const what = `${rows} rows, ${inputs} inputs, dropout ${probability} and modules ${modules.join(" ")}`;
  Deno.test(`adapters match float64 at ${what}`, async () => {
    const { plan, values, gradients, parameter } = adapterOf(it);
    const outputs = modules.reduce((sum, [one]) => sum + one, 0);
    const [x, y, dy, dx] = [inputs, outputs, outputs, inputs].map((columns, i) => randomF32(rows * columns, 90 + i));
    const buffers = {
      x: guarded(x!),
      y: guarded(y!),
      dy: guarded(dy!),
      dx: guarded(dx!),
      low: guarded(new Float32Array(rows * plan.ranks)),
      dlow: guarded(new Float32Array(rows * plan.ranks)),
    };
    const before = await gradients.download();
    const old = new Map(
      plan.modules.flatMap(({ down, up }) => [down, up]).map(({ name }) => [name, before(name).slice()]),
    );
    const of = (value: (row: number) => number): Slice =>
      device.upload(Uint32Array.from({ length: rows }, (_, row) => value(row)), "dropout");
    const place = { positions: of(positionOf), examples: of(exampleOf), seed: SEED, iteration: ITERATION, step: STEP };
    const dropped = guarded(new Float32Array(rows * inputs));
    const drop = probability > 0 ? { ...place, probability, dropped } : null;
    addLowRank(commands, parameter, { ...buffers, rows, outputs, drop });
    lowRankBackward(commands, parameter, { ...buffers, rows, outputs, drop });
    commands.submit();

    const read = await values.download();
    const grown = await gradients.download();
    const [toY, toX] = [Float64Array.from(y!), Float64Array.from(dx!)];
    for (const { index: module, down, up, rank, scale, outputs: n, firstOutput } of plan.modules) {
      const [a, b] = [read(down.name), read(up.name)];
      const [da, db] = [Float64Array.from(old.get(down.name)!), Float64Array.from(old.get(up.name)!)];
      for (let t = 0; t < rows; t++) {
        for (let r = 0; r < rank; r++) {
          let [u, du] = [0, 0];
          const mask = (column: number): number => maskOf(it, { module, row: t, column });
          for (let k = 0; k < inputs; k++) u += mask(k) * x![t * inputs + k]! * a[r * inputs + k]!;
          for (let j = 0; j < n; j++) {
            const at = t * outputs + firstOutput + j;
            toY[at]! += scale * u * b[j * rank + r]!;
            du += scale * dy![at]! * b[j * rank + r]!;
            db[j * rank + r]! += scale * dy![at]! * u;
          }
          for (let k = 0; k < inputs; k++) {
            toX[t * inputs + k]! += mask(k) * du * a[r * inputs + k]!;
            da[r * inputs + k]! += mask(k) * du * x![t * inputs + k]!;
          }
        }
      }
      assertClose(grown(down.name), da, { rtol: 1e-5, atol: 1e-4, label: `d${down.name}` });
      assertClose(grown(up.name), db, { rtol: 1e-5, atol: 1e-4, label: `d${up.name}` });
    }
    assertClose(await readF32(buffers.y), toY, { rtol: 1e-5, atol: 1e-4, label: "y" });
    assertClose(await readF32(buffers.dx), toX, { rtol: 1e-5, atol: 1e-4, label: "dx" });
    release(...Object.values(buffers), dropped, place.positions, place.examples);
    values.free();
    gradients.free();
  });
}
