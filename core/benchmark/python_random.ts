/** Random numbers as CPython's `random.Random` draws them, by which lm-eval chooses few-shot examples. @module */

const SIZE = 624;
const SHIFT = 397;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;

/** The generator MT19937 with the seed, the draws and the samples of CPython (Modules/_randommodule.c, Lib/random.py). */
export class PythonRandom {
  readonly #state = new Uint32Array(SIZE);
  #at = SIZE;

  /** `seed` is a whole number from 0 to 2⁵³ − 1. Throws a RangeError for any other. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`a seed is ${seed}, expected a whole number from 0`);
    }
    const high = Math.floor(seed / 2 ** 32);
    this.#seed(high === 0 ? [seed] : [seed % 2 ** 32, high]);
  }

  /** init_by_array(): the seed's words, the least significant first. */
  #seed(key: readonly number[]): void {
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
    let i = 1;
    const mixed = (factor: number): number => state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), factor);
    const step = (): void => {
      if (++i < SIZE) return;
      state[0] = state[SIZE - 1]!;
      i = 1;
    };
    for (let k = 0; k < SIZE; k++) {
      state[i] = mixed(1664525) + key[k % key.length]! + (k % key.length);
      step();
    }
    for (let k = 0; k < SIZE - 1; k++) {
      state[i] = mixed(1566083941) - i;
      step();
    }
    state[0] = UPPER;
  }

  #next(): number {
    const state = this.#state;
    if (this.#at >= SIZE) {
      for (let i = 0; i < SIZE; i++) {
        const y = (state[i]! & UPPER) | (state[(i + 1) % SIZE]! & LOWER);
        state[i] = state[(i + SHIFT) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.#at = 0;
    }
    let y = state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number of `bits` random bits, of which there are 1 to 32. */
  getrandbits(bits: number): number {
    return this.#next() >>> (32 - bits);
  }

  /** A number in [0, 1) with 53 random bits. */
  random(): number {
    const high = this.#next() >>> 5;
    return (high * 67108864 + (this.#next() >>> 6)) / 9007199254740992;
  }

  /** A whole number from 0 to `n` − 1; `n` is at most 2³² − 1. */
  randbelow(n: number): number {
    // As in CPython these are the bits of n, not of n − 1.
    const bits = 32 - Math.clz32(n);
    for (;;) {
      const drawn = this.getrandbits(bits);
      if (drawn < n) return drawn;
    }
  }

  /** `count` elements at different places of `pool`, in the order drawn. Throws a RangeError if there are not so many. */
  sample<T>(pool: readonly T[], count: number): T[] {
    const { length } = pool;
    if (count > length) throw new RangeError(`a sample has ${count} elements, expected at most the pool's ${length}`);
    let most = 21;
    if (count > 5) most += 4 ** Math.ceil(Math.log(count * 3) / Math.log(4));
    if (length <= most) {
      const rest = [...pool];
      return Array.from({ length: count }, (_, i) => {
        const j = this.randbelow(length - i);
        const drawn = rest[j]!;
        rest[j] = rest[length - i - 1]!;
        return drawn;
      });
    }
    const had = new Set<number>();
    return Array.from({ length: count }, () => {
      let j = this.randbelow(length);
      while (had.has(j)) j = this.randbelow(length);
      had.add(j);
      return pool[j]!;
    });
  }

  /** `count` elements, each drawn from all of `pool`. */
  choices<T>(pool: readonly T[], count: number): T[] {
    return Array.from({ length: count }, () => pool[Math.floor(this.random() * pool.length)]!);
  }
}
