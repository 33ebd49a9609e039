/** Bytes of any length from the first rank to all. @module */
import type { Transport } from "./transport.ts";

/** Sends bytes to all other ranks, which call {@linkcode receiveBytes}. */
export async function sendBytes(transport: Transport, bytes: Uint8Array): Promise<void> {
  await transport.broadcast(new Uint8Array(Float64Array.of(bytes.length).buffer), 0);
  await transport.broadcast(bytes, 0);
}

/** Receives what the first rank sends with {@linkcode sendBytes}. */
export async function receiveBytes(transport: Transport): Promise<Uint8Array<ArrayBuffer>> {
  const length = new Float64Array(1);
  await transport.broadcast(new Uint8Array(length.buffer), 0);
  const bytes = new Uint8Array(length[0]!);
  await transport.broadcast(bytes, 0);
  return bytes;
}
