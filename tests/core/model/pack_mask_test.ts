import { deepEqual } from "node:assert/strict";
import { packExamples } from "../../../core/model/pack.ts";

Deno.test("packExamples() scores the response tokens that the mask has, and packs all of them", () => {
  const row = { example: 4, promptIds: [1, 2], responseIds: [3, 4, 5, 6] };
  const all = packExamples([row]);
  const masked = packExamples([{ ...row, lossMask: [true, false, false, true] }, row]);
  deepEqual(masked.ids.subarray(0, all.ids.length), all.ids);
  deepEqual([...masked.lengths], [2, 4]);
  deepEqual([...masked.entries.starts], [0, 2, 6]);
  const pick = (values: Uint32Array): number[] => [values[0]!, values[3]!];
  deepEqual([...masked.entries.index.subarray(0, 2)], pick(all.entries.index));
  deepEqual([...masked.entries.target.subarray(0, 2)], [3, 6]);
  deepEqual([...masked.entries.position.subarray(0, 2)], pick(all.entries.position));
});
