/** Sampling responses in batches over a KV cache; many tokens run on the device between two fences. @module */
import { attentionDecode } from "../../kernels/attention/attention_decode.ts";
import { kvStore } from "../../kernels/attention/kv_cache.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/device.ts";
import { decodeStep, FINISHED, NO_TOKEN } from "../../kernels/sampling/decode_step.ts";
import { sampleTokens } from "../../kernels/sampling/sampling.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { BufferSet, type ForwardBuffers, forwardBuffers, maxForwardTokens } from "../model/activations.ts";
import { createDecoder, decoderForward } from "../model/decoder.ts";
import type { AttentionContext, Decoder } from "../model/decoder_types.ts";
import { BatchBuffers, type BatchCapacity, capacityOf, maxCapacity } from "../model/device_batch.ts";
import { recordLogits } from "../model/logits.ts";
import type { Model } from "../model/model.ts";
import { packPrompts } from "../model/pack.ts";
import { packedAttention } from "../model/packed_attention.ts";
import { cut } from "../model/scorer.ts";

/** A prompt to continue. */
export interface GenerationPrompt {
  /** The row's index among the prompts: Philox's counter, so that a row's sample does not depend on its batch. */
  row: number;
  promptIds: readonly number[];
  /** Tokens of the response at most, at least 1. */
  maxNewTokens: number;
}

/** A finished response. */
export interface Generated {
  /** Index into the prompts given. */
  index: number;
  /** The sampled ids; the last is an EOS where `finished`. */
  ids: number[];
  /** Whether an EOS was sampled before the limit. */
  finished: boolean;
}

/** How responses are sampled. */
export interface GenerateOptions {
  prompts: readonly GenerationPrompt[];
  settings: GenerationConfig;
  /** METHOD's iteration counter. */
  iteration: number;
  eosIds: readonly number[];
  /** Sampled tokens between two fences (default 16). */
  tokensPerFence?: number;
  /** Tokens of prompts that are computed at a time, where one is not longer by itself (default 4096). */
  prefillTokens?: number;
  /** Told the tokens sampled so far. */
  onTokens?: (tokens: number) => void;
}

/**
 * Samples a response for every prompt and yields each when it ends. A slot whose row has ended is given to the next
 * prompt; no row's result depends on the others. Throws DeviceError, or RangeError for an empty prompt.
 */
export async function* generate(commands: Commands, model: Model, options: GenerateOptions): AsyncGenerator<Generated> {
  const { prompts } = options;
  if (prompts.length === 0) return;
  const generator = new Generator(commands, model, options);
  try {
    yield* generator.run();
  } finally {
    generator.free();
  }
}

/** A row in a slot of the cache. */
interface Running {
  index: number;
  slot: number;
  ids: number[];
}

const STATE = ["token", "position", "limit", "finished", "slot", "row"] as const;

class Generator {
  readonly #commands: Commands;
  readonly #model: Model;
  readonly #options: GenerateOptions;
  readonly #set: BufferSet;
  readonly #decoder: Decoder;
  readonly #slots: number;
  readonly #maxLength: number;
  readonly #cache: readonly { k: Slice; v: Slice }[];
  readonly #prefill: { batch: BatchBuffers; buffers: ForwardBuffers; slot: Slice };
  readonly #prefillTokens: number;
  readonly #decode: ForwardBuffers;
  /** Per running row, in the order of `#running`. */
  readonly #state: Record<typeof STATE[number], Slice>;
  readonly #sampled: Slice;
  readonly #out: Slice;
  readonly #logits: Slice;
  readonly #tokensPerFence: number;
  #running: Running[] = [];
  #next = 0;
  #tokens = 0;

  constructor(commands: Commands, model: Model, options: GenerateOptions) {
    const { device } = commands;
    const { prompts, settings } = options;
    const { config } = model;
    this.#commands = commands;
    this.#model = model;
    this.#options = options;
    this.#set = new BufferSet(device);
    this.#tokensPerFence = options.tokensPerFence ?? 16;
    this.#maxLength = Math.max(...prompts.map((p) => p.promptIds.length + p.maxNewTokens));
    const kvColumns = config.numKvHeads * config.headDim;
    const binding = device.limits.maxStorageBufferBindingSize;
    this.#slots = Math.max(
      1,
      Math.min(
        settings.batch_size,
        prompts.length,
        Math.floor(binding / (this.#maxLength * kvColumns * 4)),
        Math.floor(binding / (config.vocabSize * 4)),
      ),
    );
    this.#decoder = createDecoder(device, { config, maxPositions: this.#maxLength });
    const set = this.#set;
    this.#cache = Array.from({ length: config.numLayers }, (_, n) => ({
      k: set.words(this.#slots * this.#maxLength * kvColumns, `k cache ${n}`, "KV cache"),
      v: set.words(this.#slots * this.#maxLength * kvColumns, `v cache ${n}`, "KV cache"),
    }));
    this.#prefillTokens = Math.min(options.prefillTokens ?? 4096, maxForwardTokens(config, device));
    const capacity = this.#prefillCapacity();
    this.#prefill = {
      batch: new BatchBuffers(set, { capacity }),
      buffers: forwardBuffers(set, { config, capacity: capacity.tokens, keep: false }),
      slot: set.words(capacity.tokens, "prefill slots"),
    };
    this.#decode = forwardBuffers(set, { config, capacity: this.#slots, keep: false });
    this.#state = Object.fromEntries(STATE.map((name) => [name, set.words(this.#slots, name)])) as Record<
      typeof STATE[number],
      Slice
    >;
    this.#sampled = set.words(this.#slots, "sampled");
    this.#out = set.words(this.#slots * this.#tokensPerFence, "sampled tokens");
    this.#logits = set.words(this.#slots * config.vocabSize, "logits", "LM head");
  }

  async *run(): AsyncGenerator<Generated> {
    const { prompts } = this.#options;
    while (this.#next < prompts.length || this.#running.length > 0) {
      this.#fill();
      for (const row of await this.#advance()) yield row;
    }
  }

  free(): void {
    this.#set.free();
    this.#commands.device.free(this.#decoder.rope);
  }

  /** The most that one prefill may pack: the longest prompts, for as many slots as there are, or a part of them. */
  #prefillCapacity(): BatchCapacity {
    const { device } = this.#commands;
    const longest = this.#options.prompts.map((p) => p.promptIds.slice(0, -1)).filter((ids) => ids.length > 0)
      .toSorted((a, b) => b.length - a.length).slice(0, this.#slots);
    const none: BatchCapacity = { tokens: 1, entries: 1, sequences: 1, tiles: 1 };
    const all = maxCapacity(none, capacityOf(packPrompts(longest), device));
    return { ...all, tokens: Math.min(all.tokens, Math.max(this.#prefillTokens, longest[0]?.length ?? 1)) };
  }

  /** Gives free slots to the next prompts: their tokens but the last go into the cache; the last one is decoded first. */
  #fill(): void {
    const { prompts } = this.#options;
    const taken = new Set(this.#running.map((row) => row.slot));
    const fresh: Running[] = [];
    for (let slot = 0; slot < this.#slots && this.#next < prompts.length; slot++) {
      if (!taken.has(slot)) fresh.push({ index: this.#next++, slot, ids: [] });
    }
    this.#writeState([...this.#running, ...fresh]);
    const tokens = ({ index }: Running): number => prompts[index]!.promptIds.length - 1;
    const long = fresh.filter((row) => tokens(row) > 0);
    for (const part of cut(long, { batchTokens: this.#prefillTokens, tokens })) this.#runPrefill(part);
  }

  #runPrefill(rows: readonly Running[]): void {
    const { prompts } = this.#options;
    const { config, weights } = this.#model;
    const { batch: batchBuffers, buffers, slot } = this.#prefill;
    const commands = this.#commands;
    const parts = rows.map((row) => prompts[row.index]!.promptIds.slice(0, -1));
    const batch = batchBuffers.load(packPrompts(parts));
    commands.device.write(slot, Uint32Array.from(parts.flatMap((ids, i) => ids.map(() => rows[i]!.slot))));
    const packed = packedAttention(commands, { config, batch });
    const attention: AttentionContext = {
      attend: (layer, b) => {
        kvStore(commands, {
          kCache: this.#cache[layer]!.k,
          vCache: this.#cache[layer]!.v,
          qkv: b.qkv,
          slot,
          position: batch.position,
          tokens: batch.tokens,
          heads: config.numHeads,
          kvHeads: config.numKvHeads,
          headDim: config.headDim,
          maxLength: this.#maxLength,
        });
        packed.attend(layer, b);
      },
    };
    decoderForward(commands, this.#decoder, { weights, batch, buffers, attention });
    commands.submit();
  }

  /** Uploads the state of the rows that run from here on. */
  #writeState(rows: Running[]): void {
    const { prompts } = this.#options;
    this.#running = rows;
    const column = (value: (row: Running, prompt: GenerationPrompt) => number): Uint32Array<ArrayBuffer> =>
      Uint32Array.from(rows, (row) => value(row, prompts[row.index]!));
    const columns: Record<typeof STATE[number], Uint32Array<ArrayBuffer>> = {
      token: column((row, prompt) => row.ids.at(-1) ?? prompt.promptIds.at(-1)!),
      position: column((row, prompt) => prompt.promptIds.length - 1 + row.ids.length),
      limit: column((_, prompt) => prompt.promptIds.length - 1 + prompt.maxNewTokens),
      finished: column(() => FINISHED.running),
      slot: column((row) => row.slot),
      row: column((_, prompt) => prompt.row),
    };
    for (const name of STATE) this.#commands.device.write(this.#state[name], columns[name]);
  }

  /** Decodes up to `tokensPerFence` tokens of every running row, and returns the rows that ended. */
  async #advance(): Promise<Generated[]> {
    const { prompts } = this.#options;
    const { device } = this.#commands;
    const rows = this.#running.length;
    const left = this.#running.map((row) => prompts[row.index]!.maxNewTokens - row.ids.length);
    const steps = Math.min(this.#tokensPerFence, Math.max(...left));
    const sample = this.#commands.repeatable(() => this.#sampleOne(rows));
    for (let index = 0; index < steps; index++) {
      sample();
      this.#takeSampled(rows, index);
    }
    this.#commands.submit();
    const [outBytes, finishedBytes] = await device.readAll([
      subslice(this.#out, 0, rows * steps * 4),
      subslice(this.#state.finished, 0, rows * 4),
    ]);
    const out = new Uint32Array(outBytes!);
    const finished = new Uint32Array(finishedBytes!);
    this.#running.forEach((row, r) => {
      for (let index = 0; index < steps && out[index * rows + r] !== NO_TOKEN; index++) {
        row.ids.push(out[index * rows + r]!);
      }
    });
    this.#tokens += out.reduce((count, token) => count + Number(token !== NO_TOKEN), 0);
    this.#options.onTokens?.(this.#tokens);
    const ended = this.#running.flatMap(({ index, ids }, r): Generated[] =>
      finished[r] === FINISHED.running ? [] : [{ index, ids, finished: finished[r] === FINISHED.eos }]
    );
    this.#running = this.#running.filter((_, r) => finished[r] === FINISHED.running);
    return ended;
  }

  /** Records running every row's last token, and sampling the next. */
  #sampleOne(rows: number): void {
    const { settings, iteration } = this.#options;
    const { config, weights } = this.#model;
    const commands = this.#commands;
    const { token, position, slot, row } = this.#state;
    const attention: AttentionContext = {
      turns: true,
      attend: (layer, { out, qkv }) => {
        attentionDecode(commands, {
          out,
          qkv,
          kCache: this.#cache[layer]!.k,
          vCache: this.#cache[layer]!.v,
          slot,
          position,
          table: this.#decoder.rope,
          rows,
          heads: config.numHeads,
          kvHeads: config.numKvHeads,
          headDim: config.headDim,
          maxLength: this.#maxLength,
          window: config.slidingWindow ?? 0,
        });
      },
    };
    const batch = { tokens: rows, ids: token, position };
    decoderForward(commands, this.#decoder, { weights, batch, buffers: this.#decode, attention });
    recordLogits(commands, { logits: this.#logits, hidden: this.#decode.hidden, rows, config, weights });
    sampleTokens(commands, {
      token: this.#sampled,
      logits: this.#logits,
      row,
      position,
      rows,
      vocabSize: config.vocabSize,
      temperature: settings.temperature,
      topK: settings.top_k,
      topP: settings.top_p,
      seed: settings.seed,
      iteration,
    });
  }

  #takeSampled(rows: number, index: number): void {
    const { token, position, limit, finished } = this.#state;
    const step = { token, position, finished, sampled: this.#sampled, limit };
    decodeStep(this.#commands, { out: this.#out, ...step, rows, index, eos: this.#options.eosIds });
  }
}
