/** Where the parameters of a model lie: in a few flat buffers ("chunks") that optimizers and norms sweep. @module */
import { alignSlice } from "../../kernels/device/slice.ts";
import { elementsOf, type ParameterShape } from "./families/model_tensors.ts";

/** A parameter's place in a chunk. */
export interface ParameterPlace {
  /** Sizes, row-major; a projection is [out, in]. */
  readonly shape: readonly number[];
  /** Index of the chunk. */
  readonly chunk: number;
  /** Bytes from the chunk's start. */
  readonly offset: number;
  /** Number of elements. */
  readonly elements: number;
}

/** Sizes of a flat buffer. */
export interface ChunkSize {
  /** Number of elements, padding between the groups included. */
  readonly elements: number;
  /** How many elements, from the first on, weight decay applies to. */
  readonly decayed: number;
  /** Whether its parameters are trained: all of a chunk are, or none is. */
  readonly trained: boolean;
}

/** The plan that weights, gradients and optimizer moments share; trained chunks come first. */
export interface ParameterLayout {
  /** Places of the parameters, by their Hugging Face names. */
  readonly places: ReadonlyMap<string, ParameterPlace>;
  /** Sizes of the chunks. */
  readonly chunks: readonly ChunkSize[];
}

/** How {@linkcode planParameters} places parameters. */
export interface PlanParametersOptions {
  /** Bytes of one binding. No chunk exceeds it, unless a single group is larger. */
  maxBindingBytes: number;
  /** Which parameters are trained (default: all). All parameters of a group must be, or none. */
  isTrained?: (name: string) => boolean;
}

/**
 * Plans the chunks. Tensors of one group lie end to end without a gap, so that q, k and v are also one matrix; groups
 * start at slice alignment. Tensors of one dimension come after the others, since weight decay does not apply to them
 * (as in Hugging Face's Trainer). Throws RangeError if only a part of a group is trained.
 */
export function planParameters(
  groups: readonly (readonly ParameterShape[])[],
  { maxBindingBytes, isTrained = () => true }: PlanParametersOptions,
): ParameterLayout {
  const places = new Map<string, ParameterPlace>();
  const chunks: { elements: number; decayed: number; trained: boolean }[] = [];
  const limit = Math.floor(maxBindingBytes / 4);
  for (const trained of [true, false]) {
    for (const decayed of [true, false]) {
      for (const group of groups) {
        if (isTrainedGroup(group, isTrained) !== trained || isDecayed(group) !== decayed) continue;
        const padded = alignSlice(group.reduce((sum, shape) => sum + elementsOf(shape), 0) * 4) / 4;
        let chunk = chunks.at(-1);
        if (!chunk || chunk.trained !== trained || chunk.elements + padded > limit) {
          chunks.push(chunk = { elements: 0, decayed: 0, trained });
        }
        let offset = chunk.elements * 4;
        for (const { name, shape } of group) {
          const elements = elementsOf({ shape });
          places.set(name, { shape, chunk: chunks.length - 1, offset, elements });
          offset += elements * 4;
        }
        chunk.elements += padded;
        if (decayed) chunk.decayed = chunk.elements;
      }
    }
  }
  return { places, chunks };
}

/** The part of a layout that is trained: what gradients and moments need, at the same places. */
export function trainedPart({ places, chunks }: ParameterLayout): ParameterLayout {
  return {
    places: new Map([...places].filter(([, { chunk }]) => chunks[chunk]!.trained)),
    chunks: chunks.filter(({ trained }) => trained),
  };
}

function isDecayed(group: readonly ParameterShape[]): boolean {
  return group.every(({ shape }) => shape.length > 1);
}

/** Whether tensors that act as one are trained (default: they are). Throws RangeError if only a part of them is. */
export function isTrainedGroup(
  group: readonly ParameterShape[],
  isTrained: (name: string) => boolean = () => true,
): boolean {
  const [first, ...rest] = group.map(({ name }) => isTrained(name));
  if (rest.every((one) => one === first)) return first!;
  throw new RangeError(
    `Cannot train a part of [${group.map(({ name }) => name).join(", ")}]: they act as one, expected all or none`,
  );
}
