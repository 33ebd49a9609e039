/** Seeded random numbers, the same on every machine. @module */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform among 0 … `below` − 1. */
  integer(below: number): number;
  /** Standard normal. */
  normal(): number;
}

/** The stream of `seed`, an integer: a counter in odd steps, scrambled by multiplications and shifts. */
export function createRandom(seed: number): Random {
  let counter = scramble(seed ^ 0x5bd1e995);
  const uniform = (): number => {
    counter = (counter + 0x9e3779b9) | 0;
    return (scramble(counter) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    integer: (below) => Math.floor(uniform() * below),
    normal() {
      // 1 − u is never 0, whose logarithm is infinite.
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    },
  };
}

function scramble(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
