/** Brings known tokens into a KV cache before anything is sampled. @module */
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { type ForwardBuffers, forwardBuffers } from "../model/activations.ts";
import type { AttentionContext } from "../model/decoder_types.ts";
import { BatchBuffers, type BatchCapacity } from "../model/device_batch.ts";
import { packPrompts } from "../model/pack.ts";
import { packedAttention } from "../model/packed_attention.ts";
import type { CachedTokens, Decoding } from "./decoding.ts";

/** A row's first tokens, and its place in the cache. */
export interface FreshRow {
  ids: readonly number[];
  slot: number;
}

/** Runs the beginnings of many rows at once, as a packed batch. */
export class PackedPrefill {
  readonly #decoding: Decoding;
  readonly #batch: BatchBuffers;
  readonly #buffers: ForwardBuffers;
  readonly #slot: Slice;

  /** `capacity` is the most that one call may pack. */
  constructor(decoding: Decoding, capacity: BatchCapacity) {
    const { set, decoder: { config } } = decoding;
    this.#decoding = decoding;
    this.#batch = new BatchBuffers(set, { capacity });
    this.#buffers = forwardBuffers(set, {
      config,
      capacity: capacity.tokens,
      segment: null,
      ranks: decoding.parameters.ranks,
    });
    this.#slot = set.words(capacity.tokens, "prefill slots");
  }

  /** Records and submits the rows' tokens, from position 0 on. */
  run(rows: readonly FreshRow[]): void {
    const { commands, decoder: { config } } = this.#decoding;
    const batch = this.#batch.load(packPrompts(rows.map(({ ids }) => ids)));
    commands.device.write(this.#slot, Uint32Array.from(rows.flatMap(({ ids, slot }) => ids.map(() => slot))));
    const packed = packedAttention(commands, { config, batch });
    const tokens: CachedTokens = { ...batch, slot: this.#slot };
    const attention: AttentionContext = {
      attend: (layer, buffers) => {
        this.#decoding.store(layer, { qkv: buffers.qkv, tokens });
        packed.attend(layer, buffers);
      },
    };
    this.#decoding.forward(batch, { buffers: this.#buffers, attention });
    commands.submit();
  }
}

/** Runs the next tokens of one row, which attend to the tokens of it that are already in the cache. */
export class RowPrefill {
  readonly #decoding: Decoding;
  readonly #tokens: Record<"ids" | "position" | "slot", Slice>;
  readonly #buffers: ForwardBuffers;

  /** Serves the row in slot 0; `capacity` is the most tokens that run at a time. */
  constructor(decoding: Decoding, capacity: number) {
    const { set, commands: { device }, decoder: { config } } = decoding;
    this.#decoding = decoding;
    this.#tokens = {
      ids: set.words(capacity, "prefill ids"),
      position: set.words(capacity, "prefill positions"),
      slot: set.words(capacity, "prefill slots"),
    };
    this.#buffers = forwardBuffers(set, { config, capacity, segment: null, ranks: decoding.parameters.ranks });
    device.write(this.#tokens.slot, new Uint32Array(capacity));
  }

  /** The most tokens that run at a time. */
  get capacity(): number {
    return this.#buffers.capacity;
  }

  /** Records and submits tokens whose first position is `first`. */
  run(ids: readonly number[], first: number): void {
    const { commands } = this.#decoding;
    commands.device.write(this.#tokens.ids, Uint32Array.from(ids));
    commands.device.write(this.#tokens.position, Uint32Array.from(ids, (_, i) => first + i));
    const tokens: CachedTokens = { ...this.#tokens, tokens: ids.length };
    // For a single token, the attention applies RoPE and stores keys and values too.
    const pairs = ids.length * first + ids.length * (ids.length + 1) / 2;
    const attention = this.#decoding.cachedAttention(tokens, { appliesRope: ids.length === 1, pairs });
    this.#decoding.forward(tokens, { buffers: this.#buffers, attention });
    commands.submit();
  }

  /** Waits with one fence until everything recorded has run. */
  async wait(): Promise<void> {
    await this.#decoding.commands.device.read(subslice(this.#buffers.hidden, 0, 4));
  }
}
