/** Small texts of all ranks, told to all. @module */
import { partOf, type Transport } from "./transport.ts";

/** The text of each rank, in order of the ranks; each rank gives its own. All ranks have to call it. */
export async function gatherTexts(
  transport: Pick<Transport, "size" | "part" | "allGather">,
  text: string,
): Promise<string[]> {
  const { size, part } = transport;
  const own = new TextEncoder().encode(text);
  const lengths = new Uint32Array(size);
  lengths[part] = own.length;
  await transport.allGather(new Uint8Array(lengths.buffer), Array.from({ length: size + 1 }, (_, i) => 4 * i));
  const bounds = [0];
  for (const length of lengths) bounds.push(bounds.at(-1)! + length);
  const bytes = new Uint8Array(bounds[size]!);
  bytes.set(own, bounds[part]);
  await transport.allGather(bytes, bounds);
  return Array.from({ length: size }, (_, rank) => {
    const at = partOf(rank, size);
    return new TextDecoder().decode(bytes.subarray(bounds[at], bounds[at + 1]));
  });
}
