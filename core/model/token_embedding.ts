/** The embedding of a batch's tokens, forward and backward. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { embedding, embeddingBackward } from "../../kernels/rows/embedding.ts";
import type { Decoder, EmbeddingIndexBuffers, TokenBuffers } from "./decoder_types.ts";
import type { Parameters } from "./parameters.ts";

type Shape = Pick<Decoder, "config" | "tensors">;

/** Records out = the rows of the embedding for the batch's ids: [tokens, hidden]. */
export function embedTokens(
  commands: Commands,
  { config, tensors }: Shape,
  { parameters, batch, out }: { parameters: Parameters; batch: TokenBuffers; out: Slice },
): void {
  embedding(commands, {
    out,
    weight: parameters.get(tensors.embedding.name).data,
    ids: batch.ids,
    tokens: batch.tokens,
    vocabSize: config.vocabSize,
    columns: config.hiddenSize,
  });
}

/** Adds the tokens' gradients dx [tokens, hidden] to that of the embedding, if it is trained. */
export function embedTokensBackward(
  commands: Commands,
  { config, tensors }: Shape,
  { parameters, index, dx }: { parameters: Parameters; index: EmbeddingIndexBuffers; dx: Slice },
): void {
  const { gradient: dweight } = parameters.get(tensors.embedding.name);
  if (dweight === null) return;
  embeddingBackward(commands, {
    dweight,
    dout: dx,
    ids: index.ids,
    starts: index.starts,
    tokens: index.tokens,
    count: index.count,
    vocabSize: config.vocabSize,
    columns: config.hiddenSize,
  });
}
