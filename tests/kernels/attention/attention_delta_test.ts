import { ok } from "node:assert/strict";
import { attentionDelta } from "../../../kernels/attention/attention_delta.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

for (const [tokens, heads, headDim] of [[1, 1, 4], [7, 3, 20], [5, 2, 136]] as const) {
  Deno.test(`attentionDelta() sums dout · out of ${tokens}x${heads} heads of ${headDim}`, async () => {
    const rows = tokens * heads;
    const [a, b, lse] = [randomF32(rows * headDim, 1), randomF32(rows * headDim, 2), randomF32(rows, 3)];
    const buffers = {
      saved: guarded(2 * rows, "saved"),
      ...{ dout: guarded(a), out: guarded(b), lse: guarded(lse) },
    };
    attentionDelta(commands, { ...buffers, tokens, heads, headDim });
    const saved = await readF32(buffers.saved);
    const expected = Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let at = row * headDim; at < (row + 1) * headDim; at++) sum += a[at]! * b[at]!;
      return [lse[row]! * Math.LOG2E, sum];
    });
    ok(saved.some((x) => x !== 0));
    assertClose(saved, expected.flat(), { rtol: 1e-6, atol: 4e-7 * Math.sqrt(headDim), label: "saved" });
    release(...Object.values(buffers));
  });
}
