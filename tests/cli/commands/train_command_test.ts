import assert from "node:assert/strict";
import { iterationLine, iterationTable } from "../../../cli/commands/train_command.ts";

Deno.test("iterationTable() has a row for the start where the start was measured, and no sign before a zero", () => {
  const numbers = { iteration: 0, pairs: 41, loss: 0.69314, rewards_margins: -0.00001 };
  const bare = iterationTable([{ iteration: -1 }, numbers]);
  assert.doesNotMatch(bare, /start/);
  assert.match(bare, /iteration 0 .* 41 .* 0\.6931 .* 0\.0000 /);
  assert.doesNotMatch(bare, /-0\.0000/);
  assert.equal(iterationLine(numbers), "iteration 0: pairs 41, model loss 0.6931, margin 0.0000");
  assert.match(iterationTable([{ iteration: -1, eval_loss: 2 }, numbers]), /start /);
});
