/**
 * Collectives made of exchanges between pairs of ranks, in an order that this project fixes: a library's own sums differ
 * in their bits by its version and by the number of ranks (docs/development/decisions/0074-sums-by-pairs-of-ranks.md).
 * @module
 */
import { bf16ToF32, f32ToBf16 } from "../dtype.ts";
import { UserError } from "../error.ts";
import { bytesOf } from "./bytes_of.ts";
import { gatherTexts } from "./gather_texts.ts";
import { isPowerOfTwo, partOf, type Transport, type TransportCounters, type WireDtype } from "./transport.ts";
import { addNode, roundToBfloat16 } from "./tree_sum.ts";
import { AbortedError, CHUNK_BYTES, type Wire } from "./wire.ts";

/** Seconds that a rank waits for another one, unless told otherwise. */
export const DEFAULT_TIMEOUT = 600;

/**
 * A later round of one collective waits this much longer: its partner may itself wait for the rank that hangs, and who
 * waits for that one directly is to be the one that tells.
 */
const ROUND_SECONDS = 2;

/** How to open a transport. */
export interface TransportOptions {
  /** Seconds that a rank waits for another one (default 600). */
  timeout?: number;
}

/** Opens a transport over a wire; all ranks have to. Throws a RangeError for a timeout that is no time. */
export async function openTransport(
  wire: Wire,
  { timeout = DEFAULT_TIMEOUT }: TransportOptions = {},
): Promise<Transport> {
  if (!(timeout > 0 && timeout < 2 ** 31 / 1000 / 2)) {
    throw new RangeError(
      `Cannot wait ${timeout} seconds for other ranks, expected a number above 0 and below a million`,
    );
  }
  const transport = new PairwiseTransport(wire, timeout);
  transport.hosts = await gatherTexts(transport, wire.host);
  return transport;
}

/** One direction of an exchange: the rank at its other end, null for none, and the bytes. */
interface Direction {
  rank: number | null;
  bytes: Uint8Array;
}

class PairwiseTransport implements Transport {
  readonly rank: number;
  readonly size: number;
  readonly part: number;
  readonly counters: TransportCounters = { sent: 0, received: 0 };
  /** Unknown until all have told theirs. */
  hosts: readonly string[] = [];
  timeout: number;
  #wire: Wire;
  /** The call under way, and its round. */
  #call: string | null = null;
  #round = 0;

  constructor(wire: Wire, timeout: number) {
    this.rank = wire.rank;
    this.size = wire.size;
    this.part = partOf(wire.rank, wire.size);
    this.#wire = wire;
    this.timeout = timeout;
  }

  async reduceScatter(values: Float32Array, bounds: readonly number[], dtype: WireDtype = "float32"): Promise<void> {
    if (!isPowerOfTwo(this.size)) {
      throw new UserError(`Cannot sum over ${this.size} ranks, expected a power of two`);
    }
    checkBounds(bounds, this.size, values.length);
    await this.#run("reduceScatter", async () => {
      let [low, high] = [0, this.size];
      // Neighbours first: that is the tree's order, and the largest pieces stay between close ranks.
      for (let distance = 1; distance < this.size; distance *= 2) {
        const middle = (low + high) / 2;
        const isUpper = (this.rank & distance) !== 0;
        const [kept, given] = isUpper ? [[middle, high], [low, middle]] : [[low, middle], [middle, high]];
        const piece = ([from, to]: number[]): Float32Array => values.subarray(bounds[from!], bounds[to!]);
        await this.#addFrom(this.rank ^ distance, piece(kept!), piece(given!), dtype);
        [low, high] = kept as [number, number];
      }
    });
  }

  async allGather(bytes: Uint8Array, bounds: readonly number[]): Promise<void> {
    checkBounds(bounds, this.size, bytes.length);
    await this.#run("allGather", () => {
      return isPowerOfTwo(this.size) ? this.#gatherByDoubling(bytes, bounds) : this.#gatherByRing(bytes, bounds);
    });
  }

  async broadcast(bytes: Uint8Array, root: number): Promise<void> {
    if (!Number.isInteger(root) || root < 0 || root >= this.size) {
      throw new RangeError(`Cannot broadcast from rank ${root}, expected one of ${this.size}`);
    }
    await this.#run("broadcast", async () => {
      // Ranks counted from the root. In each round those below `distance` have the bytes, and give them that far on.
      const place = (this.rank - root + this.size) % this.size;
      const rankAt = (other: number): number => (other + root) % this.size;
      const none: Direction = { rank: null, bytes: new Uint8Array() };
      for (let distance = 1; distance < this.size; distance *= 2, this.#round++) {
        if (place < distance && place + distance < this.size) {
          await this.#move({ rank: rankAt(place + distance), bytes }, none);
        } else if (place >= distance && place < 2 * distance) {
          await this.#move(none, { rank: rankAt(place - distance), bytes });
        }
      }
    });
  }

  async barrier(): Promise<void> {
    await this.#run("barrier", async () => {
      // After the round of a distance, a rank has heard of twice as many before it.
      for (let distance = 1; distance < this.size; distance *= 2, this.#round++) {
        const to = (this.rank + distance) % this.size;
        const from = (this.rank - distance + this.size) % this.size;
        await this.#exchange({ rank: to, bytes: new Uint8Array() }, { rank: from, bytes: new Uint8Array() });
      }
    });
  }

  abort(code: number, why: string): Promise<never> {
    return this.#wire.abort(code, why);
  }

  async close(): Promise<void> {
    await this.barrier();
    await this.#wire.close();
  }

  /** One round of halving: gives a piece away, and adds what comes to the piece that is kept. */
  async #addFrom(rank: number, kept: Float32Array, given: Float32Array, dtype: WireDtype): Promise<void> {
    const step = CHUNK_BYTES / (dtype === "bfloat16" ? 2 : 4);
    for (let at = 0; at < Math.max(kept.length, given.length); at += step) {
      const [into, out] = [kept, given].map((piece) => piece.subarray(at, at + step));
      if (dtype === "bfloat16") roundToBfloat16(out!);
      const sent = dtype === "bfloat16" ? f32ToBf16(out!) : out!;
      const received = dtype === "bfloat16" ? new Uint16Array(into!.length) : new Float32Array(into!.length);
      await this.#move({ rank, bytes: bytesOf(sent) }, { rank, bytes: bytesOf(received) });
      addNode(into!, received instanceof Uint16Array ? bf16ToF32(received) : received, dtype);
    }
    this.#round++;
  }

  /** A power of two of ranks: each exchanges all that it has with one at half the distance. */
  async #gatherByDoubling(bytes: Uint8Array, bounds: readonly number[]): Promise<void> {
    let low = this.part;
    for (let count = 1; count < this.size; count *= 2, this.#round++) {
      // Parts have their bits in the reverse order of ranks: neighbours among parts are the furthest ranks.
      const rank = this.rank ^ (this.size / 2 / count);
      const other = low ^ count;
      const piece = (from: number): Uint8Array => bytes.subarray(bounds[from], bounds[from + count]);
      await this.#move({ rank, bytes: piece(low) }, { rank, bytes: piece(other) });
      low = Math.min(low, other);
    }
  }

  /** Any number of ranks: each gives its neighbour what it got last. */
  async #gatherByRing(bytes: Uint8Array, bounds: readonly number[]): Promise<void> {
    const { rank, size } = this;
    const piece = (part: number): Uint8Array => bytes.subarray(bounds[part], bounds[part + 1]);
    for (let step = 0; step < size - 1; step++, this.#round++) {
      const [out, into] = [(rank - step + size) % size, (rank - step - 1 + size) % size];
      const sent = { rank: (rank + 1) % size, bytes: piece(out) };
      await this.#move(sent, { rank: (rank - 1 + size) % size, bytes: piece(into) });
    }
  }

  /** Runs a collective. Two at a time would meet the other ranks' in any order. */
  async #run(call: string, work: () => Promise<void>): Promise<void> {
    if (this.#call !== null) {
      throw new TypeError(`Cannot begin ${call}: ${this.#call} is under way on rank ${this.rank}`);
    }
    [this.#call, this.#round] = [call, 0];
    try {
      await work();
    } finally {
      this.#call = null;
    }
  }

  /** Exchanges bytes in pieces of bounded size; a direction that has no more is left out. */
  async #move(sent: Direction, received: Direction): Promise<void> {
    for (let at = 0; at < Math.max(sent.bytes.length, received.bytes.length); at += CHUNK_BYTES) {
      const [out, into] = [sent, received].map(({ rank, bytes }): Direction => {
        const piece = bytes.subarray(at, at + CHUNK_BYTES);
        return { rank: piece.length > 0 ? rank : null, bytes: piece };
      });
      await this.#exchange(out!, into!);
      this.counters.sent += out!.bytes.length;
      this.counters.received += into!.bytes.length;
    }
  }

  /** One exchange within the deadline. Ends the job where it fails. */
  async #exchange(sent: Direction, received: Direction): Promise<void> {
    const late = Symbol();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<typeof late>((resolve) => {
      timer = setTimeout(() => resolve(late), 1000 * (this.timeout + ROUND_SECONDS * this.#round));
    });
    let problem: string;
    try {
      const done = this.#wire.exchange(sent.rank, sent.bytes, received.rank, received.bytes);
      if (await Promise.race([done, deadline]) !== late) return;
      problem = `no answer within ${this.timeout} s`;
    } catch (error) {
      if (error instanceof AbortedError) throw error;
      problem = error instanceof Error ? error.message : String(error);
    } finally {
      clearTimeout(timer);
    }
    const peers = [...new Set([received.rank, sent.rank])].filter((rank) => rank !== null);
    const others = peers.map((rank) => this.#describe(rank)).join(" or ");
    await this.abort(1, `Cannot go on: ${others} failed ${this.#describe(this.rank)} in ${this.#call}: ${problem}`);
  }

  #describe(rank: number): string {
    const host = rank === this.rank ? this.#wire.host : this.hosts[rank];
    return `rank ${rank}${host === undefined ? "" : ` on ${host}`}`;
  }
}

function checkBounds(bounds: readonly number[], size: number, length: number): void {
  const isWhole = bounds.length === size + 1 && bounds[0] === 0 && bounds[size] === length;
  if (isWhole && bounds.every((bound, i) => Number.isInteger(bound) && bound >= (bounds[i - 1] ?? 0))) return;
  throw new RangeError(
    `Cannot cut ${length} elements among ${size} ranks at ${bounds.slice(0, 8)}, expected ${
      size + 1
    } bounds from 0 to ${length}, none below the one before`,
  );
}
