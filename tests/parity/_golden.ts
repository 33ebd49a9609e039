/** Goldens: tiny random models, and the run that the reference program makes of them. @module */
import { fileURLToPath } from "node:url";
import type { Architecture } from "../_shared/oracle.ts";
import type { RunSettings } from "../_shared/run_settings.ts";
import type { Logged, Tensors } from "../_shared/trajectory.ts";

/** What a golden file holds. */
export interface Golden {
  /** The commands that made it, in its folder's parent. */
  commands: string[];
  /** Settings of the run. */
  settings: RunSettings;
  /** What was logged. */
  log: Logged[];
  /** Where the weights went. */
  weights: UpdateSketch;
  /** Where the noise generator went. */
  noise: UpdateSketch;
}

/** A change of tensors in few numbers. */
export interface UpdateSketch {
  /** Its norm. */
  norm: number;
  /** Norm of each tensor's change. */
  tensors: Record<string, number>;
  /** Sums over all of it under fixed random signs: the mean square of such sums is the square of the norm. */
  sums: number[];
}

const SUMS = 64;

/** The goldens' folder. */
export const GOLDENS: string = fileURLToPath(new URL("goldens/", import.meta.url));

/** Path of an architecture's golden; its model lies in the folder of the same name. */
export function goldenPath(arch: Architecture): string {
  return `${GOLDENS}${arch}.json`;
}

/** The sketch of `to − from`, tensors taken by name. */
export function sketchUpdate(from: Tensors, to: Tensors): UpdateSketch {
  const sums = new Array<number>(SUMS).fill(0);
  const tensors: Record<string, number> = {};
  let square = 0;
  let element = 0;
  for (const name of [...to.keys()].sort()) {
    const [a, b] = [from.get(name)!, to.get(name)!];
    let own = 0;
    for (let i = 0; i < b.length; i++, element++) {
      const change = b[i]! - a[i]!;
      own += change ** 2;
      const [low, high] = [hash(2 * element), hash(2 * element + 1)];
      for (let k = 0; k < SUMS; k++) sums[k]! += (k < 32 ? low >> k : high >> k - 32) & 1 ? change : -change;
    }
    tensors[name] = Math.sqrt(own);
    square += own;
  }
  return { norm: Math.sqrt(square), tensors, sums };
}

/** The norm of the difference of two changes, estimated from their sums (to about 9 %). */
export function sketchDistance(a: UpdateSketch, b: UpdateSketch): number {
  return Math.sqrt(a.sums.reduce((total, sum, k) => total + (sum - b.sums[k]!) ** 2, 0) / SUMS);
}

/** Mixes 32 bits (Murmur3's finalizer). */
function hash(value: number): number {
  let bits = Math.imul(value + 1, 0x9e3779b1);
  bits = Math.imul(bits ^ bits >>> 16, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 13, 0xc2b2ae35);
  return bits ^ bits >>> 16;
}
