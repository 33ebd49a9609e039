/** Attention over a packed batch, for the decoder. @module */
import { type Attention, attention, attentionBackward } from "../../kernels/attention/attention.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { ModelConfig } from "../checkpoint/model_config.ts";
import type { AttentionBackwardContext, AttentionContext } from "./decoder_types.ts";
import type { DeviceBatch } from "./device_batch.ts";

/** Records the attention of every layer over the batch's own tokens. */
export function packedAttention(
  commands: Commands,
  { config, batch }: { config: ModelConfig; batch: Pick<DeviceBatch, "position" | "layout" | "tiles" | "tileCount"> },
): AttentionContext & AttentionBackwardContext {
  const shared: Omit<Attention, "out" | "lse" | "qkv"> = {
    position: batch.position,
    layout: batch.layout,
    tiles: batch.tiles,
    tileCount: batch.tileCount,
    heads: config.numHeads,
    kvHeads: config.numKvHeads,
    headDim: config.headDim,
    window: config.slidingWindow ?? 0,
  };
  return {
    attend: (_layer, buffers) => attention(commands, { ...shared, ...buffers }),
    attendBackward: (_layer, buffers) => attentionBackward(commands, { ...shared, ...buffers }),
  };
}
