/** Reads stored weights back as float32, in windows of rows, and what is added to them. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { gatherRows } from "../../kernels/rows/gather_rows.ts";
import { largest } from "../values.ts";
import type { ModelWeights, TensorPlace, TensorReader } from "./model_weights.ts";

/** Rows of a tensor on the device. */
export interface RowWindow {
  name: string;
  /** f32 [rows, columns]. */
  values: Slice;
  firstRow: number;
  rows: number;
}

/** What {@linkcode openStoredReader} reads. */
export interface StoredReaderOptions {
  weights: ModelWeights;
  /** Tensors in the order in which they are read. */
  names: readonly string[];
  /** Records what changes rows before they are read. */
  change?: (commands: Commands, window: RowWindow) => void;
}

const WINDOW_BYTES = 16 * 2 ** 20;

/** Opens a reader of stored tensors; one fence a window. The weights stay as they are. */
export function openStoredReader(device: Device, { weights, names, change }: StoredReaderOptions): TensorReader {
  const places = names.map((name) => weights.locate(name));
  const rows = largest(places, mostRows);
  const words = largest(places, (place) => mostRows(place) * place.columns);
  const commands = new Commands(device);
  const [values, index] = [device.alloc(words * 4, "rows to read"), device.alloc(rows * 4, "indices to read")];
  let at = 0;

  async function* next(): AsyncGenerator<Float32Array<ArrayBuffer>> {
    const [name, place] = [names[at], places[at++]];
    if (name === undefined || !place) throw new RangeError(`Cannot read tensor ${at}: there are ${names.length}`);
    const { matrix: { storage, data, scales }, matrixRows, columns } = place;
    for (let first = 0; first < place.rows; first += mostRows(place)) {
      const count = Math.min(mostRows(place), place.rows - first);
      device.write(index, Uint32Array.from({ length: count }, (_, i) => place.firstRow + first + i));
      gatherRows(commands, {
        out: values,
        x: data,
        storage,
        ...(scales && { scales }),
        index,
        rows: count,
        sourceRows: matrixRows,
        columns,
      });
      change?.(commands, { name, values, firstRow: first, rows: count });
      commands.submit();
      yield new Float32Array(await device.read(subslice(values, 0, count * columns * 4)));
    }
  }

  return {
    next,
    close: () => {
      for (const slice of [values, index]) device.free(slice);
      commands[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

function mostRows({ rows, columns }: TensorPlace): number {
  return Math.min(rows, Math.max(1, Math.floor(WINDOW_BYTES / (4 * columns))));
}
