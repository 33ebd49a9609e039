/** How the model's parts see its parameters: where the numbers are, how they are stored, what is trained. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import type { ParameterBuffers } from "./parameter_buffers.ts";

/** A parameter on the device, or several whose rows lie end to end and act as one. */
export interface Parameter {
  /** Hugging Face names. */
  readonly names: readonly string[];
  /** Sizes, row-major; the rows are those of all names together. */
  readonly shape: readonly number[];
  /** Storage type of its numbers. */
  readonly storage: "f32";
  /** The buffer that holds its numbers. */
  readonly data: Slice;
  /** The buffer in which its gradient is summed, in float32; null if it is frozen. */
  readonly gradient: Slice | null;
  /** The low-rank adapter that is added to it; no adapter is implemented yet. */
  readonly adapter: null;
}

/** The parameters of a model. */
export interface Parameters {
  /** One parameter, or several that lie end to end. Throws RangeError for an unknown name. */
  get(...names: readonly string[]): Parameter;
}

/**
 * The parameters in `values`. Those that `gradients` holds too are trained: a layout of gradients has no others.
 * Without gradients, all are frozen.
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
