/** Cutting what is larger than one binding into ranges of rows that each fit. @module */
import { type Device, type Slice, SLICE_ALIGNMENT, subslice } from "./device/device.ts";

/** A range of rows of a larger buffer. */
export interface Window {
  readonly first: number;
  readonly rows: number;
}

/** What {@linkcode windows} cuts. */
export interface WindowOptions {
  /** Bytes of a row. */
  rowBytes: number;
  /** Windows start at multiples of this many rows (default 1). */
  multiple?: number;
  /** Most bytes of a window (default: the device's largest binding). */
  limit?: number;
}

/** Ranges of rows that fit in one binding each and start at aligned bytes. Throws RangeError where no such range fits. */
export function windows(
  device: Device,
  rows: number,
  { rowBytes, multiple = 1, limit = device.limits.maxStorageBufferBindingSize }: WindowOptions,
): Window[] {
  if (rows * rowBytes <= limit) return rows > 0 ? [{ first: 0, rows }] : [];
  let step = multiple;
  while (step * rowBytes % SLICE_ALIGNMENT !== 0) step *= 2;
  const most = Math.floor(limit / (step * rowBytes)) * step;
  if (most === 0) {
    throw new RangeError(
      `Cannot bind ${rows} rows of ${rowBytes} bytes: ${step} rows at a time exceed the device's ${limit} bytes a binding`,
    );
  }
  const out: Window[] = [];
  for (let first = 0; first < rows; first += most) out.push({ first, rows: Math.min(most, rows - first) });
  return out;
}

/** The part of `slice` that holds the rows of a window. */
export function windowOf(slice: Slice, { first, rows }: Window, rowBytes: number): Slice {
  return subslice(slice, first * rowBytes, rows * rowBytes);
}

/**
 * The slice from a window's first row on, as far as a binding reaches: of the same size however many rows are used, so
 * that its bind groups are made once.
 */
export function windowOn(
  device: Device,
  slice: Slice,
  { first, rowBytes }: { first: number; rowBytes: number },
): Slice {
  const offset = first * rowBytes;
  return subslice(slice, offset, Math.min(slice.size - offset, device.limits.maxStorageBufferBindingSize));
}
