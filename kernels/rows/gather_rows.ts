/** Gathers rows by index, and the backward pass of that. @module */
import eightsSource from "./gather_eights.wgsl" with { type: "text" };
import gatherSource from "./gather_rows.wgsl" with { type: "text" };
import storedSource from "./gather_stored.wgsl" with { type: "text" };
import scatterSource from "./scatter_rows.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import { columnGroups, longest } from "../device/rounds.ts";
import type { Slice } from "../device/slice.ts";
import { isQuantized, type Storage, STORAGE_FACTS, storedColumns } from "../storage/storage.ts";
import { eightReaderPart, readerPart } from "../storage/storage_text.ts";
import { byWidth, defineWidths } from "../vector.ts";
import { windowOn, windows } from "../window.ts";

const gather = defineWidths({
  name: "gather_rows",
  code: [INVOCATION, { name: "kernels/rows/gather_rows.wgsl", text: gatherSource }],
  bindings: { out: "readWrite", x: "read", index: "read" },
  uniforms: { rows: "u32", columns: "u32", first: "u32", window: "u32" },
});

const STORED_UNIFORMS = { rows: "u32", columns: "u32", first: "u32", window: "u32", stride: "u32" } as const;

const stored = new Map<string, Kernel<"out" | "x" | "index" | "scales", typeof STORED_UNIFORMS>>();

const scatter = defineWidths({
  name: "scatter_rows",
  code: [INVOCATION, { name: "kernels/rows/scatter_rows.wgsl", text: scatterSource }],
  bindings: { dx: "readWrite", starts: "read", entries: "read", dy: "read" },
  uniforms: { rows: "u32", columns: "u32" },
});

/** Buffers and sizes of {@linkcode gatherRows}. */
export interface GatherRows {
  /** Output, f32 [rows, columns]; rows whose index is below `sourceRows` are overwritten, others left alone. */
  out: Slice;
  /** [sourceRows, columns], stored as `storage` says, of any size unless it is quantized. */
  x: Slice;
  /** How x is stored (default "f32"). */
  storage?: Storage;
  /** The scales of a quantized x. */
  scales?: Slice;
  /** u32 [rows]. */
  index: Slice;
  rows: number;
  sourceRows: number;
  columns: number;
}

/** Records out[r] = x[index[r]] in float32, with one dispatch for each window of x that fits in a binding. */
export function gatherRows(commands: Commands, call: GatherRows): void {
  const { out, x, storage = "f32", scales, index, rows, sourceRows, columns } = call;
  const { device } = commands;
  const stride = storedColumns(storage, columns);
  const rowBytes = stride * STORAGE_FACTS[storage].bits / 8;
  const cut = isQuantized(storage)
    ? [{ first: 0, rows: sourceRows }]
    : windows(device, sourceRows, { rowBytes, of: x });
  for (const window of cut) {
    const buffers = { out, x: windowOn(device, x, { first: window.first, rowBytes }), index };
    const uniforms = { rows, first: window.first, window: window.rows };
    const shared = { workgroups: grid(device, rows), constants: { LANES: device.rowLanes } };
    if (storage === "f32") {
      const { kernel, width } = byWidth(gather, columns);
      commands.dispatch(kernel, { buffers, uniforms: { ...uniforms, columns: columns / width }, ...shared });
    } else {
      commands.dispatch(storedKernel(storage, columns), {
        buffers: { ...buffers, scales: scales ?? buffers.x },
        uniforms: { ...uniforms, columns, stride },
        ...shared,
      });
    }
  }
}

function storedKernel(storage: Exclude<Storage, "f32">, columns: number) {
  const isEights = columns % 8 === 0;
  const name = `gather_rows ${storage}${isEights ? " vec4" : ""}`;
  let kernel = stored.get(name);
  if (!kernel) {
    kernel = defineKernel({
      name,
      code: isEights
        ? [eightReaderPart(storage), INVOCATION, { name: "kernels/rows/gather_eights.wgsl", text: eightsSource }]
        : [readerPart(storage), INVOCATION, { name: "kernels/rows/gather_stored.wgsl", text: storedSource }],
      bindings: { out: "readWrite", x: "read", index: "read", scales: "read" },
      uniforms: STORED_UNIFORMS,
    });
    stored.set(name, kernel);
  }
  return kernel;
}

/** The rows of each index: those of index t are `entries[starts[t]] … entries[starts[t + 1] − 1]`. */
export interface RowIndex {
  /** [rows + 1]. */
  starts: Uint32Array<ArrayBuffer>;
  /** Ascending within each index. */
  entries: Uint32Array<ArrayBuffer>;
  /** The most entries that an index has. */
  most: number;
}

/** The inverse of `index`. Throws RangeError if a value is not below `rows`. */
export function invertIndex(index: ArrayLike<number>, rows: number): RowIndex {
  const starts = new Uint32Array(rows + 1);
  for (let r = 0; r < index.length; r++) {
    const t = index[r]!;
    if (!(t < rows)) throw new RangeError(`Cannot invert index: entry ${r} is ${t}, expected less than ${rows}`);
    starts[t + 1]!++;
  }
  for (let t = 0; t < rows; t++) starts[t + 1]! += starts[t]!;
  const next = starts.slice(0, rows);
  const entries = new Uint32Array(index.length);
  for (let r = 0; r < index.length; r++) entries[next[index[r]!]!++] = r;
  return { starts, entries, most: longest(starts) };
}

/** Buffers and sizes of {@linkcode scatterRows}. */
export interface ScatterRows {
  /** Output, all of it overwritten: f32 [rows, columns]. */
  dx: Slice;
  /** u32 [rows + 1], from {@linkcode invertIndex}. */
  starts: Slice;
  /** u32 [entries], from {@linkcode invertIndex}. */
  entries: Slice;
  /** f32 [entries, columns]. */
  dy: Slice;
  /** The most entries that a row has. */
  most: number;
  rows: number;
  columns: number;
}

/**
 * Records dx[t] = Σ dy[r] over the r whose index is t, in ascending order: the gradient of {@linkcode gatherRows}. Throws
 * RangeError where a row has more entries than the device's loops have rounds.
 */
export function scatterRows(commands: Commands, { dx, starts, entries, dy, most, rows, columns }: ScatterRows): void {
  const { kernel, width } = byWidth(scatter, columns);
  const lanes = commands.device.rowLanes;
  const groups = columnGroups(commands.device, { kernel: kernel.name, columns: columns / width, lanes, most });
  commands.dispatch(kernel, {
    buffers: { dx, starts, entries, dy },
    uniforms: { rows, columns: columns / width },
    workgroups: [...grid(commands.device, rows), groups],
    constants: { LANES: lanes },
  });
}
