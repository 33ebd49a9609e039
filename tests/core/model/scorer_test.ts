import { deepEqual, equal } from "node:assert/strict";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands } from "../../_shared/device.ts";
import { logitsOf } from "../../_shared/logits.ts";
import { exampleIds, withTinyModel } from "../_tiny.ts";

Deno.test("responseLogps() gives a row the same bits alone and among others, whatever the batches", () =>
  withTinyModel(async ({ model }) => {
    const rows = exampleIds(9);
    const together = await responseLogps(commands, model, { rows });
    const alone = [];
    for (const row of rows) alone.push(...await responseLogps(commands, model, { rows: [row] }));
    deepEqual([...together], alone);
    const done: number[] = [];
    const small = await responseLogps(commands, model, { rows, batchTokens: 25, onDone: (n) => done.push(n) });
    deepEqual([...small], alone);
    equal(done.length > 2 && done.at(-1) === 9, true, `several batches: ${done}`);
    const turned = await responseLogps(commands, model, { rows: rows.toReversed() });
    deepEqual([...turned].reverse(), alone);
  }));

Deno.test("responseLogps() is Σ log softmax of the logits before each response token", () =>
  withTinyModel(async ({ dir, model }) => {
    for (const row of exampleIds(3)) {
      const ids = [...row.promptIds, ...row.responseIds];
      const logits = await logitsOf(`${dir}/model`, ids);
      const expected = row.responseIds.reduce((sum, id, j) => {
        const z = logits[row.promptIds.length - 1 + j]!;
        return sum + z[id]! - Math.log(z.reduce((total, x) => total + Math.exp(x), 0));
      }, 0);
      assertClose([...await responseLogps(commands, model, { rows: [row] })], [expected], { rtol: 1e-5 });
    }
  }));

Deno.test("responseLogps() of no rows is empty", () =>
  withTinyModel(async ({ model }) => equal((await responseLogps(commands, model, { rows: [] })).length, 0)));
