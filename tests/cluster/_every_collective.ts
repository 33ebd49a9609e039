/** Every collective on numbers of a seed, as digests of what a rank ends with: the same over any wire. @module */
import { evenBounds, isPowerOfTwo, type Transport } from "../../core/cluster/transport.ts";
import { randomNumbers, shardValues } from "../core/cluster/_ranks.ts";

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes));
  return new Uint8Array(hash).slice(0, 8).toHex();
}

/** What a rank has after each collective, by its name, and the bytes that it has sent and received. */
export async function everyCollective(transport: Transport): Promise<Record<string, string>> {
  const { size, rank, part, counters } = transport;
  const results: Record<string, string> = {};
  // More than a message that MPI sends at once, and than a pipe or a socket holds.
  const length = 50_000;
  const random = randomNumbers(size);
  const cuts = Array.from({ length: size - 1 }, () => Math.floor(random() * length)).sort((a, b) => a - b);
  // Some parts are empty where a size allows it.
  const ragged = [0, ...cuts.map((cut, i) => i === 1 ? cuts[0]! : cut), length];
  for (const [kind, bounds] of Object.entries({ even: evenBounds(length, size, 64), ragged })) {
    const bytes = bounds.map((bound) => 4 * bound);
    if (isPowerOfTwo(size)) {
      for (const dtype of ["float32", "bfloat16"] as const) {
        const values = shardValues(rank, length, size);
        await transport.reduceScatter(values, bounds, dtype);
        await transport.allGather(new Uint8Array(values.buffer), bytes);
        results[`sum of ${kind} parts in ${dtype}`] = await digest(new Uint8Array(values.buffer));
      }
    }
    const gathered = new Uint8Array(4 * length);
    gathered.subarray(bytes[part], bytes[part + 1]).fill(rank + 1);
    await transport.allGather(gathered, bytes);
    results[`${kind} parts gathered`] = await digest(gathered);
  }
  for (let root = 0; root < size; root++) {
    const bytes = rank === root ? new Uint8Array(shardValues(root, 5000, 1).buffer) : new Uint8Array(20_000);
    await transport.broadcast(bytes, root);
    results[`broadcast from ${root}`] = await digest(bytes);
  }
  await transport.barrier();
  return { ...results, sent: String(counters.sent), received: String(counters.received) };
}
