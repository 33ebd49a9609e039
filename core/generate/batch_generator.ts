/** Rows that are sampled in batches; the device samples many tokens between two fences. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { maxForwardTokens } from "../model/activations.ts";
import { type BatchCapacity, capacityOf, maxCapacity } from "../model/device_batch.ts";
import type { ModelConfig } from "../model/families/family.ts";
import type { AnyModel } from "../model/model.ts";
import { packPrompts } from "../model/pack.ts";
import { cut } from "../model/scorer.ts";
import { largest } from "../values.ts";
import { cacheRowBytes, Decoding } from "./decoding.ts";
import { PackedPrefill } from "./prefill.ts";

/** A prompt to continue. */
export interface GenerationPrompt {
  /** The row's number, which is Philox's counter, so that a row's sample does not depend on its batch. */
  row: number;
  promptIds: readonly number[];
  /** The most tokens of the response; at least 1. */
  maxNewTokens: number;
}

/** A finished response. */
export interface Generated {
  /** Index of the prompt in `prompts`. */
  index: number;
  /** The sampled ids; the last is an EOS if `finished`. */
  ids: number[];
  /** Whether an EOS was sampled before the limit, and before `isDone` ended the row. */
  finished: boolean;
}

/** How responses are sampled. */
export interface GenerateOptions {
  prompts: readonly GenerationPrompt[];
  settings: GenerationConfig;
  /** The iteration of Philox's key (docs/method.md, "The random numbers"). */
  iteration: number;
  eosIds: readonly number[];
  /** The most tokens of a row that are sampled between two fences (default 16). */
  tokensPerFence?: number;
  /** Tokens of prompts that are computed at a time, unless a single prompt is longer (default 4096). */
  prefillTokens?: number;
  /** What the logits of tokens that a row has, its prompt's among them, are divided by, or multiplied with below 0. */
  repetitionPenalty?: number;
  /** Whether a row, by its place in `prompts`, ends with the ids that it has; asked between two fences. */
  isDone?: (index: number, ids: readonly number[]) => boolean;
  /** Called with the number of tokens sampled so far; throw to stop. */
  onTokens?: (tokens: number) => void;
}

const TOKENS_PER_FENCE = 16;
const PREFILL_TOKENS = 4096;

/** A row in a slot of the cache. */
interface Running {
  index: number;
  slot: number;
  ids: number[];
}

/** The running rows of {@linkcode generate}. {@linkcode BatchGenerator.free} frees its memory on the device. */
export class BatchGenerator {
  readonly #options: GenerateOptions;
  readonly #decoding: Decoding;
  readonly #prefill: PackedPrefill;
  readonly #prefillTokens: number;
  readonly #tokensPerFence: number;
  readonly #held: DisposableStack;
  #running: Running[] = [];
  #next = 0;
  #tokens = 0;

  constructor(commands: Commands, model: AnyModel, options: GenerateOptions) {
    const { device } = commands;
    const { config } = model;
    const { tokensPerFence = TOKENS_PER_FENCE, prefillTokens = PREFILL_TOKENS } = options;
    this.#options = options;
    this.#tokensPerFence = tokensPerFence;
    const maxLength = largest(options.prompts, (p) => p.promptIds.length + p.maxNewTokens);
    const slots = slotsFor(device, { config, maxLength, options });
    using held = new DisposableStack();
    this.#decoding = held.adopt(
      new Decoding(commands, model, {
        slots,
        maxLength,
        tokensPerFence,
        cacheDtype: options.settings.kv_cache_dtype,
        repetitionPenalty: options.repetitionPenalty ?? 1,
      }),
      (decoding) => decoding.free(),
    );
    this.#prefillTokens = Math.min(prefillTokens, maxForwardTokens(config, device));
    this.#prefill = new PackedPrefill(this.#decoding, this.#prefillCapacity(device));
    this.#held = held.move();
  }

  /** Whether every row has ended. */
  get isDone(): boolean {
    return this.#next === this.#options.prompts.length && this.#running.length === 0;
  }

  /**
   * Gives free slots to the next prompts, decodes up to `tokensPerFence` tokens of every running row, and returns the
   * rows that ended.
   */
  async advance(): Promise<Generated[]> {
    this.#fill();
    return await this.#decode();
  }

  /** Frees its buffers on the device. */
  free(): void {
    this.#held.dispose();
  }

  /** The most that one prefill may pack: the longest prompts, one for each slot, as far as `#prefillTokens` allows. */
  #prefillCapacity(device: Device): BatchCapacity {
    const longest = this.#options.prompts.map((p) => p.promptIds.slice(0, -1)).filter((ids) => ids.length > 0)
      .toSorted((a, b) => b.length - a.length).slice(0, this.#decoding.slots);
    const none: BatchCapacity = { tokens: 1, entries: 1, sequences: 1, tiles: 1 };
    const all = maxCapacity(none, capacityOf(packPrompts(longest), device));
    return { ...all, tokens: Math.min(all.tokens, Math.max(this.#prefillTokens, longest[0]?.length ?? 1)) };
  }

  /** Gives free slots to the next prompts. All tokens but the last go into the cache; decoding begins with the last. */
  #fill(): void {
    const { prompts } = this.#options;
    const taken = new Set(this.#running.map((row) => row.slot));
    const fresh: Running[] = [];
    for (let slot = 0; slot < this.#decoding.slots && this.#next < prompts.length; slot++) {
      if (!taken.has(slot)) fresh.push({ index: this.#next++, slot, ids: [] });
    }
    this.#running = [...this.#running, ...fresh];
    this.#decoding.start(this.#running.map(({ index, slot, ids }) => {
      const { promptIds, maxNewTokens, row } = prompts[index]!;
      const last = promptIds.length - 1;
      const token = ids.at(-1) ?? promptIds.at(-1)!;
      return { slot, row, token, position: last + ids.length, limit: last + maxNewTokens };
    }));
    const beginnings = fresh.map(({ index, slot }) => ({ slot, ids: prompts[index]!.promptIds.slice(0, -1) }))
      .filter(({ ids }) => ids.length > 0);
    for (const { index, slot } of fresh) this.#decoding.see(slot, prompts[index]!.promptIds);
    const parts = cut(beginnings, { batchTokens: this.#prefillTokens, tokens: ({ ids }) => ids.length });
    for (const part of parts) this.#prefill.run(part);
  }

  async #decode(): Promise<Generated[]> {
    const { prompts, settings, iteration, eosIds, isDone = () => false } = this.#options;
    const left = this.#running.map(({ index, ids }) => prompts[index]!.maxNewTokens - ids.length);
    const steps = Math.min(this.#tokensPerFence, Math.max(...left));
    const advanced = await this.#decoding.advance(steps, { settings, iteration, eosIds });
    const ended: Generated[] = [];
    const running: Running[] = [];
    for (const [r, row] of this.#running.entries()) {
      const { ids, end } = advanced[r]!;
      row.ids.push(...ids);
      this.#tokens += ids.length;
      if (end === "running" && !isDone(row.index, row.ids)) running.push(row);
      else ended.push({ index: row.index, ids: row.ids, finished: end === "eos" });
    }
    this.#running = running;
    this.#options.onTokens?.(this.#tokens);
    return ended;
  }
}

/** The rows to sample at a time: `batch_size`, but only as many as one binding can hold the keys and logits of. */
function slotsFor(
  device: Device,
  { config, maxLength, options: { prompts, settings } }: {
    config: ModelConfig;
    maxLength: number;
    options: GenerateOptions;
  },
): number {
  const binding = device.limits.maxStorageBufferBindingSize;
  const most = Math.min(
    settings.batch_size,
    prompts.length,
    Math.floor(binding / cacheRowBytes(config, { maxLength, cacheDtype: settings.kv_cache_dtype })),
    Math.floor(binding / (config.vocabSize * 4)),
  );
  return Math.max(1, most);
}
