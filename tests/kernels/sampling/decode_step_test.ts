import assert from "node:assert/strict";
import { decodeStep, FINISHED, NO_TOKEN } from "../../../kernels/sampling/decode_step.ts";
import { commands, guarded, readU32, release } from "../../_shared/device.ts";

Deno.test("decodeStep() appends to rows that run, ends them at EOS or at their limit, and leaves finished ones", async () => {
  const rows = 70;
  const steps = 4;
  const eos = [2, 11];
  const first = Uint32Array.from({ length: rows }, (_, r) => 100 + r);
  const limits = Uint32Array.from({ length: rows }, (_, r) => 10 + r % 5);
  const sampledAt = (step: number): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: rows }, (_, r) => (7 * r + 3 * step) % 13);
  const state = {
    token: [...first],
    position: Array.from(first, (_, r) => 8 + r % 2),
    finished: Array.from(first, (_, r) => r === 5 ? FINISHED.length : FINISHED.running) as number[],
  };
  const buffers = {
    out: guarded(steps * rows),
    token: guarded(first),
    position: guarded(Uint32Array.from(state.position)),
    finished: guarded(Uint32Array.from(state.finished)),
    limit: guarded(limits),
  };
  const sampled = Array.from({ length: steps }, (_, step) => guarded(sampledAt(step)));
  const expected: number[] = [];
  for (let step = 0; step < steps; step++) {
    decodeStep(commands, { ...buffers, sampled: sampled[step]!, rows, index: step, eos });
    sampledAt(step).forEach((token, r) => {
      if (state.finished[r] !== FINISHED.running) {
        expected.push(NO_TOKEN);
        return;
      }
      expected.push(token);
      state.token[r] = token;
      state.position[r]!++;
      if (eos.includes(token)) state.finished[r] = FINISHED.eos;
      else if (state.position[r] === limits[r]) state.finished[r] = FINISHED.length;
    });
  }
  assert.deepEqual([...await readU32(buffers.out)], expected);
  assert.deepEqual([...await readU32(buffers.token)], state.token);
  assert.deepEqual([...await readU32(buffers.position)], state.position);
  assert.deepEqual([...await readU32(buffers.finished)], state.finished);
  assert.deepEqual(new Set(state.finished), new Set([0, 1, 2]));
  release(...Object.values(buffers), ...sampled);
});

Deno.test("decodeStep() knows each of eight EOS ids, and none where there is none", async () => {
  const ids = [3, 1, 4, 15, 9, 26, 5, 35];
  const sampled = guarded(Uint32Array.from([...ids, 0]));
  const rows = ids.length + 1;
  for (let count = 0; count <= ids.length; count++) {
    const zeros = () => guarded(new Uint32Array(rows));
    const buffers = { out: zeros(), token: zeros(), position: zeros(), finished: zeros() };
    const limit = guarded(new Uint32Array(rows).fill(99));
    decodeStep(commands, { ...buffers, limit, sampled, rows, index: 0, eos: ids.slice(0, count) });
    assert.deepEqual([...await readU32(buffers.finished)], [...ids.map((_, i) => i < count ? 1 : 0), 0]);
    release(limit, ...Object.values(buffers));
  }
  release(sampled);
});

Deno.test("decodeStep() refuses a ninth EOS id", () => {
  const slice = guarded(1);
  const buffers = { out: slice, token: slice, position: slice, finished: slice, sampled: slice, limit: slice };
  assert.throws(() => decodeStep(commands, { ...buffers, rows: 1, index: 0, eos: [1, 2, 3, 4, 5, 6, 7, 8, 9] }), {
    name: "RangeError",
    message: "Cannot record a decoding step: 9 EOS ids, expected at most 8",
  });
  release(slice);
});
