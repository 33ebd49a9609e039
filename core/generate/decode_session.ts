/** One sequence over a KV cache that stays between calls: what a text begins with in common with the last one is not run again. @module */
import { attentionDecode } from "../../kernels/attention/attention_decode.ts";
import { kvStore } from "../../kernels/attention/kv_cache.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/device.ts";
import { decodeStep, FINISHED, NO_TOKEN } from "../../kernels/sampling/decode_step.ts";
import { sampleTokens } from "../../kernels/sampling/sampling.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { BufferSet, type ForwardBuffers, forwardBuffers } from "../model/activations.ts";
import { createDecoder, decoderForward } from "../model/decoder.ts";
import type { AttentionContext, Decoder, TokenBuffers } from "../model/decoder_types.ts";
import { recordLogits } from "../model/logits.ts";
import type { Model } from "../model/model.ts";

/** How a text is continued. */
export interface ContinueOptions {
  /** The text's ids, at least one. */
  ids: readonly number[];
  /** Tokens at most; with the ids they must fit into the session. */
  maxNewTokens: number;
  settings: Pick<GenerationConfig, "temperature" | "top_p" | "top_k" | "seed">;
  /** Philox's counter beside the position. */
  row: number;
  eosIds: readonly number[];
  /** Aborted where it is to stop after the tokens at hand. */
  signal?: AbortSignal;
}

/** Tokens of the text that are run at a time. */
const PREFILL = 256;
/** A fence takes some 11 ms: this long between two keeps its share small, and text still flows. */
const FENCE_MS = 60;
const MAX_PER_FENCE = 32;

/** A model with a cache for one sequence of up to `maxLength` tokens. Throws DeviceError where the device is too small. */
export class Session {
  readonly maxLength: number;
  readonly #commands: Commands;
  readonly #model: Model;
  readonly #set: BufferSet;
  readonly #decoder: Decoder;
  readonly #cache: readonly { k: Slice; v: Slice }[];
  readonly #prefill: { ids: Slice; position: Slice; slot: Slice; buffers: ForwardBuffers };
  readonly #decode: ForwardBuffers;
  /** Of the one row that is decoded. */
  readonly #state: Record<"token" | "position" | "limit" | "finished" | "slot" | "row", Slice>;
  readonly #sampled: Slice;
  readonly #out: Slice;
  readonly #logits: Slice;
  /** The ids whose keys and values the cache holds, in their places. */
  #cached: number[] = [];

  constructor(commands: Commands, model: Model, { maxLength }: { maxLength: number }) {
    const { config } = model;
    this.maxLength = maxLength;
    this.#commands = commands;
    this.#model = model;
    const set = this.#set = new BufferSet(commands.device);
    this.#decoder = createDecoder(commands.device, { config, maxPositions: maxLength });
    const cache = (name: string): Slice => set.words(maxLength * config.numKvHeads * config.headDim, name, "KV cache");
    this.#cache = Array.from({ length: config.numLayers }, (_, n) => ({
      k: cache(`k cache ${n}`),
      v: cache(`v cache ${n}`),
    }));
    const capacity = Math.min(PREFILL, maxLength);
    this.#prefill = {
      ids: set.words(capacity, "prefill ids"),
      position: set.words(capacity, "prefill positions"),
      slot: set.words(capacity, "prefill slots"),
      buffers: forwardBuffers(set, { config, capacity, keep: false }),
    };
    commands.device.write(this.#prefill.slot, new Uint32Array(capacity));
    this.#decode = forwardBuffers(set, { config, capacity: 1, keep: false });
    const word = (name: string): Slice => set.words(1, name);
    this.#state = {
      token: word("token"),
      position: word("position"),
      limit: word("limit"),
      finished: word("finished"),
      slot: word("slot"),
      row: word("row"),
    };
    this.#sampled = word("sampled");
    this.#out = set.words(MAX_PER_FENCE, "sampled tokens");
    this.#logits = set.words(config.vocabSize, "logits", "LM head");
  }

  /** Tokens of `ids` that need not be run, as the last text began with them. */
  reusable(ids: readonly number[]): number {
    const differing = this.#cached.findIndex((id, i) => id !== ids[i]);
    // The last token is always run: its logits give the next.
    return Math.min(differing === -1 ? this.#cached.length : differing, ids.length - 1);
  }

  /**
   * Continues a text and yields sampled ids as they come, the EOS too. Throws RangeError where the text and its
   * continuation do not fit, DeviceError.
   */
  async *continue(options: ContinueOptions): AsyncGenerator<number[]> {
    const { ids, maxNewTokens, row, signal } = options;
    if (ids.length === 0 || maxNewTokens < 1 || ids.length + maxNewTokens > this.maxLength) {
      throw new RangeError(
        `Cannot continue ${ids.length} tokens by ${maxNewTokens}: expected at least 1 each, and ${this.maxLength} at most`,
      );
    }
    await this.#run(ids, signal);
    if (signal?.aborted) return;
    const { device } = this.#commands;
    const words = (value: number): Uint32Array<ArrayBuffer> => Uint32Array.of(value);
    device.write(this.#state.token, words(ids.at(-1)!));
    device.write(this.#state.position, words(ids.length - 1));
    device.write(this.#state.limit, words(ids.length - 1 + maxNewTokens));
    device.write(this.#state.finished, words(FINISHED.running));
    device.write(this.#state.slot, words(0));
    device.write(this.#state.row, words(row));
    let [next, done, perFence, isRunning] = [ids.at(-1)!, 0, 1, true];
    while (isRunning && done < maxNewTokens && !signal?.aborted) {
      const started = performance.now();
      const steps = Math.min(perFence, maxNewTokens - done);
      const sample = this.#commands.repeatable(() => this.#sampleOne(options));
      for (let index = 0; index < steps; index++) {
        sample();
        this.#takeSampled(index, options);
      }
      this.#commands.submit();
      const [out, finished] = await device.readAll([subslice(this.#out, 0, steps * 4), this.#state.finished]);
      const sampled = [...new Uint32Array(out!)].filter((id) => id !== NO_TOKEN);
      // The last sampled token has been run by nothing yet.
      this.#cached.push(next, ...sampled.slice(0, -1));
      next = sampled.at(-1)!;
      done += sampled.length;
      isRunning = new Uint32Array(finished!)[0] === FINISHED.running;
      const ms = performance.now() - started;
      if (ms < FENCE_MS / 2) perFence = Math.min(MAX_PER_FENCE, 2 * perFence);
      else if (ms > 2 * FENCE_MS) perFence = Math.max(1, Math.floor(perFence / 2));
      yield sampled;
    }
  }

  /** Gives the device's memory back. */
  free(): void {
    this.#set.free();
    this.#commands.device.free(this.#decoder.rope);
  }

  /** Brings all of `ids` but the last one into the cache. */
  async #run(ids: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    const { ids: slice, position, slot, buffers } = this.#prefill;
    const { device } = this.#commands;
    this.#cached.length = this.reusable(ids);
    while (this.#cached.length < ids.length - 1 && !signal?.aborted) {
      const first = this.#cached.length;
      const part = ids.slice(first, Math.min(first + buffers.capacity, ids.length - 1));
      device.write(slice, Uint32Array.from(part));
      device.write(position, Uint32Array.from(part, (_, i) => first + i));
      this.#forward({ tokens: part.length, ids: slice, position }, { slot, buffers });
      this.#commands.submit();
      this.#cached.push(...part);
      // So that it can be stopped.
      if (this.#cached.length < ids.length - 1) await device.read(subslice(buffers.hidden, 0, 4));
    }
  }

  /**
   * Each token is a row of its own for the attention. Where there are several, their keys and values are all stored
   * before any is read; a single one's are stored with the attention.
   */
  #forward(batch: TokenBuffers, { slot, buffers }: { slot: Slice; buffers: ForwardBuffers }): void {
    const { config, weights } = this.#model;
    const { tokens, position } = batch;
    const turns = tokens === 1;
    const attention: AttentionContext = {
      turns,
      attend: (layer, { out, qkv }) => {
        const { k: kCache, v: vCache } = this.#cache[layer]!;
        const { numHeads: heads, numKvHeads: kvHeads, headDim } = config;
        const call = { qkv, kCache, vCache, slot, position, heads, kvHeads, headDim, maxLength: this.maxLength };
        if (!turns) kvStore(this.#commands, { ...call, tokens });
        attentionDecode(this.#commands, {
          ...call,
          ...(turns && { table: this.#decoder.rope }),
          out,
          rows: tokens,
          window: config.slidingWindow ?? 0,
        });
      },
    };
    decoderForward(this.#commands, this.#decoder, { weights, batch, buffers, attention });
  }

  /** Records running the last token, and sampling the next. */
  #sampleOne({ settings }: ContinueOptions): void {
    const { config, weights } = this.#model;
    const { token, position, slot, row } = this.#state;
    const buffers = this.#decode;
    this.#forward({ tokens: 1, ids: token, position }, { slot, buffers });
    recordLogits(this.#commands, { logits: this.#logits, hidden: buffers.hidden, rows: 1, config, weights });
    sampleTokens(this.#commands, {
      token: this.#sampled,
      logits: this.#logits,
      row,
      position,
      rows: 1,
      vocabSize: config.vocabSize,
      temperature: settings.temperature,
      topK: settings.top_k,
      topP: settings.top_p,
      seed: settings.seed,
      iteration: 0,
    });
  }

  #takeSampled(index: number, { eosIds }: ContinueOptions): void {
    const { token, position, limit, finished } = this.#state;
    const step = { token, position, finished, sampled: this.#sampled, limit };
    decodeStep(this.#commands, { out: this.#out, ...step, rows: 1, index, eos: eosIds });
  }
}
