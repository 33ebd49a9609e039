import { deepEqual, equal, rejects } from "node:assert/strict";
import { type PairRows, pairRows } from "../../../core/train/training_rows.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { pairIds, withTinyModel } from "../_tiny.ts";
import { run, type RunOptions, stoppedAt } from "./_optimize.ts";

const NOISE = { update: "joint", learning_rate: 1e-2 };
const SETTINGS = { max_steps: 9, logging_steps: 4, lr_scheduler_type: "cosine", warmup_ratio: 0.2, shuffle: true };
const TRAINING = { ...SETTINGS, per_device_train_batch_size: 2 };

Deno.test("optimize() logs every logging_steps and the last step, with the last step's rate", () =>
  withTinyModel(async ({ dir }) => {
    const { lines, result } = await run(dir, { training: TRAINING });
    deepEqual(lines.map(({ step }) => step), [4, 8, 9]);
    // ⌈0.2 · 9⌉ = 2 steps of warm-up.
    const rate = (step: number): number => 1e-3 * (1 + Math.cos(Math.PI * (step - 2) / 7)) / 2;
    assertClose(lines.map((line) => line.learning_rate!), [3, 7, 8].map(rate), { rtol: 1e-12 });
    deepEqual(lines.map(({ epoch }) => epoch), [1, 2, 2.25]);
    const tokens = pairIds(8).reduce(
      (n, p) => n + 2 * p.promptIds.length + p.chosenIds.length + p.rejectedIds.length,
      0,
    );
    deepEqual(lines.slice(0, 2).map((line) => line.num_tokens), [tokens, 2 * tokens]);
    deepEqual([result.steps, result.skipped], [9, 0]);
    deepEqual(result.last.loss, lines.at(-1)!.loss);
  }));

Deno.test.each([
  NOISE,
  { ...NOISE, update: "alternating", rank: 3 },
])(
  "optimize() that was stopped goes on to the same numbers, weights and noise: %j",
  (noise) =>
    withTinyModel(async ({ dir }) => {
      const whole = await run(dir, { training: TRAINING, noise });
      const stop = new AbortController();
      const onStep = (done: number): void => done === 6 ? stop.abort() : undefined;
      const options = { training: TRAINING, noise, name: "stopped" };
      // The step at hand is finished: it was told of the sixth before it looked.
      const done = await stoppedAt(run(dir, { ...options, signal: stop.signal, onStep }));
      equal(done >= 6 && done < 9, true, `${done}`);
      const steps: number[] = [];
      const rest = await run(dir, { ...options, onStep: (done) => steps.push(done) });
      equal(steps[0], done, "it begins where it stopped");
      deepEqual(rest.lines, whole.lines);
      deepEqual(rest.weights, whole.weights);
      deepEqual(rest.noise, whole.noise);
    }),
);

Deno.test("optimize() of two and a half epochs is stopped and goes on as with one number of steps", () =>
  withTinyModel(async ({ dir }) => {
    // Eight pairs, two in a step: ten steps, and eleven in 2.55 epochs.
    const training = { ...TRAINING, max_steps: -1, num_train_epochs: 2.5 };
    const whole = await run(dir, { training: { ...TRAINING, max_steps: 10 } });
    const stop = new AbortController();
    const onStep = (done: number): void => done === 3 ? stop.abort() : undefined;
    const options = { training, name: "stopped" };
    await stoppedAt(run(dir, { ...options, signal: stop.signal, onStep }));
    const rest = await run(dir, options);
    equal(rest.result.steps, 10);
    deepEqual(rest.lines, whole.lines);
    deepEqual(rest.weights, whole.weights);
    equal((await run(dir, { training: { ...training, num_train_epochs: 2.55 }, name: "more" })).result.steps, 11);
  }));

Deno.test("optimize() refuses a state of other settings, data or model, and says what to do", () =>
  withTinyModel(async ({ dir }) => {
    const refuses = (options: RunOptions, why: string): Promise<void> =>
      rejects(
        run(dir, { training: TRAINING, name: "a", ...options }),
        new RegExp(`^UserError: ${why}.*delete the file to start this iteration again\\)?$`),
      );
    await stoppedAt(run(dir, { training: TRAINING, name: "a", signal: AbortSignal.abort() }));
    const goOn = "Cannot go on with optimize of iteration 0: ";
    const optim = { training: { ...TRAINING, optim: "rmsprop" } };
    await refuses(optim, `${goOn}training.optim is "rmsprop", expected "adamw" as in .*/a/step-1.safetensors`);
    await refuses({ noise: NOISE }, `${goOn}noise is {"update":"joint",.*}, expected "none" as in`);
    const noised = { noise: NOISE, name: "b" };
    await stoppedAt(run(dir, { training: TRAINING, ...noised, signal: AbortSignal.abort() }));
    await refuses({ ...noised, noise: { ...NOISE, rank: 3 } }, `${goOn}noise.rank is 3, expected not set as in`);
    const data = pairRows(pairIds(8).toReversed());
    await refuses({ data }, `${goOn}data is "8 rows [0-9a-f]+", expected "8 rows [0-9a-f]+" as in`);
    await writeTinyModel(`${dir}/model`, { config: { intermediate_size: 32 } });
    await refuses({}, `${goOn}\\S+/model is not the model that it began with: config.json has SHA-256 `);
    await writeTinyModel(`${dir}/model`);
    // How much is kept, and whether a bad step ends it, may change on the way.
    await run(dir, { training: { ...TRAINING, save_steps: 1, on_nan: "skip" }, name: "a" });
  }));

Deno.test("optimize() refuses a state that is damaged or something else, and says what to do", () =>
  withTinyModel(async ({ dir }) => {
    const path = `${dir}/a/step-1.safetensors`;
    const again = "; delete the file to start this iteration again$";
    const refused = (why: string): Promise<void> =>
      rejects(run(dir, { training: TRAINING, name: "a" }), new RegExp(`^UserError: ${why}${again}`));
    await stoppedAt(run(dir, { training: TRAINING, name: "a", signal: AbortSignal.abort() }));
    const { size } = await Deno.stat(path);
    await Deno.truncate(path, size - 1);
    await refused("Cannot read .*/a/step-1.safetensors: .*cut off.*");
    await Deno.truncate(path, 5);
    await refused("Cannot read .*/a/step-1.safetensors: [^;]*");
    await Deno.copyFile(`${dir}/model/model.safetensors`, path);
    await refused('Cannot resume from .*: its header has no "dnpo_state", expected a state that this program saved');
  }));

/** 8 pairs, two a step; those of rows 5 and 6 hold the token whose embedding is not finite. */
function poisoned(): PairRows {
  const pairs = tinyPairs(8, { marked: [5, 6] });
  return pairRows(pairs.map(({ prompt_ids, chosen_ids, rejected_ids }, example) => ({
    example,
    promptIds: prompt_ids!,
    chosenIds: chosen_ids!,
    rejectedIds: rejected_ids!,
  })));
}

/** A model whose embedding of token 36 is `value`. */
function poison(value: number): (name: string, values: Float32Array) => void {
  return (name, values) => name.includes("embed_tokens") ? void values.fill(value, 36 * 16) : undefined;
}

for (const value of [NaN, Infinity]) {
  Deno.test(`optimize() stops at the first step with ${value} and names its rows`, () =>
    withTinyModel(async ({ dir }) => {
      const training = { per_device_train_batch_size: 2, logging_steps: 4, max_steps: 8 };
      await rejects(
        run(dir, { training, data: poisoned() }),
        /^UserError: Cannot go on with optimize of iteration 0: loss or gradient norm is NaN or Inf at step 3 \(rows 4, 5\)/,
      );
    }, { change: poison(value) }));
}

Deno.test("optimize() skips steps with NaN where on_nan says so: no weight becomes NaN, and they are counted", () =>
  withTinyModel(async ({ dir }) => {
    const training = { per_device_train_batch_size: 2, max_steps: 4, on_nan: "skip", lr_scheduler_type: "constant" };
    const { lines, result, weights, noise } = await run(dir, { training, data: poisoned(), noise: NOISE });
    equal(result.skipped, 2);
    // The first two steps alone are the same training.
    const clean = pairRows(poisoned().pairs.slice(0, 4));
    const two = await run(dir, { training: { ...training, max_steps: 2 }, data: clean, noise: NOISE });
    // By their bits: the poisoned embedding itself is NaN in both.
    const bits = (chunks: Float32Array[]): Uint32Array[] => chunks.map((c) => new Uint32Array(c.slice().buffer));
    deepEqual(bits(weights), bits(two.weights));
    deepEqual(bits(noise), bits(two.noise));
    deepEqual([lines[2]!.loss, lines[2]!.grad_norm], [null, null], "NaN in JSON");
    deepEqual(lines.slice(0, 2).map(({ loss }) => loss), two.lines.map(({ loss }) => loss));
  }, { change: poison(NaN) }));

Deno.test("optimize() keeps the numbers of more steps between two lines than the device has room for", () =>
  withTinyModel(async ({ dir }) => {
    const training = { per_device_train_batch_size: 1, max_steps: 70, logging_steps: 1_000_000_000 };
    const [line, ...others] = (await run(dir, { training })).lines;
    deepEqual([line!.step, others.length], [70, 0]);
    const steps = (await run(dir, { training: { ...training, logging_steps: 1 } })).lines;
    assertClose(line!.loss!, steps.reduce((sum, { loss }) => sum + loss!, 0) / 70, { rtol: 1e-12 });
    equal(line!.grad_norm, steps.at(-1)!.grad_norm);
  }));

Deno.test("optimize() that was stopped between two lines keeps a skipped step's NaN", () =>
  withTinyModel(async ({ dir }) => {
    const training = { per_device_train_batch_size: 2, max_steps: 8, logging_steps: 8, on_nan: "skip" };
    const whole = await run(dir, { training, data: poisoned() });
    equal(whole.lines[0]!.loss, null);
    const stop = new AbortController();
    const onStep = (done: number): void => done === 5 ? stop.abort() : undefined;
    const options = { training, data: poisoned(), name: "stopped" };
    await stoppedAt(run(dir, { ...options, signal: stop.signal, onStep }));
    deepEqual((await run(dir, options)).lines, whole.lines);
  }, { change: poison(NaN) }));

Deno.test("optimize() logs the gradients' norm before clipping, which changes where the weights go", () =>
  withTinyModel(async ({ dir }) => {
    const clippedAt = (max_grad_norm: number): ReturnType<typeof run> =>
      run(dir, { training: { max_grad_norm, max_steps: 1, lr_scheduler_type: "constant" } });
    const free = await clippedAt(0);
    const clipped = await clippedAt(1e-9);
    equal(free.lines[0]!.grad_norm, clipped.lines[0]!.grad_norm);
    equal(free.lines[0]!.grad_norm! > 0.01, true);
    // Adam's first step is lr · g / (|g| + 1e-8): nearly lr, unless clipping has made g as small as that.
    const start = await run(dir, { training: { learning_rate: 0, max_steps: 1 } });
    const moved = ({ weights }: typeof start): number =>
      Math.max(...weights.flatMap((chunk, i) => [...chunk].map((w, j) => Math.abs(w - start.weights[i]![j]!))));
    assertClose(moved(free), 1e-3, { rtol: 1e-3 });
    equal(moved(clipped) < 1e-4, true);
  }));
