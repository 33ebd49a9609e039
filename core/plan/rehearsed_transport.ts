/** One of ranks that are not there, for rehearsals. @module */
import { DEFAULT_TIMEOUT } from "../cluster/pairwise_transport.ts";
import { partOf, type Transport } from "../cluster/transport.ts";

/** The rank that owns a part among `size` ranks, a power of two. Nothing is sent, and nobody is waited for. */
export function rehearsedTransport(part: number, size: number): Transport {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    // Reversing the order of the bits twice gives the number again.
    rank: partOf(part, size),
    size,
    part,
    hosts: Array(size).fill("rehearsal"),
    timeout: DEFAULT_TIMEOUT,
    counters: { sent: 0, received: 0 },
    reduceScatter: nothing,
    allGather: nothing,
    broadcast: nothing,
    barrier: nothing,
    close: nothing,
    abort: (_, why) => Promise.reject(new Error(why)),
  };
}
