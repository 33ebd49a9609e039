/** Logits of every position, which the program itself never stores. @module */
import { BufferSet, forwardBuffers } from "../../core/model/activations.ts";
import { createDecoder, decoderForward } from "../../core/model/decoder.ts";
import { BatchBuffers, capacityOf } from "../../core/model/device_batch.ts";
import { loadModel } from "../../core/model/model.ts";
import { packExamples } from "../../core/model/pack.ts";
import { packedAttention } from "../../core/model/packed_attention.ts";
import { parametersOf } from "../../core/model/parameters.ts";
import { subslice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { commands, device } from "./device.ts";

/** The logits [ids, vocabulary] of a model folder, row by row. */
export async function logitsOf(dir: string, ids: readonly number[]): Promise<Float32Array[]> {
  const { config, weights } = await loadModel(device, dir);
  // A response's last token is no input: any id stands for it.
  const packed = packExamples([{ example: 0, promptIds: ids, responseIds: [0] }]);
  const set = new BufferSet(device);
  const decoder = createDecoder(device, { config, maxPositions: ids.length + 1 });
  try {
    const batch = new BatchBuffers(set, { capacity: capacityOf(packed, device) }).load(packed);
    const buffers = forwardBuffers(set, { config, capacity: batch.tokens, segment: null, ranks: 0 });
    decoderForward(commands, decoder, {
      parameters: parametersOf(weights),
      batch,
      buffers,
      attention: packedAttention(commands, { config, batch }),
    });
    const sizes = { m: ids.length, n: config.vocabSize, k: config.hiddenSize };
    const logits = set.words(sizes.m * sizes.n, "logits");
    matmul(commands, {
      mode: "NT",
      c: logits,
      a: buffers.hidden,
      b: weights.view(decoder.tensors.head.name),
      ...sizes,
    });
    commands.submit();
    const values = new Float32Array(await device.read(subslice(logits, 0, sizes.m * sizes.n * 4)));
    return ids.map((_, i) => values.subarray(i * sizes.n, (i + 1) * sizes.n));
  } finally {
    set.free();
    device.free(decoder.rope);
    weights.free();
  }
}
