import { deepEqual } from "node:assert/strict";
import { repetitionPenalty, seenTokens, seenWords } from "../../../kernels/sampling/repetition_penalty.ts";
import { guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";

for (const { family, commands } of families) {
  for (const vocabSize of [1, 31, 32, 33, 515]) {
    Deno.test(`repetitionPenalty() counts each token of its row once: ${vocabSize} tokens (${family})`, async () => {
      const rows = 70;
      const slots = 73;
      const penalty = 1.3;
      const logits = randomF32(rows * vocabSize, vocabSize, 3);
      // Rows with no token before, with the last one among them, and with the vocabulary's last.
      const slot = Uint32Array.from({ length: rows }, (_, r) => slots - 1 - r);
      const token = Uint32Array.from({ length: rows }, (_, r) => r % 5 === 0 ? vocabSize - 1 : (r * 7) % vocabSize);
      const before = Array.from({ length: slots }, (_, s) => {
        const ids = Array.from({ length: s % 9 }, (_, i) => (s * 11 + i * i * 5) % vocabSize);
        return s % 4 === 1 ? [...ids, ...ids, vocabSize - 1] : ids;
      });
      const words = seenWords(vocabSize);
      const seen = new Uint32Array(slots * words);
      before.forEach((ids, s) => seen.set(seenTokens(ids, vocabSize), s * words));
      const buffers = {
        logits: guarded(logits),
        seen: guarded(seen),
        token: guarded(token),
        slot: guarded(slot),
      };
      repetitionPenalty(commands, { ...buffers, rows, vocabSize, penalty });
      commands.submit();

      const after = before.map((ids) => new Set(ids));
      slot.forEach((s, r) => after[s]!.add(token[r]!));
      const got = await readF32(buffers.logits);
      const close = logits.map((z, i) => {
        const has = after[slot[Math.floor(i / vocabSize)]!]!.has(i % vocabSize);
        return !has ? z : z < 0 ? Math.fround(z * Math.fround(penalty)) : Math.fround(z / Math.fround(penalty));
      });
      // A division may differ in its last bits.
      deepEqual([...got].filter((z, i) => Math.abs(z - close[i]!) > 4e-7 * Math.abs(close[i]!)), []);
      const bits = new Uint32Array(slots * words);
      after.forEach((ids, s) => bits.set(seenTokens([...ids], vocabSize), s * words));
      deepEqual(await readU32(buffers.seen), bits);
      release(...Object.values(buffers));
    });
  }
}
