import { deepEqual } from "node:assert/strict";
import { BufferSet } from "../../../core/model/activations.ts";
import { createDecoder, decoderForward } from "../../../core/model/decoder.ts";
import { capacityOf } from "../../../core/model/device_batch.ts";
import type { Model } from "../../../core/model/model.ts";
import { packPairs } from "../../../core/model/pack.ts";
import { packedAttention } from "../../../core/model/packed_attention.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { scoreSequences } from "../../../core/model/response_head.ts";
import { createWorkspace, policyBackward } from "../../../core/train/workspace.ts";
import { subslice } from "../../../kernels/device/slice.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device } from "../../_shared/device.ts";
import { pairIds, withTinyModel } from "../_tiny.ts";

/** Architectures whose layers differ. */
const CONFIGS: Record<string, Record<string, unknown>> = {
  "llama": {},
  "a sliding window of 4": { architectures: ["MistralForCausalLM"], model_type: "mistral", sliding_window: 4 },
  "qwen3, tied": {
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    head_dim: 8,
    tie_word_embeddings: true,
  },
  "qwen2": { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2" },
};

/** The responses' log-probabilities, and the gradients of Σ weight · log-probability. */
async function pass(
  { config, weights }: Model,
  { sharePrompt }: { sharePrompt: boolean },
): Promise<{ logps: Float32Array; read: (name: string) => Float32Array; gradients: ParameterBuffers }> {
  const pairs = pairIds(5);
  const packed = packPairs(pairs, { sharePrompt });
  const set = new BufferSet(device);
  const gradients = new ParameterBuffers(device, { layout: weights.layout, label: "gradients", part: "weights" });
  const decoder = createDecoder(device, { config, maxPositions: 20 });
  try {
    const capacity = capacityOf(packed, device);
    const parameters = parametersOf(weights, { gradients });
    const workspace = createWorkspace(set, { decoder, policy: parameters, capacity, noise: false, dropout: null });
    const batch = workspace.batch.load(packed);
    const attention = packedAttention(commands, { config, batch });
    const logps = set.words(2 * pairs.length, "logps");
    const dlogp = device.upload(Float32Array.from({ length: 2 * pairs.length }, (_, s) => 0.3 - 0.1 * s), "dlogp");
    decoderForward(commands, decoder, { parameters, batch, buffers: workspace.forward, attention });
    const { tokens, entries } = batch;
    const hidden = workspace.forward.hidden;
    scoreSequences(commands, { out: logps, decoder, parameters, hidden, tokens, entries, buffers: workspace.head });
    policyBackward(commands, workspace, { batch, dlogp, step: 0, attention });
    commands.submit();
    const values = new Float32Array(await device.read(subslice(logps, 0, 2 * pairs.length * 4)));
    const read = await gradients.download();
    device.free(dlogp);
    return { logps: values, read, gradients };
  } finally {
    set.free();
    device.free(decoder.rope);
    gradients.free();
  }
}

for (const [name, config] of Object.entries(CONFIGS)) {
  Deno.test(`a shared prompt gives the log-probabilities and gradients of a repeated one: ${name}`, () =>
    withTinyModel(async ({ model }) => {
      const shared = await pass(model, { sharePrompt: true });
      const repeated = await pass(model, { sharePrompt: false });
      assertClose(shared.logps, repeated.logps, { rtol: 1e-6, label: "logps" });
      const names = [...model.weights.layout.places.keys()];
      const largest = Math.max(...names.flatMap((n) => [...repeated.read(n)].map(Math.abs)));
      let zeros = 0;
      for (const n of names) {
        assertClose(shared.read(n), repeated.read(n), { rtol: 1e-5, atol: 1e-6 * largest, label: n });
        if (shared.read(n).every((value) => value === 0)) zeros++;
      }
      deepEqual(zeros, 0, "every tensor has a gradient");
    }, { config }));
}

Deno.test("the gradients are the slopes of the summed log-probabilities", () =>
  withTinyModel(async ({ model }) => {
    const { read } = await pass(model, { sharePrompt: true });
    const objective = async (): Promise<number> =>
      (await pass(model, { sharePrompt: true })).logps.reduce((sum, logp, s) => sum + (0.3 - 0.1 * s) * logp, 0);
    const weights = await model.weights.download();
    for (const name of ["model.layers.0.self_attn.k_proj.weight", "model.layers.1.mlp.gate_proj.weight"]) {
      const value = weights(name);
      const gradient = read(name);
      const norm = Math.hypot(...gradient);
      // Along the gradient itself the slope is its norm.
      const moved = async (step: number): Promise<number> => {
        model.weights.write(name, value.map((w, i) => w + step * gradient[i]! / norm));
        return await objective();
      };
      const slope = (await moved(0.01) - await moved(-0.01)) / 0.02;
      model.weights.write(name, value.slice());
      assertClose(slope, norm, { rtol: 3e-3, label: name });
    }
  }));
