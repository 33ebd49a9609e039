/** One sequence whose cache stays between calls, so that a common beginning of two texts runs only once. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import type { AnyModel } from "../model/model.ts";
import { type AdvancedRow, Decoding, type DecodingOptions, type SamplingOptions } from "./decoding.ts";
import { RowPrefill } from "./prefill.ts";

/** How a text is continued. */
export interface ContinueOptions {
  /** The text's ids, at least one. */
  ids: readonly number[];
  /** The most tokens to sample; with the ids they must fit into the session. */
  maxNewTokens: number;
  settings: Pick<GenerationConfig, "temperature" | "top_p" | "top_k" | "seed">;
  /** Philox's counter, together with the position. */
  row: number;
  eosIds: readonly number[];
  /** Once aborted, stops after the tokens that are being run. */
  signal?: AbortSignal;
}

/** The most tokens of the text that are run at a time. */
const PREFILL = 256;
/** Milliseconds between two fences. A fence takes some 11 ms, so its share stays small, and text still flows. */
const FENCE_MS = 60;
const MAX_PER_FENCE = 32;

/** A model with a cache for one sequence of up to `maxLength` tokens. Throws DeviceError if the device is too small. */
export class DecodeSession {
  readonly maxLength: number;
  readonly #decoding: Decoding;
  readonly #prefill: RowPrefill;
  readonly #held: DisposableStack;
  /** The ids whose keys and values the cache holds, by position. */
  #cached: number[] = [];

  constructor(
    commands: Commands,
    model: AnyModel,
    { maxLength, cacheDtype }: Pick<DecodingOptions, "maxLength" | "cacheDtype">,
  ) {
    this.maxLength = maxLength;
    using held = new DisposableStack();
    this.#decoding = held.adopt(
      new Decoding(commands, model, { slots: 1, maxLength, tokensPerFence: MAX_PER_FENCE, cacheDtype }),
      (decoding) => decoding.free(),
    );
    this.#prefill = new RowPrefill(this.#decoding, Math.min(PREFILL, maxLength));
    this.#held = held.move();
  }

  /** The number of tokens at the beginning of `ids` that need not be run, because the last text began with them too. */
  reusable(ids: readonly number[]): number {
    const differing = this.#cached.findIndex((id, i) => id !== ids[i]);
    // The last token is always run, because its logits give the next one.
    return Math.min(differing === -1 ? this.#cached.length : differing, ids.length - 1);
  }

  /**
   * Continues a text, and yields sampled ids as they come, including the EOS. Throws RangeError if the text and its
   * continuation do not fit, DeviceError, and a UserError if a key or value is too large for the cache.
   */
  async *continue(options: ContinueOptions): AsyncGenerator<number[]> {
    const { ids, maxNewTokens, settings, row, eosIds, signal } = options;
    if (ids.length === 0 || maxNewTokens < 1 || ids.length + maxNewTokens > this.maxLength) {
      throw new RangeError(
        `Cannot continue ${ids.length} tokens by ${maxNewTokens}: expected at least 1 each, and ${this.maxLength} at most`,
      );
    }
    await this.#run(ids, signal);
    if (signal?.aborted) return;
    const position = ids.length - 1;
    this.#decoding.start([{ slot: 0, token: ids.at(-1)!, position, limit: position + maxNewTokens, row }]);
    const sampling = { settings, iteration: 0, eosIds };
    let [next, done, perFence, isRunning] = [ids.at(-1)!, 0, 1, true];
    while (isRunning && done < maxNewTokens && !signal?.aborted) {
      const started = performance.now();
      const [advanced] = await this.#advance(Math.min(perFence, maxNewTokens - done), sampling);
      const { ids: sampled, end } = advanced!;
      // The last sampled token has not been run yet, so the cache does not hold it.
      this.#cached.push(next, ...sampled.slice(0, -1));
      next = sampled.at(-1)!;
      done += sampled.length;
      isRunning = end === "running";
      const ms = performance.now() - started;
      if (ms < FENCE_MS / 2) perFence = Math.min(MAX_PER_FENCE, 2 * perFence);
      else if (ms > 2 * FENCE_MS) perFence = Math.max(1, Math.floor(perFence / 2));
      yield sampled;
    }
  }

  /** Frees its memory on the device. */
  free(): void {
    this.#held.dispose();
  }

  /** Samples tokens; after an error the cache holds nothing that can be used again. */
  async #advance(steps: number, sampling: SamplingOptions): Promise<AdvancedRow[]> {
    try {
      return await this.#decoding.advance(steps, sampling);
    } catch (error) {
      this.#cached.length = 0;
      throw error;
    }
  }

  /** Brings all of `ids` but the last into the cache. */
  async #run(ids: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    this.#cached.length = this.reusable(ids);
    while (this.#cached.length < ids.length - 1 && !signal?.aborted) {
      const first = this.#cached.length;
      const part = ids.slice(first, Math.min(first + this.#prefill.capacity, ids.length - 1));
      this.#prefill.run(part, first);
      this.#cached.push(...part);
      // Waiting gives the signal a chance to stop it.
      if (this.#cached.length < ids.length - 1) await this.#prefill.wait();
    }
  }
}
