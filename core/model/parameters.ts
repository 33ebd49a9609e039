/** How the model's parts see its parameters: where the numbers are, how they are stored, what is trained. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import type { Storage } from "../../kernels/storage/storage.ts";
import type { AdapterGroup, AdapterModule, AdapterPlan } from "./adapter_plan.ts";
import { elementsOf } from "./families/model_tensors.ts";
import type { ModelWeights } from "./model_weights.ts";
import type { ParameterBuffers } from "./parameter_buffers.ts";

/** A parameter on the device, or several whose rows lie end to end and act as one. */
export interface Parameter {
  /** Hugging Face names. */
  readonly names: readonly string[];
  /** Sizes, row-major; the rows are those of all names together. */
  readonly shape: readonly number[];
  /** Storage type of its numbers. */
  readonly storage: Storage;
  /** The buffer that holds its numbers, or codes. */
  readonly data: Slice;
  /** The scales of codes; null if it is not quantized. */
  readonly scales: Slice | null;
  /** The buffer in which its gradient is summed, in float32; null if it is frozen. */
  readonly gradient: Slice | null;
  /** The low-rank adapter that is added to it; null if it has none. */
  readonly adapter: AdapterParameter | null;
}

/** The low-rank adapters of the modules of a matrix. */
export interface AdapterParameter {
  /** Their A, end to end: [ranks, inputs]. */
  readonly down: Trained;
  /** Their B, end to end: [outputs, rank] each. */
  readonly up: Trained;
  readonly inputs: number;
  /** Sum of their ranks. */
  readonly ranks: number;
  readonly modules: readonly (AdapterModule & {
    /** Element of `up` where the module's B begins. */
    readonly firstUp: number;
  })[];
}

/** Numbers and, if they are trained, the sums of their gradients. */
export interface Trained {
  readonly data: Slice;
  readonly gradient: Slice | null;
}

/** The parameters of a model. */
export interface Parameters {
  /** One parameter, or several that lie end to end. Throws RangeError for an unknown name. */
  get(...names: readonly string[]): Parameter;
  /** The most columns that an adapter's x·Aᵀ has; 0 without adapters. */
  readonly ranks: number;
}

/** Adapters on the device. */
export interface Adapter {
  /** Which modules have one. */
  readonly plan: AdapterPlan;
  /** A and B of every module, f32. */
  readonly values: ParameterBuffers;
}

/** What is added to a model's values, and what of them is trained. */
export interface ParameterOptions {
  /** Gradients of the values; a layout of gradients has no frozen ones. Without it, all values are frozen. */
  gradients?: ParameterBuffers | null;
  /** Adapters that are added to the matrices. */
  adapter?: Adapter | null;
  /** Gradients of the adapters' values. Without it, these are frozen. */
  adapterGradients?: ParameterBuffers | null;
}

/** The parameters in `values`. */
export function parametersOf(
  values: ModelWeights,
  { gradients = null, adapter = null, adapterGradients = null }: ParameterOptions = {},
): Parameters {
  const known = new Map<string, Parameter>();
  const read = (names: readonly string[]): Parameter => {
    const shapes = names.map((name) => values.shapeOf(name));
    const [first] = shapes;
    const group = adapter?.plan.groups.get(names[0]!);
    return {
      names,
      shape: [shapes.reduce((rows, shape) => rows + shape[0]!, 0), ...first!.slice(1)],
      ...values.stored(...names),
      gradient: gradients?.layout.places.has(names[0]!) ? gradients.view(...names) : null,
      adapter: group ? adapterParameter(group, { values: adapter!.values, gradients: adapterGradients }) : null,
    };
  };
  return {
    ranks: adapter?.plan.ranks ?? 0,
    get(...names) {
      const key = names.join();
      let parameter = known.get(key);
      if (!parameter) known.set(key, parameter = read(names));
      return parameter;
    },
  };
}

function adapterParameter(
  { modules, ranks }: AdapterGroup,
  { values, gradients }: { values: ParameterBuffers; gradients: ParameterBuffers | null },
): AdapterParameter {
  const trained = (role: "down" | "up"): Trained => {
    const names = modules.map((module) => module[role].name);
    return { data: values.view(...names), gradient: gradients?.view(...names) ?? null };
  };
  let end = 0;
  return {
    down: trained("down"),
    up: trained("up"),
    inputs: modules[0]!.inputs,
    ranks,
    modules: modules.map((module) => {
      const firstUp = end;
      end += elementsOf(module.up);
      return { ...module, firstUp };
    }),
  };
}
