import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { readPairs } from "../../../core/data/stage_files.ts";
import { freeModel, loadModel } from "../../../core/model/model.ts";
import type { PairIds } from "../../../core/model/pack.ts";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { PAIR_MEASURES, pairMeasures, scoredRows, scoreHeldOut } from "../../../core/train/held_out.ts";
import { chosenExample } from "../../../core/train/training_rows.ts";
import { commands, device } from "../../_shared/device.ts";
import { GOLDENS } from "../../parity/_golden.ts";
import { pairIds, settingsOf, withTinyModel } from "../_tiny.ts";
import golden from "./goldens/pair_measures.json" with { type: "json" };

async function scored(name: string, pairs: readonly PairIds[]) {
  const model = await loadModel(device, `${GOLDENS}${name}`);
  try {
    return await scoreHeldOut(commands, model, { rows: { pairs, examples: pairs.map(chosenExample) } });
  } finally {
    freeModel(model);
  }
}

Deno.test("pairMeasures() measures held-out pairs as TRL's DPOTrainer evaluates them, with each loss", async () => {
  const source = `${GOLDENS}llama/pairs.jsonl`;
  const read = await readPairs(source, { tokenizer: null, vocabSize: 37, maxLength: null });
  const pairs = read.pairs.map((pair) => ({ ...pair, example: pair.row }));
  const [policy, reference] = [await scored("llama", pairs), await scored("mistral", pairs)];
  for (const { measures, ...training } of golden) {
    const settings = await settingsOf({ noise: "none", training });
    const found = pairMeasures({
      pairs,
      policy: policy.logps!,
      reference: reference.logps!,
      training: settings.training,
    });
    for (const key of PAIR_MEASURES) {
      const expected = key === "preference_loss" ? measures.loss : measures[key];
      ok(Math.abs(found[key] - expected) <= 1e-5 * Math.max(1, Math.abs(expected)), `${training.loss_type} ${key}`);
    }
  }
});

Deno.test("pairMeasures() has no measures of a loss without a reference", async () => {
  const { training } = await settingsOf({ noise: "none", training: { loss_type: "sft" } });
  const logps = { chosen: new Float32Array(), rejected: new Float32Array() };
  throws(
    () => pairMeasures({ pairs: [], policy: logps, reference: logps, training }),
    /^RangeError: Cannot measure pairs by sft, which has no reference$/,
  );
});

Deno.test("scoreHeldOut() scores a chosen answer once, and the loss is that of all examples", () =>
  withTinyModel(async ({ model }) => {
    const pairs = pairIds(6);
    const examples = pairs.map(chosenExample);
    const sums = await responseLogps(commands, model, { rows: examples });
    const tokens = examples.reduce((sum, { responseIds }) => sum + responseIds.length, 0);
    const loss = -sums.reduce((a, b) => a + b, 0) / tokens;
    equal((await scoreHeldOut(commands, model, { rows: { examples, pairs: null } })).loss, loss);
    equal(scoredRows({ examples, pairs }), 6);
    const whole = await scoreHeldOut(commands, model, { rows: { examples, pairs } });
    equal(whole.loss, loss);
    deepEqual([...whole.logps!.chosen], [...sums]);
    // A pair that was dropped, and one whose chosen answer was cut elsewhere.
    const [first, second, ...rest] = pairs;
    const part = { examples, pairs: [{ ...second!, chosenIds: second!.chosenIds.slice(1) }, ...rest] };
    equal(scoredRows(part), 5 + 2);
    const done: number[] = [];
    equal((await scoreHeldOut(commands, model, { rows: part, onDone: (n) => done.push(n) })).loss, loss);
    deepEqual(done.at(-1), 7);
    equal(first!.example, 0);
  }));
