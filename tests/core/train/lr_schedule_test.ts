import type { Schedule } from "../../../core/config/choices.ts";
import { scheduleFactor } from "../../../core/train/lr_schedule.ts";
import { assertClose } from "../../_shared/assert_close.ts";

const factors = (type: Schedule, warmup: number): number[] =>
  Array.from({ length: 10 }, (_, step) => scheduleFactor(type, { step, steps: 10, warmup }));

// transformers.get_scheduler(name, optimizer, warmup, 10): the factors at steps 0 to 9. Its `constant`
// takes no warm-up: the second line is `constant_with_warmup`, which a config resolves to `constant`.
Deno.test("scheduleFactor() gives Hugging Face's factors", () => {
  const ramp = [0, 0.25, 0.5, 0.75];
  const ones = [1, 1, 1, 1, 1, 1];
  assertClose(factors("constant", 0), [...ones, 1, 1, 1, 1]);
  assertClose(factors("constant", 4), [...ramp, ...ones]);
  assertClose(factors("linear", 0), [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], { rtol: 1e-12 });
  assertClose(factors("linear", 4), [...ramp, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6], { rtol: 1e-12 });
  const half = Math.sqrt(3) / 2;
  const fall = [1, (1 + half) / 2, 0.75, 0.5, 0.25, (1 - half) / 2];
  assertClose(factors("cosine", 4), [...ramp, ...fall], { rtol: 1e-12 });
});

Deno.test("scheduleFactor() stays finite where the warm-up takes all steps", () => {
  assertClose([9, 10].map((step) => scheduleFactor("linear", { step, steps: 10, warmup: 10 })), [0.9, 0]);
  assertClose([9, 10].map((step) => scheduleFactor("cosine", { step, steps: 10, warmup: 10 })), [0.9, 1]);
});
