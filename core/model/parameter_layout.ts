/** Where the parameters of a model lie: in a few flat buffers ("chunks") that optimizers and norms sweep. @module */
import { DeviceError } from "../../kernels/device/device_error.ts";
import { alignSlice } from "../../kernels/device/slice.ts";
import { elementsOf, type ParameterShape } from "./families/model_tensors.ts";

/** A parameter's place in a chunk. */
export interface ParameterPlace {
  /** Sizes, row-major; a projection is [out, in]. */
  readonly shape: readonly number[];
  /** Index of the chunk; of the first one, if it lies in several. */
  readonly chunk: number;
  /** Bytes from the chunk's start. */
  readonly offset: number;
  /** Number of elements. */
  readonly elements: number;
  /**
   * Of a tensor that is larger than a buffer: elements in each of its chunks but the last. They follow one another, and
   * hold nothing else.
   */
  readonly partElements?: number;
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
  /** Bytes of one buffer (default: any number). A matrix that is larger, and a group of its own, is cut by rows. */
  maxBufferBytes?: number;
  /** The rows at multiples of which a matrix may be cut (default 64). */
  cutRows?: number;
  /** Which parameters are trained (default: all). All parameters of a group must be, or none. */
  isTrained?: (name: string) => boolean;
}

/**
 * Plans the chunks. Tensors of one group lie end to end without a gap, so that q, k and v are also one matrix; groups
 * start at slice alignment. Tensors of one dimension come after the others, since weight decay does not apply to them
 * (as in Hugging Face's Trainer). Throws RangeError if only a part of a group is trained, DeviceError for a tensor that
 * no buffer can hold.
 */
export function planParameters(
  groups: readonly (readonly ParameterShape[])[],
  { maxBindingBytes, maxBufferBytes = Infinity, cutRows = 64, isTrained = () => true }: PlanParametersOptions,
): ParameterLayout {
  const places = new Map<string, ParameterPlace>();
  const chunks: Chunk[] = [];
  const most = Math.floor(maxBufferBytes / 4);
  const limit = Math.min(Math.floor(maxBindingBytes / 4), most);
  const open = (trained: boolean): Chunk => {
    const chunk = { elements: 0, decayed: 0, trained };
    chunks.push(chunk);
    return chunk;
  };
  // The chunk that may have room.
  let chunk: Chunk | undefined;
  for (const trained of [true, false]) {
    for (const decayed of [true, false]) {
      for (const group of groups) {
        if (isTrainedGroup(group, isTrained) !== trained || isDecayed(group) !== decayed) continue;
        const padded = paddedElements(group.reduce((sum, shape) => sum + elementsOf(shape), 0));
        if (padded > most) {
          const partElements = elementsOfPart(group, { most, cutRows });
          const [tensor] = group;
          const elements = elementsOf(tensor!);
          places.set(tensor!.name, { shape: tensor!.shape, chunk: chunks.length, offset: 0, elements, partElements });
          for (let first = 0; first < elements; first += partElements) {
            chunk = open(trained);
            chunk.elements = paddedElements(Math.min(partElements, elements - first));
            chunk.decayed = chunk.elements;
          }
          // What follows begins where it would after a tensor in one chunk of its own.
          chunk = undefined;
          continue;
        }
        if (!chunk || chunk.trained !== trained || chunk.elements + padded > limit) chunk = open(trained);
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

type Chunk = { -readonly [K in keyof ChunkSize]: ChunkSize[K] };

function paddedElements(elements: number): number {
  return alignSlice(elements * 4) / 4;
}

/** Elements in each part of a matrix that no buffer of `most` elements holds. Throws DeviceError if it cannot be cut. */
function elementsOfPart(
  group: readonly ParameterShape[],
  { most, cutRows }: { most: number; cutRows: number },
): number {
  const [{ shape }] = group as [ParameterShape];
  const rowElements = shape[1] ?? 0;
  const rows = group.length > 1 || shape.length !== 2 ? 0 : Math.floor(most / (rowElements * cutRows)) * cutRows;
  if (rows > 0) return rows * rowElements;
  const names = group.map(({ name }) => `"${name}"`).join(", ");
  const bytes = 4 * group.reduce((sum, shape) => sum + elementsOf(shape), 0);
  throw new DeviceError(
    `Cannot hold ${names}: size is ${bytes} bytes, the device's largest buffer is ${
      most * 4
    }, and only a matrix of its own is cut`,
    "memory",
  );
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
