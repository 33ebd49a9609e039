/**
 * Decoding with a KV cache: the cache, one step of every running row, and sampling. Batches of prompts, conversations
 * and evaluations all use it. @module
 */
import { attentionDecode } from "../../kernels/attention/attention_decode.ts";
import type { RoundedCache } from "../../kernels/attention/cache_text.ts";
import { kvStore } from "../../kernels/attention/kv_cache.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { decodeStep, FINISHED, NO_TOKEN } from "../../kernels/sampling/decode_step.ts";
import { repetitionPenalty, seenTokens, seenWords } from "../../kernels/sampling/repetition_penalty.ts";
import { sampleTokens } from "../../kernels/sampling/sampling.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { DTYPE_BYTES, type DtypeName, dtypeOfName } from "../dtype.ts";
import { UserError } from "../error.ts";
import { BufferSet, type ForwardBuffers, forwardBuffers } from "../model/activations.ts";
import { announceProduct } from "../model/announced_work.ts";
import { createDecoder, decoderForward } from "../model/decoder.ts";
import type { AttentionContext, Decoder, TokenBuffers } from "../model/decoder_types.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { recordLogits } from "../model/logits.ts";
import type { AnyModel } from "../model/model.ts";
import { type Parameters, parametersOf } from "../model/parameters.ts";

/** Sizes of a decoding. */
export interface DecodingOptions {
  /** The most rows that run at a time. */
  slots: number;
  /** The most tokens of a row. */
  maxLength: number;
  /** The most tokens of a row that are sampled between two fences. */
  tokensPerFence: number;
  /** How keys and values are stored. */
  cacheDtype: DtypeName;
  /** What the logits of tokens that a row has are divided by, or multiplied with below 0 (default 1). */
  repetitionPenalty?: number;
}

/** A running row. */
export interface RunningRow {
  /** Its place in the cache. */
  slot: number;
  /** Its last token, which has not been run yet, and that token's position. */
  token: number;
  position: number;
  /** The position of the last token that may be sampled for it. */
  limit: number;
  /** Philox's counter, together with the position, so that a sample does not depend on the other rows. */
  row: number;
}

/** How tokens are sampled. */
export interface SamplingOptions {
  settings: Pick<GenerationConfig, "temperature" | "top_p" | "top_k" | "seed">;
  /** The iteration of Philox's key (docs/method.md, "The random numbers"). */
  iteration: number;
  /** The ids that end a row. */
  eosIds: readonly number[];
}

/** The result of {@linkcode Decoding.advance} for a row. */
export interface AdvancedRow {
  /** The sampled ids, including the EOS. */
  ids: number[];
  /** Whether the row goes on, or what ended it. */
  end: "running" | "eos" | "limit";
}

/** Tokens on the device, with their places in the cache. */
export interface CachedTokens extends TokenBuffers {
  /** u32 [tokens]: the slot of each token. */
  slot: Slice;
}

/** The 16-bit types as kernels call them. */
const ROUNDED = { bfloat16: "bf16", float16: "f16" } as const;

const OVERFLOW: Readonly<Record<RoundedCache["storage"], string>> = {
  f16: "Cannot generate with kv_cache_dtype float16: a key or value is larger than 65504, expected at most that; " +
    "kv_cache_dtype bfloat16 takes as little memory and has float32's range",
  bf16: "Cannot generate with kv_cache_dtype bfloat16: a key or value is larger than 3.39e38, expected at most that; " +
    "a model with such numbers is broken",
};

/** Bytes of a layer's keys of one row; its values take as many. */
export function cacheRowBytes(
  { numKvHeads, headDim }: Pick<ModelConfig, "numKvHeads" | "headDim">,
  { maxLength, cacheDtype }: Pick<DecodingOptions, "maxLength" | "cacheDtype">,
): number {
  return maxLength * numKvHeads * headDim * DTYPE_BYTES[dtypeOfName(cacheDtype)!];
}

const STATE = ["token", "position", "limit", "finished", "slot", "row"] as const;

/** A model with a KV cache. Throws DeviceError if the device is too small. */
export class Decoding {
  readonly commands: Commands;
  readonly slots: number;
  readonly maxLength: number;
  readonly decoder: Decoder;
  readonly parameters: Parameters;
  /** Its buffers; a prefill adds its own to the same set. */
  readonly set: BufferSet;
  readonly #cache: readonly { k: Slice; v: Slice }[];
  /** Null if keys and values are stored in full. */
  readonly #rounded: RoundedCache | null;
  readonly #step: ForwardBuffers;
  /** The state of the running rows: each is u32 [slots]. */
  readonly #state: Record<typeof STATE[number], Slice>;
  readonly #sampled: Slice;
  readonly #out: Slice;
  readonly #logits: Slice;
  /** The tokens that each slot's row has: null if they do not count. */
  readonly #seen: Slice | null;
  readonly #penalty: number;
  readonly #held: DisposableStack;
  #rows = 0;
  /** The tokens that all running rows attend to, at the end of what is recorded. */
  #pairs = 0;

  constructor(commands: Commands, { config, weights, adapter }: AnyModel, options: DecodingOptions) {
    const { slots, maxLength, tokensPerFence, cacheDtype, repetitionPenalty = 1 } = options;
    this.commands = commands;
    this.slots = slots;
    this.maxLength = maxLength;
    this.parameters = parametersOf(weights, { adapter });
    using held = new DisposableStack();
    const set = this.set = new BufferSet(commands.device);
    held.defer(() => set.free());
    this.decoder = createDecoder(commands.device, { config, maxPositions: maxLength });
    held.defer(() => commands.device.free(this.decoder.rope));
    const words = slots * cacheRowBytes(config, { maxLength, cacheDtype }) / 4;
    const cache = (label: string): Slice => set.words(words, label, "KV cache");
    this.#rounded = cacheDtype === "float32"
      ? null
      : { storage: ROUNDED[cacheDtype], overflow: set.words(1, "KV cache overflow", "KV cache") };
    this.#cache = config.layers.map((_, n) => ({ k: cache(`k cache ${n}`), v: cache(`v cache ${n}`) }));
    this.#step = forwardBuffers(set, { config, capacity: slots, segment: null, ranks: this.parameters.ranks });
    this.#state = Object.fromEntries(STATE.map((name) => [name, set.words(slots, name)])) as Record<
      typeof STATE[number],
      Slice
    >;
    this.#sampled = set.words(slots, "sampled");
    this.#out = set.words(slots * tokensPerFence, "sampled tokens");
    this.#logits = set.words(slots * config.vocabSize, "logits", "LM head");
    this.#penalty = repetitionPenalty;
    this.#seen = repetitionPenalty === 1 ? null : set.words(slots * seenWords(config.vocabSize), "seen tokens");
    this.#held = held.move();
  }

  /** Frees its memory on the device. */
  free(): void {
    this.#held.dispose();
  }

  /** Uploads the state of the rows that run from now on. */
  start(rows: readonly RunningRow[]): void {
    this.#rows = rows.length;
    const { device } = this.commands;
    const write = (name: typeof STATE[number], value: (row: RunningRow) => number): void =>
      device.write(this.#state[name], Uint32Array.from(rows, value));
    for (const name of ["token", "position", "limit", "slot", "row"] as const) write(name, (row) => row[name]);
    write("finished", () => FINISHED.running);
    this.#pairs = rows.reduce((sum, { position }) => sum + position + 1, 0);
  }

  /** Says which tokens the row in a slot begins with, where they count. */
  see(slot: number, ids: readonly number[]): void {
    if (this.#seen === null) return;
    const row = seenTokens(ids, this.decoder.config.vocabSize);
    this.commands.device.write(this.#seen, row, slot * row.byteLength);
  }

  /**
   * Samples up to `steps` tokens for every running row, with one fence at the end. Returns the rows' results in the
   * order in which they were started. Throws DeviceError, or a UserError if a key or value is too large for the cache.
   */
  async advance(steps: number, sampling: SamplingOptions): Promise<AdvancedRow[]> {
    const rows = this.#rows;
    const { token, position, limit, finished } = this.#state;
    this.#pairs = Math.min(this.#pairs + rows * steps, rows * this.maxLength);
    const sample = this.commands.repeatable(() => this.#sampleOne(sampling));
    for (let index = 0; index < steps; index++) {
      sample();
      const state = { token, position, finished, sampled: this.#sampled, limit };
      decodeStep(this.commands, { out: this.#out, ...state, rows, index, eos: sampling.eosIds });
    }
    this.commands.submit();
    const [outBytes, finishedBytes, overflowBytes] = await this.commands.device.readAll([
      subslice(this.#out, 0, rows * steps * 4),
      subslice(finished, 0, rows * 4),
      ...(this.#rounded ? [this.#rounded.overflow] : []),
    ]);
    if (overflowBytes) this.#checkOverflow(overflowBytes);
    const out = new Uint32Array(outBytes!);
    return Array.from(new Uint32Array(finishedBytes!), (state, r) => {
      const ids: number[] = [];
      for (let index = 0; index < steps && out[index * rows + r] !== NO_TOKEN; index++) {
        ids.push(out[index * rows + r]!);
      }
      return { ids, end: state === FINISHED.running ? "running" : state === FINISHED.eos ? "eos" : "limit" };
    });
  }

  /** Records the forward pass of tokens; `attention` records their attention. */
  forward(batch: TokenBuffers, { buffers, attention }: { buffers: ForwardBuffers; attention: AttentionContext }): void {
    decoderForward(this.commands, this.decoder, { parameters: this.parameters, batch, buffers, attention });
  }

  /** Records storing tokens' keys and values, to which RoPE has been applied, in the cache. */
  store(layer: number, { qkv, tokens }: { qkv: Slice; tokens: CachedTokens }): void {
    kvStore(this.commands, { ...this.#cacheCall(layer, tokens), qkv, tokens: tokens.tokens });
  }

  /**
   * Attention of tokens over the cache, each token as a row of its own; `pairs` is how many tokens of the cache all of
   * them attend to, at most, by which its time is foreseen. With `appliesRope`, every token must be the
   * last of a different row: the attention applies RoPE and stores keys and values too. Without it, RoPE has been
   * applied, and the keys and values of all tokens are stored first.
   */
  cachedAttention(
    tokens: CachedTokens,
    { appliesRope, pairs }: { appliesRope: boolean; pairs: number },
  ): AttentionContext {
    const { numKvHeads, headDim } = this.decoder.config;
    return {
      appliesRope,
      attend: (layer, { out, qkv }) => {
        if (!appliesRope) this.store(layer, { qkv, tokens });
        const { window, scale } = this.decoder.config.layers[layer]!.attention;
        // Keys and values are read as the matrix of a product of few rows is.
        announceProduct(this.commands, { rows: 1, elements: 2 * pairs * numKvHeads * headDim });
        attentionDecode(this.commands, {
          ...this.#cacheCall(layer, tokens),
          ...(appliesRope && { table: this.decoder.rope }),
          out,
          qkv,
          rows: tokens.tokens,
          window: window ?? 0,
          scale,
        });
      },
    };
  }

  #cacheCall(layer: number, { slot, position }: CachedTokens) {
    const { k: kCache, v: vCache } = this.#cache[layer]!;
    const { numHeads: heads, numKvHeads: kvHeads, headDim } = this.decoder.config;
    const { maxLength } = this;
    return { kCache, vCache, slot, position, rounded: this.#rounded, heads, kvHeads, headDim, maxLength };
  }

  /** Throws a UserError if a key or value became infinite, which would make the row's numbers NaN. */
  #checkOverflow(bytes: ArrayBuffer): void {
    const { storage, overflow } = this.#rounded!;
    if (new Uint32Array(bytes)[0] === 0) return;
    this.commands.device.write(overflow, new Uint32Array(1));
    throw new UserError(OVERFLOW[storage]);
  }

  /** Records running every row's last token and sampling the next one. */
  #sampleOne({ settings, iteration }: SamplingOptions): void {
    const { commands, decoder, parameters } = this;
    const { token, position, slot, row } = this.#state;
    const rows = this.#rows;
    const tokens: CachedTokens = { tokens: rows, ids: token, position, slot };
    const buffers = this.#step;
    this.forward(tokens, {
      buffers,
      attention: this.cachedAttention(tokens, { appliesRope: true, pairs: this.#pairs }),
    });
    recordLogits(commands, { logits: this.#logits, hidden: buffers.hidden, rows, decoder, parameters });
    const { vocabSize } = decoder.config;
    const [logits, seen] = [this.#logits, this.#seen];
    if (seen) repetitionPenalty(commands, { logits, seen, token, slot, rows, vocabSize, penalty: this.#penalty });
    sampleTokens(commands, {
      token: this.#sampled,
      logits,
      row,
      position,
      rows,
      vocabSize,
      temperature: settings.temperature,
      topK: settings.top_k,
      topP: settings.top_p,
      seed: settings.seed,
      iteration,
    });
  }
}
