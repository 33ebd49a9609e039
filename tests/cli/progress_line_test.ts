import assert from "node:assert/strict";
import { formatDuration, formatProgress, Progress, type ProgressOptions } from "../../cli/progress_line.ts";
import { COMPILE_STAGE } from "../../core/progress.ts";
import { runSource } from "./_process.ts";

/** A progress that writes into a list, with a clock that the test sets. */
function recorded(options: ProgressOptions) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const progress = new Progress({ write: (text) => written.push(text), now: () => clock.ms, ...options });
  return { progress, written, clock };
}

/** Text without the codes that a terminal would take. */
function visible(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;]*[a-zA-Z]|\r/g, "");
}

Deno.test("formatDuration() gives two units at most", () => {
  assert.deepEqual([0, 59.4, 59.6, 200, 3599.6, 7500].map(formatDuration), [
    "0s",
    "59s",
    "1m 00s",
    "3m 20s",
    "1h 00m",
    "2h 05m",
  ]);
});

Deno.test("formatProgress() shows stage, iteration, done/total, tokens per second, time left and loss", () => {
  const event = { stage: "optimize", iteration: 1, done: 250, total: 1000, tokens: 90_000, loss: 0.69314 };
  assert.equal(
    formatProgress(event, { seconds: 10, done: 50, tokens: 20_000 }),
    "iteration 1 optimize  250/1,000  2,000 tok/s  2m 30s left  loss 0.6931",
  );
});

Deno.test("formatProgress() leaves out what is not known yet", () => {
  const pace = { seconds: 0, done: 0, tokens: 0 };
  assert.equal(formatProgress({ stage: "label", done: 0, total: 5, tokens: 0 }, pace), "label  0/5");
  const [early, later] = [{ ...pace, done: 1, seconds: 0.9 }, { ...pace, done: 1, seconds: 1 }];
  assert.equal(formatProgress({ stage: "label", done: 1, total: 5 }, early), "label  1/5");
  assert.equal(formatProgress({ stage: "label", done: 1, total: 5 }, later), "label  1/5  4s left");
  assert.equal(
    formatProgress({ stage: "label", done: 5, total: 5 }, { ...pace, seconds: 3 }),
    "label  5/5  done in 3s",
  );
});

Deno.test("Progress writes a plain line at first, every ten seconds and at last where there is no terminal", () => {
  const { progress, written, clock } = recorded({ isTerminal: false });
  for (let done = 0; done <= 25; done++) {
    clock.ms = done * 1000;
    progress.update({ stage: "label", done, total: 25 });
  }
  progress.finish();
  assert.deepEqual(written, [
    "label  0/25\n",
    "label  10/25  15s left\n",
    "label  20/25  5s left\n",
    "label  25/25  done in 25s\n",
  ]);
});

Deno.test("Progress rewrites one line of a terminal at most ten times a second, and ends it once", () => {
  const { progress, written, clock } = recorded({ isTerminal: true, columns: () => 80 });
  for (let done = 0; done <= 1000; done++) {
    clock.ms = done;
    progress.update({ stage: "label", done, total: 1000 });
  }
  progress.finish();
  progress.finish();
  assert.equal(written.length, 12);
  assert.equal(written.pop(), "\n");
  assert(written.every((text) => text.startsWith("\r") && text.endsWith("\x1b[K") && !text.includes("\n")));
  assert.equal(visible(written[1]!), "label  100/1,000");
});

Deno.test("Progress measures the pace from the first event of a stage, so that a resumed one is right", () => {
  const { progress, written, clock } = recorded({ isTerminal: false });
  progress.update({ stage: "generate", iteration: 0, done: 900, total: 1000, tokens: 5000 });
  clock.ms = 10_000;
  progress.update({ stage: "generate", iteration: 0, done: 950, total: 1000, tokens: 6000 });
  assert.equal(written[1], "iteration 0 generate  950/1,000  100 tok/s  10s left\n");
});

Deno.test("Progress shows the last event of a stage before the next begins", () => {
  const { progress, written, clock } = recorded({ isTerminal: false });
  progress.update({ stage: "generate", done: 0, total: 9 });
  clock.ms = 2000;
  progress.update({ stage: "generate", done: 4, total: 9 });
  progress.update({ stage: "label", done: 0, total: 9 });
  progress.update({ stage: "label", iteration: 1, done: 1, total: 9 });
  assert.deepEqual(written, [
    "generate  0/9\n",
    "generate  4/9  3s left\n",
    "label  0/9\n",
    "iteration 1 label  1/9\n",
  ]);
});

Deno.test("Progress shows compiled kernels as a stage of their own, without the run's bar and time", () => {
  const { progress, written, clock } = recorded({ isTerminal: true, iterations: 2, columns: () => 100 });
  const generated = (done: number) => progress.update({ stage: "generate", iteration: 1, done, total: 2 });
  generated(0);
  clock.ms = 2000;
  progress.update({ stage: COMPILE_STAGE, done: 12, total: 48 });
  clock.ms = 4000;
  progress.update({ stage: COMPILE_STAGE, done: 48, total: 48 });
  generated(1);
  deepEqualLines(written, [
    "█████░░░░░ iteration 1 generate  0/2",
    "",
    "compile kernels  12/48",
    "compile kernels  48/48  done in 2s",
    "",
    "█████░░░░░ iteration 1 generate  1/2",
  ]);
});

/** Compares lines without the codes and newlines of a terminal. */
function deepEqualLines(written: readonly string[], expected: readonly string[]): void {
  assert.deepEqual(written.map((text) => visible(text).trimEnd()), expected);
}

Deno.test("Progress cuts the line to the terminal's width", () => {
  const { progress, written } = recorded({ isTerminal: true, columns: () => 10 });
  progress.update({ stage: "generate", done: 1, total: 2 });
  assert.equal(visible(written[0]!), "generate");
});

Deno.test("Progress cuts no number: it leaves out parts, then the bar, then shortens the stage's name", () => {
  const at = (columns: number, stage: string, iterations?: number): string => {
    const { progress, written } = recorded({
      isTerminal: true,
      columns: () => columns,
      ...(iterations !== undefined && { iterations }),
    });
    progress.update({ stage, iteration: 0, done: 1234, total: 56_789 });
    return visible(written[0]!);
  };
  assert.equal(at(50, "optimize", 3), "░░░░░░░░░░ iteration 0 optimize  1,234/56,789");
  assert.equal(at(40, "optimize", 3), "iteration 0 optimize  1,234/56,789");
  assert.equal(at(35, "download org/name-of-a-model"), "iteration 0 downloa…  1,234/56,789");
  assert.equal(at(20, "optimize"), "iteration 0 optimi…");
  assert.equal(at(36, "模型模型模型模型"), "iteration 0 模型模型…  1,234/56,789");
});

Deno.test("Progress.note() after a stage has ended stands below its line, which is not drawn again", () => {
  const { progress, written } = recorded({ isTerminal: true, columns: () => 80 });
  progress.update({ stage: "label", done: 9, total: 9 });
  progress.note("accuracy 0.5");
  progress.update({ stage: "label", done: 9, total: 9 });
  progress.note("and more");
  progress.update({ stage: "optimize", done: 0, total: 9 });
  progress.finish();
  assert.deepEqual(written.map(visible), [
    "label  9/9  done in 0s",
    "\n",
    "accuracy 0.5\n",
    "and more\n",
    "optimize  0/9",
    "\n",
  ]);
});

Deno.test("Progress.note() keeps a line above the rewritten one", () => {
  const { progress, written } = recorded({ isTerminal: true, columns: () => 80 });
  progress.note("first");
  progress.update({ stage: "label", done: 0, total: 9 });
  progress.note("accuracy 0.5");
  assert.deepEqual(written.map(visible), ["first\n", "label  0/9", "accuracy 0.5\n", "label  0/9"]);
});

Deno.test("Progress shows nothing but warnings when quiet", () => {
  const { progress, written } = recorded({ isTerminal: true, quiet: true, columns: () => 80 });
  progress.update({ stage: "label", done: 0, total: 9 });
  progress.note("hello");
  progress.note("Warning: the loss is high");
  progress.result("done");
  progress.finish();
  assert.deepEqual(written, ["Warning: the loss is high\n"]);
});

Deno.test("Progress writes plain lines to the standard error of a process, and nothing else", async () => {
  const ended = await runSource(
    `
    import { Progress } from "./progress_line.ts";
    const progress = new Progress();
    for (let done = 0; done <= 3; done++) progress.update({ stage: "label", done, total: 3 });
    progress.finish();`,
    { permissions: [] },
  );
  assert.deepEqual(ended, { code: 0, out: "", err: "label  0/3\nlabel  3/3  done in 0s\n" });
});

Deno.test("formatProgress() shows sizes and their pace where bytes are counted", () => {
  const event = { stage: "download org/name", done: 1_500_000, total: 2_000_000_000, unit: "bytes" } as const;
  assert.equal(
    formatProgress(event, { seconds: 2, done: 1_000_000, tokens: 0 }),
    "download org/name  1.5 MB/2.00 GB  500.0 kB/s  1h 07m left",
  );
  assert.equal(
    formatProgress({ ...event, done: 900, total: 900 }, { seconds: 0, done: 0, tokens: 0 }),
    "download org/name  900 B/900 B  done in 0s",
  );
});

Deno.test("Progress tells what is left of the whole run once an iteration was seen to its end", () => {
  const { progress, written, clock } = recorded({ isTerminal: false, iterations: 3 });
  // An iteration: 10 s to generate, 30 s to optimize.
  const run = (iteration: number): void => {
    for (const [stage, seconds] of [["generate", 10], ["optimize", 30]] as const) {
      for (let done = 0; done <= 2; done++) {
        progress.update({ stage, iteration, done, total: 2 });
        if (done < 2) clock.ms += 1000 * seconds / 2;
      }
    }
  };
  progress.update({ stage: "evaluate", done: 0, total: 1 });
  clock.ms += 5000;
  for (let k = 0; k < 3; k++) run(k);
  const left = written.filter((line) => line.includes("left"));
  assert.deepEqual(left.filter((line) => line.includes("optimize")), [
    "iteration 0 optimize  1/2  15s left\n",
    // One iteration of 40 s follows.
    "iteration 1 optimize  1/2  15s left, 55s of the run\n",
    "iteration 2 optimize  1/2  15s left, 15s of the run\n",
  ]);
});

Deno.test("Progress breaks no word of a terminal's lines", () => {
  const { progress, written } = recorded({ isTerminal: true, columns: () => 40 });
  progress.note("The verifier in runs/a/verifier.ts has printed several lines to the terminal");
  for (const line of visible(written.join("")).split("\n")) assert(line.length <= 40, line);
  assert.match(
    visible(written.join("")),
    /^The verifier in runs\/a\/verifier.ts has\n {2}printed several lines to the terminal\n$/,
  );
  written.length = 0;
  progress.update({ stage: "optimize", iteration: 12, done: 100, total: 1000, tokens: 5, loss: 0.5 });
  assert.equal(visible(written.join("")), "iteration 12 optimize  100/1,000");
});

Deno.test("Progress writes a result below the line of its stage", () => {
  const { progress, written } = recorded({ isTerminal: true, columns: () => 80 });
  progress.update({ stage: "evaluate", done: 1, total: 1 });
  progress.result("start: greedy 50 %");
  progress.finish();
  assert.equal(visible(written.join("")), "evaluate  1/1  done in 0s\nstart: greedy 50 %\n");
});

Deno.test("Progress shows in a terminal how much of the whole run is done", () => {
  const { progress, written, clock } = recorded({ isTerminal: true, columns: () => 80, iterations: 2 });
  const bars: string[] = [];
  const see = (stage: string, done: number, iteration?: number): void => {
    progress.update({ stage, done, total: 2, ...(iteration !== undefined && { iteration }) });
    bars.push(/^[█░]*/.exec(visible(written.at(-1)!))![0]);
    clock.ms += 1000;
  };
  see("evaluate", 0);
  for (const iteration of [0, 1]) {
    for (const stage of ["generate", "label", "reference", "optimize", "evaluate"]) {
      for (let done = 0; done <= 2; done++) see(stage, done, iteration);
    }
  }
  const full = bars.map((bar) => bar.lastIndexOf("█") + 1);
  assert.deepEqual(full, full.toSorted((a, b) => a - b), "it never goes back");
  assert.deepEqual([full[0], full[15], full.at(-1)], [0, 5, 10]);
  assert(bars.every((bar) => bar.length === 10), String(bars));
});
