/** Attention over a packed batch, for the decoder. @module */
import { type Attention, attention, attentionBackward } from "../../kernels/attention/attention.ts";
import { FORWARD, KEY, QUERY } from "../../kernels/attention/tile_parts.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { AttentionBackwardContext, AttentionContext } from "./decoder_types.ts";
import type { DeviceBatch } from "./device_batch.ts";
import type { ModelConfig } from "./families/family.ts";

/** Returns what records the attention of each layer over the batch's own tokens. */
export function packedAttention(
  commands: Commands,
  { config, batch }: {
    config: ModelConfig;
    batch: Pick<DeviceBatch, "position" | "layout" | "tiles" | "tileCount" | "tokens" | "pairs" | "longest">;
  },
): AttentionContext & AttentionBackwardContext {
  const shared: Omit<Attention, "out" | "lse" | "qkv" | "window" | "scale"> = {
    position: batch.position,
    layout: batch.layout,
    tiles: batch.tiles,
    tileCount: batch.tileCount,
    tokens: batch.tokens,
    longest: batch.longest,
    pairs: batch.pairs,
    heads: config.numHeads,
    kvHeads: config.numKvHeads,
    headDim: config.headDim,
  };
  const own = (layer: number): Pick<Attention, "window" | "scale"> => {
    const { window, scale } = config.layers[layer]!.attention;
    return { window: window ?? 0, scale };
  };
  /** FLOP of a product. */
  const flop = 2 * config.numHeads * config.headDim * batch.pairs;
  return {
    attend(layer, buffers) {
      commands.announce(FORWARD.kind, FORWARD.products * flop);
      attention(commands, { ...shared, ...own(layer), ...buffers });
    },
    attendBackward(layer, buffers) {
      commands.announce(KEY.kind, (QUERY.products + KEY.products) * flop);
      attentionBackward(commands, { ...shared, ...own(layer), ...buffers });
    },
  };
}
