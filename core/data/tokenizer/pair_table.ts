/** A table from pairs of small integers to integers. @module */

/** Maps pairs of integers from 0 to 2³¹ − 1 to integers from 0. Nothing is taken out again. */
export class PairTable {
  #slots: Int32Array;
  #mask: number;
  #size = 0;

  /** `expected` is the number of pairs that it is to take without growing. */
  constructor(expected: number) {
    const capacity = 1 << Math.max(4, 33 - Math.clz32(expected));
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(3 * capacity).fill(-1);
  }

  /** The value of a pair; −1 if there is none. */
  get(left: number, right: number): number {
    const slots = this.#slots;
    for (let slot = hash(left, right) & this.#mask;; slot = (slot + 1) & this.#mask) {
      const value = slots[3 * slot + 2]!;
      if (value === -1 || (slots[3 * slot] === left && slots[3 * slot + 1] === right)) return value;
    }
  }

  set(left: number, right: number, value: number): void {
    if (2 * this.#size > this.#mask) this.#grow();
    const slots = this.#slots;
    for (let slot = hash(left, right) & this.#mask;; slot = (slot + 1) & this.#mask) {
      const isFree = slots[3 * slot + 2] === -1;
      if (!isFree && (slots[3 * slot] !== left || slots[3 * slot + 1] !== right)) continue;
      if (isFree) this.#size++;
      slots[3 * slot] = left;
      slots[3 * slot + 1] = right;
      slots[3 * slot + 2] = value;
      return;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Int32Array(3 * (this.#mask + 1)).fill(-1);
    this.#size = 0;
    for (let i = 0; i < before.length; i += 3) {
      if (before[i + 2] !== -1) this.set(before[i]!, before[i + 1]!, before[i + 2]!);
    }
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15) ^ (mixed >>> 7);
}
