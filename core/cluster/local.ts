/** N logical ranks in one process, for tests: the same collectives over bytes that are copied. @module */
import { openTransport, type TransportOptions } from "./pairwise_transport.ts";
import type { Transport } from "./transport.ts";
import { AbortedError, type Wire } from "./wire.ts";

/** What a rank has sent and another one has not yet taken. */
interface Message {
  bytes: Uint8Array;
  taken: () => void;
}

/** What waits on one way from a rank to another: messages or takers, never both. */
interface Way {
  messages: Message[];
  takers: ((message: Message) => void)[];
}

/** The job that logical ranks share. */
class LocalJob {
  #ways = new Map<string, Way>();
  #ended = Promise.withResolvers<never>();

  constructor() {
    // Where nobody waits, nobody hears of it.
    this.#ended.promise.catch(() => {});
  }

  /** Resolves once the bytes were taken. */
  async send(from: number, to: number, bytes: Uint8Array): Promise<void> {
    const { messages, takers } = this.#way(from, to);
    const { promise, resolve: taken } = Promise.withResolvers<void>();
    const message = { bytes: bytes.slice(), taken };
    const taker = takers.shift();
    if (taker) taker(message);
    else messages.push(message);
    await Promise.race([promise, this.#ended.promise]);
  }

  async receive(from: number, to: number, into: Uint8Array): Promise<void> {
    const { messages, takers } = this.#way(from, to);
    const { promise, resolve } = Promise.withResolvers<Message>();
    const message = messages.shift();
    if (message) resolve(message);
    else takers.push(resolve);
    const { bytes, taken } = await Promise.race([promise, this.#ended.promise]);
    if (bytes.length !== into.length) throw new Error(`${bytes.length} bytes came, expected ${into.length}`);
    into.set(bytes);
    taken();
  }

  end(why: string): Promise<never> {
    this.#ended.reject(new AbortedError(why));
    return this.#ended.promise;
  }

  #way(from: number, to: number): Way {
    const key = `${from} ${to}`;
    const way = this.#ways.get(key) ?? { messages: [], takers: [] };
    this.#ways.set(key, way);
    return way;
  }
}

function localWire(job: LocalJob, { rank, size, host }: Pick<Wire, "rank" | "size" | "host">): Wire {
  return {
    rank,
    size,
    host,
    exchange: async (to, sent, from, received) => {
      await Promise.all([
        to !== null && job.send(rank, to, sent),
        from !== null && job.receive(from, rank, received),
      ]);
    },
    abort: (_, why) => job.end(why),
    close: () => Promise.resolve(),
  };
}

/** How to open logical ranks. */
export interface LocalOptions extends TransportOptions {
  /** Names of the machines that the ranks pretend to be on (default: all on "local"). */
  hosts?: readonly string[];
}

/** Opens the transports of `size` logical ranks. Each rank's calls have to run beside the others', as by Promise.all. */
export function openLocal(size: number, { hosts, ...options }: LocalOptions = {}): Promise<Transport[]> {
  const job = new LocalJob();
  const ranks = Array.from({ length: size }, (_, rank) => ({ rank, size, host: hosts?.[rank] ?? "local" }));
  return Promise.all(ranks.map((rank) => openTransport(localWire(job, rank), options)));
}
