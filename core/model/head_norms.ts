/** The norm of a layer's q and k heads, forward and backward. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { headNorm, headNormBackward } from "../../kernels/norm/head_norm.ts";
import type { BlockBackward, BlockCall, BlockForward } from "./decoder_types.ts";

type HeadNormTensors = NonNullable<BlockCall["tensors"]["headNorms"]>;

/** Sizes of the norm of the heads. */
function headSizes({ decoder: { config }, batch }: BlockCall) {
  const { numHeads: heads, numKvHeads: kvHeads, headDim } = config;
  return { tokens: batch.tokens, heads, kvHeads, headDim };
}

/** Records qkv = the heads of qkvRaw, those of q and k divided by their root mean square and scaled. */
export function headNorms(commands: Commands, call: BlockForward, { q, k }: HeadNormTensors): void {
  const { decoder, parameters, layer } = call;
  headNorm(commands, {
    y: layer.qkv,
    invRms: layer.headInvRms!,
    qkv: layer.qkvRaw,
    qWeight: parameters.get(q.name).data,
    kWeight: parameters.get(k.name).data,
    ...headSizes(call),
    eps: decoder.config.rmsNormEps,
  });
}

/** Records the gradients of {@linkcode headNorms}. The weights of q and k are trained together, or neither is. */
export function headNormsBackward(
  commands: Commands,
  call: BlockBackward,
  { q, k }: HeadNormTensors,
): void {
  const { parameters, layer, scratch } = call;
  const [qNorm, kNorm] = [parameters.get(q.name), parameters.get(k.name)];
  headNormBackward(commands, {
    dqkv: scratch.dqkvRaw,
    dy: scratch.dqkv,
    qkv: layer.qkvRaw,
    ...(qNorm.gradient && kNorm.gradient && {
      weightGradients: { dqWeight: qNorm.gradient, dkWeight: kNorm.gradient, partial: scratch.partials },
    }),
    invRms: layer.headInvRms!,
    qWeight: qNorm.data,
    kWeight: kNorm.data,
    ...headSizes(call),
  });
}
