import { equal } from "node:assert/strict";
import { BufferSet } from "../../../core/model/activations.ts";
import { BatchBuffers, capacityOf } from "../../../core/model/device_batch.ts";
import { type PackedBatch, packExamples, packPairs, tokenLayout } from "../../../core/model/pack.ts";
import { device } from "../../_shared/device.ts";

/** The most keys that a token sees, or queries that see one, counted token by token. */
function longestWalk(packed: PackedBatch): number {
  const layout = tokenLayout(packed);
  let most = 0;
  for (let t = 0; t < packed.ids.length; t++) {
    const [start, prefixStart, prefixEnd, queryEnd] = layout.subarray(4 * t, 4 * t + 4) as unknown as number[];
    most = Math.max(most, prefixEnd! - prefixStart! + t + 1 - start!, queryEnd! - t);
  }
  return most;
}

Deno.test("BatchBuffers.load() tells the longest walk over a batch, of a shared prompt with all that continue it", () => {
  const pair = { example: 0, promptIds: [1, 2, 3], chosenIds: [4, 5, 6, 7], rejectedIds: [8, 9] };
  const batches = [
    packPairs([pair, { ...pair, promptIds: [1] }]),
    packPairs([pair], { sharePrompt: false }),
    packExamples([{ example: 0, promptIds: [1, 2], responseIds: [3] }, {
      example: 1,
      promptIds: [1],
      responseIds: [2],
    }]),
  ];
  for (const packed of batches) {
    const set = new BufferSet(device);
    const { longest } = new BatchBuffers(set, { capacity: capacityOf(packed, device) }).load(packed);
    set.free();
    equal(longest, longestWalk(packed));
  }
});
