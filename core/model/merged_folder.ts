/** A model's folder as its adapter changes it, without a device: weights are merged as they are read. @module */
import type { AdapterFolder } from "../checkpoint/adapter_folder.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { PieceBuffers } from "../files/piece_buffers.ts";
import type { AdapterModule } from "./adapter_plan.ts";
import { planTargets } from "./adapter_targets.ts";
import { checkTensors } from "./lora_adapter.ts";

/**
 * The folder `base` whose weights are read as W + s·B·A. Each is rounded to float32 once, from a sum in float64; at any
 * time one module's A and B are in memory, beside the pieces of the base. Throws a UserError if the adapter does not fit
 * the base, naming the tensor.
 */
export function mergedFolder(base: ModelFolder, adapter: AdapterFolder): ModelFolder {
  const plan = planTargets(base.config, adapter.settings, adapter.dir);
  checkTensors(adapter, plan);
  const modules = new Map(plan.modules.map((module) => [`${module.name}.weight`, module]));
  const read = (name: string) => adapter.weights.readFloat32(adapter.stored.get(name)!);

  async function* streamTensor(name: string, buffers?: PieceBuffers): AsyncGenerator<Float32Array<ArrayBuffer>> {
    const module = modules.get(name);
    if (module === undefined) return yield* base.streamTensor(name, buffers);
    const factors = { down: await read(module.down.name), up: await read(module.up.name) };
    let first = 0;
    for await (const values of base.streamTensor(name, buffers)) {
      addProduct(values, { first, module, ...factors });
      yield values;
      first += values.length;
    }
  }

  async function readTensor(name: string): Promise<Float32Array<ArrayBuffer>> {
    const values = await base.readTensor(name);
    const module = modules.get(name);
    if (module === undefined) return values;
    addProduct(values, { first: 0, module, down: await read(module.down.name), up: await read(module.up.name) });
    return values;
  }

  return { ...base, dir: adapter.dir, streamTensor, readTensor };
}

/** Adds s·B·A to a part of a matrix, whose first value is element `first` of it. */
function addProduct(
  values: Float32Array,
  { first, module, down, up }: { first: number; module: AdapterModule; down: Float32Array; up: Float32Array },
): void {
  const { inputs, rank, scale } = module;
  const sums = new Float64Array(inputs);
  for (let at = 0; at < values.length;) {
    const row = Math.floor((first + at) / inputs);
    const column = first + at - row * inputs;
    const length = Math.min(inputs - column, values.length - at);
    sums.fill(0, 0, length);
    for (let r = 0; r < rank; r++) {
      const factor = up[row * rank + r]!;
      const start = r * inputs + column;
      for (let i = 0; i < length; i++) sums[i]! += factor * down[start + i]!;
    }
    for (let i = 0; i < length; i++) values[at + i]! += scale * sums[i]!;
    at += length;
  }
}
