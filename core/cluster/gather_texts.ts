/** Bytes and texts of all ranks, told to all. @module */
import { partOf, type Transport } from "./transport.ts";

/** What gathering needs of a transport. */
type Gatherer = Pick<Transport, "size" | "part" | "allGather">;

/** The bytes of each rank, in order of the ranks; each rank gives its own, of any length. All ranks have to call it. */
export async function gatherBytes(transport: Gatherer, own: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]> {
  const { size, part } = transport;
  const lengths = new Float64Array(size);
  lengths[part] = own.length;
  await transport.allGather(new Uint8Array(lengths.buffer), Array.from({ length: size + 1 }, (_, i) => 8 * i));
  const bounds = [0];
  for (const length of lengths) bounds.push(bounds.at(-1)! + length);
  const bytes = new Uint8Array(bounds[size]!);
  bytes.set(own, bounds[part]);
  await transport.allGather(bytes, bounds);
  return Array.from({ length: size }, (_, rank) => {
    const at = partOf(rank, size);
    return bytes.slice(bounds[at], bounds[at + 1]);
  });
}

/** The text of each rank, in order of the ranks; each rank gives its own. All ranks have to call it. */
export async function gatherTexts(transport: Gatherer, text: string): Promise<string[]> {
  const all = await gatherBytes(transport, new TextEncoder().encode(text));
  return all.map((bytes) => new TextDecoder().decode(bytes));
}
