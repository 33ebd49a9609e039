/** Decoding over a cache of rounded keys and values against transformers (goldens/kv_cache.py). @module */
import { ok } from "node:assert/strict";
import { DTYPE_NAMES, type DtypeName } from "../../core/dtype.ts";
import { Decoding } from "../../core/generate/decoding.ts";
import { PackedPrefill, RowPrefill } from "../../core/generate/prefill.ts";
import { forwardBuffers } from "../../core/model/activations.ts";
import { capacityOf } from "../../core/model/device_batch.ts";
import { recordLogits } from "../../core/model/logits.ts";
import { loadModel, type Model } from "../../core/model/model.ts";
import { packPrompts } from "../../core/model/pack.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { commands, device } from "../_shared/device.ts";
import { GOLDENS } from "./_golden.ts";
import golden from "./goldens/kv_cache.json" with { type: "json" };

const { prompt: promptLength, ids, models } = golden;
const prompt = ids.slice(0, promptLength);

/** How a prompt gets into the cache, in slot 0. */
const PREFILLS: Readonly<Record<string, (decoding: Decoding) => void>> = {
  "packed prompt": (decoding) =>
    new PackedPrefill(decoding, capacityOf(packPrompts([prompt]), device)).run([{ ids: prompt, slot: 0 }]),
  "prompt in parts": (decoding) => {
    const prefill = new RowPrefill(decoding, 6);
    for (let first = 0; first < prompt.length; first += 6) prefill.run(prompt.slice(first, first + 6), first);
  },
};

/** The logits after each of the last `count` ids, which come one by one after the prompt. */
async function decodedLogits(
  model: Model,
  { cacheDtype, prefill, count }: { cacheDtype: DtypeName; prefill: string; count: number },
): Promise<number[][]> {
  const decoding = new Decoding(commands, model, { slots: 1, maxLength: ids.length, tokensPerFence: 1, cacheDtype });
  const { set, decoder, parameters } = decoding;
  PREFILLS[prefill]!(decoding);
  const buffers = forwardBuffers(set, { config: model.config, capacity: 1, segment: null, ranks: 0 });
  const logits = set.words(model.config.vocabSize, "logits");
  const tokens = { tokens: 1, ids: set.words(1, "id"), position: set.words(1, "position"), slot: set.words(1, "slot") };
  const rows: number[][] = [];
  for (let position = promptLength; position < ids.length; position++) {
    device.write(tokens.ids, Uint32Array.of(ids[position]!));
    device.write(tokens.position, Uint32Array.of(position));
    decoding.forward(tokens, { buffers, attention: decoding.cachedAttention(tokens, { appliesRope: true, pairs: 0 }) });
    recordLogits(commands, { logits, hidden: buffers.hidden, rows: 1, decoder, parameters });
    commands.submit();
    rows.push([...new Float32Array(await device.read(logits))]);
  }
  decoding.free();
  return rows.slice(-count);
}

for (const [name, logits] of Object.entries(models)) {
  for (const prefill of Object.keys(PREFILLS)) {
    Deno.test(`logits over a rounded cache are those of transformers: ${name}, ${prefill}`, async () => {
      const model = await loadModel(device, `${GOLDENS}${name}`);
      for (const cacheDtype of DTYPE_NAMES) {
        const expected = logits[cacheDtype];
        const actual = await decodedLogits(model, { cacheDtype, prefill, count: expected.length });
        const off = (rows: number[][]): number =>
          Math.max(...actual.flat().map((x, i) => Math.abs(x - rows.flat()[i]!)));
        // Float32's last digits decide where a number goes that lies in the middle of two: one that goes the other way
        // moves the logits by a small part of what all the rounding does.
        for (const other of DTYPE_NAMES) {
          if (other !== cacheDtype) ok(off(logits[other]) > 10 * off(expected), `${cacheDtype} is as near to ${other}`);
        }
        if (cacheDtype === "float32") assertClose(actual.flat(), expected.flat(), { rtol: 2e-5, atol: 2e-6 });
      }
      model.weights.free();
    });
  }
}
