/** The embedding of a batch's tokens, forward and backward. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import type { HeadStorage } from "../../kernels/lm_head/lm_head.ts";
import { embedding, embeddingBackward } from "../../kernels/rows/embedding.ts";
import type { Decoder, EmbeddingIndexBuffers, TokenBuffers } from "./decoder_types.ts";
import type { ParameterShape } from "./families/model_tensors.ts";
import type { Parameters } from "./parameters.ts";

/** The embedding or the LM head, which are never quantized. */
export function vocabularyMatrix(
  parameters: Parameters,
  { name }: ParameterShape,
): { data: Slice; storage: HeadStorage } {
  const { data, storage } = parameters.get(name);
  if (storage === "f32" || storage === "bf16" || storage === "f16") return { data, storage };
  throw new RangeError(`Cannot read "${name}": it is stored as ${storage}, expected f32, bf16 or f16`);
}

type Shape = Pick<Decoder, "config" | "tensors">;

/** Records out = the rows of the embedding for the batch's ids: [tokens, hidden]. */
export function embedTokens(
  commands: Commands,
  { config, tensors }: Shape,
  { parameters, batch, out }: { parameters: Parameters; batch: TokenBuffers; out: Slice },
): void {
  const { data, storage } = vocabularyMatrix(parameters, tensors.embedding);
  embedding(commands, {
    out,
    weight: data,
    storage,
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
    most: index.most,
    vocabSize: config.vocabSize,
    columns: config.hiddenSize,
  });
}
