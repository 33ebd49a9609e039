/** How the bytes of a resume state come from the device and go to it, of one process or of several ranks. @module */
import type { Device } from "../../kernels/device/device.ts";
import { subslice } from "../../kernels/device/slice.ts";
import { openSliceReader, type SliceReader } from "../../kernels/device/stream.ts";
import { bytesOf } from "../cluster/bytes_of.ts";
import { partOf, type Transport } from "../cluster/transport.ts";
import type { StateBuffer, StateBuffers } from "./state_buffer.ts";

/** What writes and reads a state's file uses. */
export interface StateTransfer {
  /** Opens a reader of the buffers' whole bytes, in their order. */
  open(buffers: StateBuffers): SliceReader;
  /** Uploads bytes from byte `offset` of a buffer on. */
  write(buffers: StateBuffers, name: string, bytes: Uint8Array<ArrayBuffer>, offset: number): void | Promise<void>;
  /** Called once all is written. */
  finish(): void | Promise<void>;
}

/** The state of a process that holds all of it. */
export function ownState(device: Device): StateTransfer {
  return {
    open: (buffers) => openSliceReader(device, Object.values(buffers).map(({ slice }) => slice!)),
    write: (buffers, name, bytes, offset) => device.write(buffers[name]!.slice!, bytes, offset),
    finish: () => {},
  };
}

/** A part of a buffer that is sent at once is at most this large. */
const PIECE_BYTES = 16 * 2 ** 20;

/** The state of several ranks, for the first of them; the others call {@linkcode giveState} and {@linkcode takeState}. */
export function rankedState(device: Device, transport: Transport): StateTransfer {
  return {
    open(buffers) {
      const all = Object.values(buffers);
      let at = 0;
      return {
        next: () => readBuffer(device, transport, all[at++]!),
        close: () => Promise.resolve(),
      };
    },
    async write(buffers, name, bytes, offset) {
      await transport.broadcast(bytesOf(Float64Array.of(Object.keys(buffers).indexOf(name), offset, bytes.length)), 0);
      await transport.broadcast(bytes, 0);
      writeOwn(device, transport, { buffer: buffers[name]!, bytes, offset });
    },
    finish: () => transport.broadcast(bytesOf(new Float64Array(3)), 0),
  };
}

/** Gives the first rank what it asks of this one, to save it. */
export async function giveState(device: Device, transport: Transport, buffers: StateBuffers): Promise<void> {
  for (const buffer of Object.values(buffers)) {
    if (buffer.bounds) { for await (const _ of readBuffer(device, transport, buffer)); }
  }
}

/** Takes what the first rank has loaded. */
export async function takeState(device: Device, transport: Transport, buffers: StateBuffers): Promise<void> {
  const all = Object.values(buffers);
  const header = new Float64Array(3);
  while (true) {
    await transport.broadcast(bytesOf(header), 0);
    const [index, offset, length] = header as unknown as [number, number, number];
    if (length === 0) return;
    const bytes = new Uint8Array(length);
    await transport.broadcast(bytes, 0);
    writeOwn(device, transport, { buffer: all[index]!, bytes, offset });
  }
}

/** A buffer's bytes; where each rank has a part, each tells all of its own. */
async function* readBuffer(
  device: Device,
  transport: Transport,
  { slice, bounds }: StateBuffer,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (bounds === null) {
    const reader = openSliceReader(device, [slice!]);
    try {
      yield* reader.next();
    } finally {
      await reader.close();
    }
    return;
  }
  for (let part = 0; part < transport.size; part++) {
    const [first, end] = [bounds[part]!, bounds[part + 1]!];
    for (let at = first; at < end; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, end - at);
      const bytes = part === transport.part
        ? new Uint8Array((await device.readAll([subslice(slice!, at - first, length)]))[0]!)
        : new Uint8Array(length);
      // With its bits reversed, a rank's number is its part's and the other way round.
      await transport.broadcast(bytes, partOf(part, transport.size));
      yield bytes;
    }
  }
}

/** Writes what this rank holds of the bytes. */
function writeOwn(
  device: Device,
  { part }: Transport,
  { buffer: { slice, bounds, size }, bytes, offset }: {
    buffer: StateBuffer;
    bytes: Uint8Array<ArrayBuffer>;
    offset: number;
  },
): void {
  const [first, end] = bounds === null ? [0, size] : [bounds[part]!, bounds[part + 1]!];
  const [from, to] = [Math.max(first, offset), Math.min(end, offset + bytes.length)];
  if (to > from) device.write(slice!, bytes.subarray(from - offset, to - offset), from - first);
}
