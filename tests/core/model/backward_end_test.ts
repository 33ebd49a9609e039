import { deepEqual, equal } from "node:assert/strict";
import { BufferSet } from "../../../core/model/activations.ts";
import { backwardEnd } from "../../../core/model/backward_end.ts";
import { createDecoder, decoderForward } from "../../../core/model/decoder.ts";
import { capacityOf } from "../../../core/model/device_batch.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import type { Model } from "../../../core/model/model.ts";
import { packPairs } from "../../../core/model/pack.ts";
import { packedAttention } from "../../../core/model/packed_attention.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { scoreSequences } from "../../../core/model/response_head.ts";
import { createWorkspace, policyBackward } from "../../../core/train/workspace.ts";
import { commands, device, randomF32 } from "../../_shared/device.ts";
import { pairIds, settingsOf, withTinyModel } from "../_tiny.ts";

const LAYERS = 3;

/** The adapters' gradients as bytes, the backward pass's products that give inputs' gradients, and its end. */
async function backward(model: Model, { lora, whole, checkpointing = false }: {
  lora: Record<string, unknown>;
  /** Whether the weights are trained too, so that nothing is left out. */
  whole: boolean;
  checkpointing?: boolean;
}) {
  const { config, weights } = model;
  const settings = (await settingsOf({ lora: { r: 2, ...lora } })).lora!;
  const adapter = createAdapter(device, config, { settings, base: null, init: "uniform", seed: 3, iteration: 0 });
  for (const [i, { up: { name, shape } }] of adapter.plan.modules.entries()) {
    adapter.values.write(name, randomF32(shape[0]! * shape[1]!, i, 0.1));
  }
  const gradientsLike = ({ layout }: ParameterBuffers) =>
    new ParameterBuffers(device, { layout, label: "gradients", part: "gradients" });
  const [gradients, adapterGradients] = [gradientsLike(weights), gradientsLike(adapter.values)];
  const policy = parametersOf(weights, { ...(whole && { gradients }), adapter, adapterGradients });
  const set = new BufferSet(device);
  const decoder = createDecoder(device, { config, maxPositions: 20 });
  const pairs = pairIds(4);
  const packed = packPairs(pairs, { sharePrompt: true });
  const capacity = capacityOf(packed, device);
  const dispatch = commands.dispatch;
  let products = 0;
  try {
    const workspace = createWorkspace(set, { decoder, policy, capacity, noise: false, dropout: null, checkpointing });
    const batch = workspace.batch.load(packed);
    const attention = packedAttention(commands, { config, batch });
    const { forward: buffers, head } = workspace;
    decoderForward(commands, decoder, { parameters: policy, batch, buffers, attention });
    const { tokens, entries } = batch;
    const [out, dlogp] = [set.words(8, "logps"), set.words(8, "dlogp")];
    device.write(dlogp, Float32Array.from({ length: 8 }, (_, s) => 0.3 - 0.1 * s));
    scoreSequences(commands, {
      out,
      decoder,
      parameters: policy,
      hidden: buffers.hidden,
      tokens,
      entries,
      buffers: head,
    });
    commands.dispatch = (kernel, call) => {
      if (/^matmul .* (NN|TT) /.test(kernel.name)) products++;
      dispatch.call(commands, kernel as never, call as never);
    };
    policyBackward(commands, workspace, { batch, dlogp, step: 0, attention });
    commands.submit();
    const bytes = await device.readAll(adapterGradients.chunks);
    return {
      gradients: bytes.map((chunk) => new Uint8Array(chunk)),
      products,
      end: backwardEnd(decoder.tensors, policy),
    };
  } finally {
    commands.dispatch = dispatch;
    set.free();
    device.free(decoder.rope);
    for (const held of [gradients, adapterGradients, adapter.values]) held.free();
  }
}

for (
  const [name, lora, layer, block] of [
    ["all matrices", {}, 0, "attention"],
    ["the MLPs alone", { target_modules: ["gate_proj", "down_proj"] }, 0, "mlp"],
    ["the last layer alone", { layers_to_transform: [2] }, 2, "attention"],
    ["the MLP of the second layer alone", { target_modules: ["up_proj"], layers_to_transform: [1] }, 1, "mlp"],
  ] as const
) {
  Deno.test(`adapters of ${name} get the same gradients where nothing below them is computed`, () =>
    withTinyModel(async ({ model }) => {
      for (const checkpointing of [false, true]) {
        const full = await backward(model, { lora, whole: true, checkpointing });
        deepEqual(full.end, { layer: 0, block: "attention", needsInput: true });
        equal(full.gradients.some((chunk) => chunk.some((byte) => byte !== 0)), true);
        const { gradients, products, end } = await backward(model, { lora, whole: false, checkpointing });
        deepEqual(gradients, full.gradients);
        deepEqual(end, { layer, block, needsInput: false });
        equal(products < full.products, true, `${products} of ${full.products} products`);
      }
    }, { config: { num_hidden_layers: LAYERS } }));
}
