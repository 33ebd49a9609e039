/** What the model's parts read of its parameters: where the numbers lie, how they are stored, and what is trained. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import type { ParameterBuffers } from "./parameter_buffers.ts";

/** A parameter on the device, or several whose rows lie end to end and act as one. */
export interface Parameter {
  /** Hugging Face names. */
  readonly names: readonly string[];
  /** Sizes, row-major; rows of all names together. */
  readonly shape: readonly number[];
  /** How its numbers are stored. */
  readonly storage: "f32";
  /** Where they lie. */
  readonly data: Slice;
  /** Where its gradient is added up, in float32; null where it is frozen. */
  readonly gradient: Slice | null;
  /** The low-rank adapter that is added to it; no adapter is implemented yet. */
  readonly adapter: null;
}

/** The parameters of a model. */
export interface Parameters {
  /** One parameter, or several that lie end to end. Throws RangeError for a name that is not there. */
  get(...names: readonly string[]): Parameter;
}

/**
 * The parameters in `values`, of which those that `gradients` holds are trained: a layout of gradients has the trained
 * ones alone. Without gradients all are frozen.
 */
export function parametersOf(values: ParameterBuffers, gradients: ParameterBuffers | null = null): Parameters {
  const known = new Map<string, Parameter>();
  const read = (names: readonly string[]): Parameter => {
    const shapes = names.map((name) => values.place(name).shape);
    const [first] = shapes;
    return {
      names,
      shape: [shapes.reduce((rows, shape) => rows + shape[0]!, 0), ...first!.slice(1)],
      storage: "f32",
      data: values.view(...names),
      gradient: gradients?.layout.places.has(names[0]!) ? gradients.view(...names) : null,
      adapter: null,
    };
  };
  return {
    get(...names) {
      const key = names.join();
      let parameter = known.get(key);
      if (!parameter) known.set(key, parameter = read(names));
      return parameter;
    },
  };
}
