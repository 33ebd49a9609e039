/** Measures what of a training is lost where a model is saved in 16 bits. @module */
import { decodeFloat32, type Dtype, encodeFloat32 } from "../dtype.ts";
import type { ModelFolder } from "./model_folder.ts";

/**
 * Compares the weights that pass through it with those that training began with, and with what they become in the
 * storage type. A weight changes by at least a step of that type, or not at all, so that small changes vanish.
 */
export class RoundingMeter {
  readonly #before: Pick<ModelFolder, "streamTensor">;
  readonly #dtype: Dtype;
  #changed = 0;
  #lost = 0;

  /** `before` has the weights that training began with. */
  constructor(before: Pick<ModelFolder, "streamTensor">, dtype: Dtype) {
    this.#before = before;
    this.#dtype = dtype;
  }

  /** ‖rounding‖ / ‖change‖ over all weights, both as Euclidean norms; null if nothing has changed. */
  get share(): number | null {
    return this.#changed === 0 ? null : Math.sqrt(this.#lost / this.#changed);
  }

  /** Yields the pieces of a tensor as they come, and counts them. */
  async *measure(name: string, pieces: AsyncIterable<Float32Array>): AsyncGenerator<Float32Array> {
    const before = this.#before.streamTensor(name);
    let [old, at] = [new Float32Array(), 0];
    try {
      for await (const values of pieces) {
        const bytes = Uint8Array.from(encodeFloat32(values, this.#dtype));
        const rounded = decodeFloat32(bytes, this.#dtype);
        for (let i = 0; i < values.length;) {
          if (at === old.length) [old, at] = [(await before.next()).value!, 0];
          const end = Math.min(values.length, i + old.length - at);
          for (; i < end; i++, at++) {
            this.#changed += (values[i]! - old[at]!) ** 2;
            this.#lost += (rounded[i]! - values[i]!) ** 2;
          }
        }
        yield values;
      }
    } finally {
      await before.return(undefined);
    }
  }
}
