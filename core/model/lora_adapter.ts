/** Adapters on the device: made, loaded from PEFT folders, copied and saved. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { normal4, philox4x32 } from "../../kernels/random/philox.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";
import { type AdapterFolder, type NewAdapter, saveAdapterFolder } from "../checkpoint/adapter_folder.ts";
import type { PeftConfig } from "../checkpoint/peft_config.ts";
import { isDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { adapterLayout, type AdapterModule, type AdapterPlan } from "./adapter_plan.ts";
import { planNamedTargets, planTargets, writtenTargets } from "./adapter_targets.ts";
import type { ModelConfig } from "./families/family.ts";
import { elementsOf } from "./families/model_tensors.ts";
import type { MemoryPart } from "./memory_parts.ts";
import { ParameterBuffers } from "./parameter_buffers.ts";
import type { Adapter } from "./parameters.ts";
import type { RowWindow } from "./stored_reader.ts";

/** An adapter with what its folder says about it. */
export interface LoadedAdapter extends Adapter {
  /** What its folder says, or is to say. */
  readonly peft: PeftConfig;
}

/** Allocates an adapter whose A and B are zero. */
export function allocAdapter(device: Device, plan: AdapterPlan, part: MemoryPart = "adapter"): Adapter {
  const layout = adapterLayout(plan, device.limits.maxStorageBufferBindingSize);
  return { plan, values: new ParameterBuffers(device, { layout, label: "adapter", part }) };
}

/** How a fresh adapter is drawn. */
export interface FreshAdapter extends Omit<PeftConfig, "revision"> {
  /** The base's revision on the hub (default: none is named). */
  revision?: string | null;
  /** `uniform` as PyTorch's nn.Linear, or `gaussian`. */
  init: "uniform" | "gaussian";
  seed: number;
  iteration: number;
}

/**
 * Makes a fresh adapter: A is drawn with Philox purpose 6 at counter (element >> 2, module, 0, 0), uniform ±1/√inputs
 * or normal with standard deviation 1/r, and B is zero (docs/method.md, "LoRA"). Throws a UserError for settings that
 * fit no module.
 */
export function createAdapter(device: Device, config: ModelConfig, fresh: FreshAdapter): LoadedAdapter {
  const plan = planNamedTargets(config, fresh.settings);
  const adapter = allocAdapter(device, plan);
  for (const module of plan.modules) adapter.values.write(module.down.name, firstValues(module, fresh));
  return { ...adapter, peft: { settings: fresh.settings, base: fresh.base, revision: fresh.revision ?? null } };
}

/** The first values of a module's A, row by row. */
export function firstValues(
  { index, inputs, rank, down }: AdapterModule,
  { init, seed, iteration }: Pick<FreshAdapter, "init" | "seed" | "iteration">,
): Float32Array<ArrayBuffer> {
  const key = philoxKey(seed, { iteration, purpose: "adapterInit" });
  const values = new Float32Array(elementsOf(down));
  const bound = 1 / Math.sqrt(inputs);
  for (let block = 0; block * 4 < values.length; block++) {
    const counter = [block, index, 0, 0] as const;
    const four = init === "gaussian"
      ? normal4(counter, key).map((n) => n / rank)
      : philox4x32(counter, key).map((word) => (2 * (word + 0.5) * 2 ** -32 - 1) * bound);
    values.set(four.slice(0, values.length - 4 * block), 4 * block);
  }
  return values;
}

/**
 * Loads the adapter of a PEFT folder for a model of `config`. Throws a UserError naming the tensor that is missing, has
 * another shape, or belongs to no module.
 */
export async function loadAdapter(device: Device, config: ModelConfig, folder: AdapterFolder): Promise<LoadedAdapter> {
  const plan = planLoaded(config, folder);
  const adapter = allocAdapter(device, plan);
  try {
    for (const { name } of shapesOf(plan)) {
      adapter.values.write(name, await folder.weights.readFloat32(folder.stored.get(name)!));
    }
  } catch (error) {
    adapter.values.free();
    throw error;
  }
  const { settings, base, revision } = folder;
  return { ...adapter, peft: { settings, base, revision } };
}

/** Plans the adapter of a PEFT folder for a model of `config`. Throws as {@linkcode loadAdapter}, without loading. */
export function planLoaded(config: ModelConfig, folder: AdapterFolder): AdapterPlan {
  const plan = planTargets(config, folder.settings, folder.dir);
  checkTensors(folder, plan);
  return plan;
}

/**
 * Checks that an adapter's folder holds the tensors of its plan and no others. Throws a UserError naming the first that
 * is missing, has another shape or type, or belongs to no module.
 */
export function checkTensors({ weights, stored }: AdapterFolder, plan: AdapterPlan): void {
  const known = new Set<string>();
  for (const { name, shape } of shapesOf(plan)) {
    known.add(name);
    const file = stored.get(name);
    const tensor = file === undefined ? undefined : weights.tensors.get(file);
    const is = tensor === undefined ? "it is missing" : `shape is [${tensor.shape.join(", ")}]`;
    if (tensor?.shape.join() !== shape.join()) {
      throw new UserError(
        `Cannot load ${quote(name)} from ${weights.path}: ${is}, expected [${
          shape.join(", ")
        }] from adapter_config.json and the base's config.json`,
      );
    }
    if (!isDtype(tensor.dtype)) {
      throw new UserError(
        `Cannot load ${quote(name)} from ${weights.path}: dtype is ${tensor.dtype}, expected F32, F16 or BF16`,
      );
    }
  }
  const unknown = [...stored.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new UserError(
      `Cannot load ${
        quote(unknown)
      } from ${weights.path}: the base has no such module, or adapter_config.json does not name it`,
    );
  }
}

function shapesOf({ modules }: AdapterPlan): AdapterModule["down"][] {
  return modules.flatMap(({ down, up }) => [down, up]);
}

/** A copy in buffers of its own. */
export function copyAdapter(commands: Commands, { plan, values }: Adapter, part: MemoryPart): Adapter {
  const copy = allocAdapter(commands.device, plan, part);
  values.chunks.forEach((chunk, i) => commands.copy(copy.values.chunks[i]!, chunk));
  commands.submit();
  return copy;
}

/**
 * Records adding the adapter to rows of a weight that it was trained on: W += s·B·A. Tensors without an adapter are left
 * as they are.
 */
export function addAdapter(
  commands: Commands,
  { plan, values }: Adapter,
  { name, values: rows, firstRow, rows: count }: RowWindow,
): void {
  const module = plan.modules.find((one) => `${one.name}.weight` === name);
  if (module === undefined) return;
  const { rank, scale, inputs, down, up } = module;
  const [b, a] = [wordsAt(values, up.name), wordsAt(values, down.name)];
  matmul(commands, {
    mode: "NN",
    c: rows,
    a: b.chunk,
    b: a.chunk,
    m: count,
    n: inputs,
    k: rank,
    aFirst: b.element + firstRow * rank,
    bFirst: a.element,
    scale,
    accumulate: true,
  });
}

/** The chunk that holds a tensor, and the element where it begins. */
function wordsAt(buffers: ParameterBuffers, name: string): { chunk: Slice; element: number } {
  const { chunk, offset } = buffers.place(name);
  return { chunk: buffers.chunks[chunk]!, element: offset / 4 };
}

/**
 * Saves an adapter for a model of `config` as a PEFT folder, in float32, with the tokenizer of `source`. `watch` follows
 * the files as they are written.
 */
export async function storeAdapter(
  dir: string,
  { plan, values, peft }: LoadedAdapter,
  { config, ...written }: { config: ModelConfig } & Pick<NewAdapter, "source" | "watch">,
): Promise<void> {
  const shapes = shapesOf(plan);
  const reader = values.openReader(shapes.map(({ name }) => name));
  try {
    await saveAdapterFolder(dir, {
      config: { ...peft, settings: writtenTargets(config, peft.settings) },
      tensors: shapes.map(({ name, shape }) => ({ name, shape, values: () => reader.next() })),
      ...written,
    });
  } finally {
    await reader.close();
  }
}
