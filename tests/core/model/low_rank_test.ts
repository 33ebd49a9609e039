import { adapterLayout, type AdapterModule, type AdapterPlan } from "../../../core/model/adapter_plan.ts";
import { addLowRank, lowRankBackward } from "../../../core/model/low_rank.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { type AdapterParameter, parametersOf } from "../../../core/model/parameters.ts";
import { planParameters } from "../../../core/model/parameter_layout.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

const maxBindingBytes = device.limits.maxStorageBufferBindingSize;

interface Case {
  rows: number;
  inputs: number;
  /** Outputs and rank of each module of the group; rank 0 for one without an adapter. */
  modules: readonly (readonly [outputs: number, rank: number])[];
}

const CASES: readonly Case[] = [
  { rows: 5, inputs: 12, modules: [[8, 4]] },
  { rows: 33, inputs: 20, modules: [[24, 3], [7, 5], [9, 2]] },
  { rows: 17, inputs: 64, modules: [[64, 8], [32, 0], [32, 8]] },
  { rows: 1, inputs: 9, modules: [[6, 0], [5, 7]] },
  { rows: 70, inputs: 40, modules: [[96, 16], [96, 16]] },
];

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
  const { rows, inputs, modules } = it;
  Deno.test(`adapters match float64 at ${rows} rows, ${inputs} inputs and modules ${modules.join(" ")}`, async () => {
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
    addLowRank(commands, parameter, { ...buffers, rows, outputs });
    lowRankBackward(commands, parameter, { ...buffers, rows, outputs });
    commands.submit();

    const read = await values.download();
    const grown = await gradients.download();
    const [toY, toX] = [Float64Array.from(y!), Float64Array.from(dx!)];
    for (const { down, up, rank, scale, outputs: n, firstOutput } of plan.modules) {
      const [a, b] = [read(down.name), read(up.name)];
      const [da, db] = [Float64Array.from(old.get(down.name)!), Float64Array.from(old.get(up.name)!)];
      for (let t = 0; t < rows; t++) {
        for (let r = 0; r < rank; r++) {
          let [u, du] = [0, 0];
          for (let k = 0; k < inputs; k++) u += x![t * inputs + k]! * a[r * inputs + k]!;
          for (let j = 0; j < n; j++) {
            const at = t * outputs + firstOutput + j;
            toY[at]! += scale * u * b[j * rank + r]!;
            du += scale * dy![at]! * b[j * rank + r]!;
            db[j * rank + r]! += scale * dy![at]! * u;
          }
          for (let k = 0; k < inputs; k++) {
            toX[t * inputs + k]! += du * a[r * inputs + k]!;
            da[r * inputs + k]! += du * x![t * inputs + k]!;
          }
        }
      }
      assertClose(grown(down.name), da, { rtol: 1e-5, atol: 1e-4, label: `d${down.name}` });
      assertClose(grown(up.name), db, { rtol: 1e-5, atol: 1e-4, label: `d${up.name}` });
    }
    assertClose(await readF32(buffers.y), toY, { rtol: 1e-5, atol: 1e-4, label: "y" });
    assertClose(await readF32(buffers.dx), toX, { rtol: 1e-5, atol: 1e-4, label: "dx" });
    release(...Object.values(buffers));
    values.free();
    gradients.free();
  });
}
