/** The same numbers whatever the layout: how a step's rows are cut into micro-batches. @module */
import { assertClose } from "../../_shared/assert_close.ts";
import { withTinyModel } from "../_tiny.ts";
import { run, type RunOptions } from "./_optimize.ts";

const CASES: readonly (readonly [what: string, options: RunOptions])[] = [
  ["joint noise", { noise: { update: "joint", learning_rate: 1e-2 } }],
  ["alternating noise", { noise: { update: "alternating", noise_steps: 2, learning_rate: 1e-2 } }],
  ["ipo", { training: { loss_type: "ipo" } }],
  ["sft", { training: { loss_type: "sft" } }],
];

for (const [what, { noise, training }] of CASES) {
  Deno.test(`optimize() gives the same numbers with batch 8 = 4x2 = 2x4 = 1x8: ${what}`, () =>
    withTinyModel(async ({ dir }) => {
      const of = (size: number) =>
        run(dir, {
          ...(noise !== undefined && { noise }),
          training: {
            ...training,
            max_steps: 3,
            shuffle: true,
            per_device_train_batch_size: size,
            gradient_accumulation_steps: 8 / size,
          },
        });
      const whole = await of(8);
      for (const size of [4, 2, 1]) {
        const { lines, weights } = await of(size);
        for (const [i, line] of lines.entries()) {
          const expected = whole.lines[i]!;
          for (const [key, value] of Object.entries(line)) {
            // A mean margin is next to 0 before anything has been learnt.
            const atol = key.startsWith("rewards/") ? 1e-5 : 0;
            assertClose(value, expected[key]!, { rtol: 1e-4, atol, label: `${key} at size ${size}` });
          }
        }
        // Adam's first steps divide by the gradient's own size: what is nearly 0 is not to be compared one by one.
        const distance = weights.reduce((sum, chunk, c) => sum + squares(chunk, whole.weights[c]!), 0);
        assertClose(Math.sqrt(distance), 0, { atol: 1e-3, label: `weights at size ${size}` });
      }
    }));
}

function squares(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}
