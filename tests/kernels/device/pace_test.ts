import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { addWork, Pace, type Work } from "../../../kernels/device/pace.ts";

/** A pace whose clock stands where it is set. */
function paceAt(): { pace: Pace; clock: { ms: number } } {
  const clock = { ms: 1000 };
  return { pace: new Pace(() => clock.ms), clock };
}

/** Takes note of work that takes so many seconds. */
function take({ pace, clock }: ReturnType<typeof paceAt>, work: Work, seconds: number): void {
  pace.submitted(work);
  const ended = pace.fence();
  clock.ms += 1000 * seconds;
  ended();
}

Deno.test("Pace begins with a slow device, and learns how long work takes in both directions", () => {
  const at = paceAt();
  equal(at.pace.secondsOf("forward", 1e10), 1);
  equal(at.pace.secondsOf("update", 1e9), 1);
  take(at, { forward: 1e10 }, 2);
  equal(at.pace.secondsOf("forward", 1e10), 2);
  equal(at.pace.secondsOf("backward", 1e10), 1, "of another kind nothing is known");
  take(at, { forward: 1e10 }, 0.5);
  equal(at.pace.secondsOf("forward", 1e10), 0.5);
});

Deno.test("Pace takes a short time for no more than a bound, since a fence takes time itself", () => {
  const at = paceAt();
  take(at, { forward: 1e6 }, 0.04);
  equal(at.pace.secondsOf("forward", 1e10), 1);
  take(at, { forward: 1e10 }, 0.04);
  equal(at.pace.secondsOf("forward", 1e10), 0.04);
  take(at, { forward: 1e10 }, 0);
  ok(at.pace.secondsOf("forward", 1e10) > 0);
});

Deno.test("Pace takes a time in which kernels were compiled for no more than a bound", () => {
  const at = paceAt();
  at.pace.compiled();
  take(at, { forward: 1e10 }, 5);
  equal(at.pace.secondsOf("forward", 1e10), 1);
  take(at, { forward: 1e10 }, 5);
  equal(at.pace.secondsOf("forward", 1e10), 5);
  at.pace.compiled();
  take(at, { forward: 1e10 }, 3);
  equal(at.pace.secondsOf("forward", 1e10), 3);
});

Deno.test("Pace counts a time from the first submission after a fence, and not while the device does earlier work", () => {
  const { pace, clock } = paceAt();
  pace.submitted({ forward: 1e10 });
  const first = pace.fence();
  clock.ms += 1000;
  pace.submitted({ forward: 1e10 });
  pace.submitted({ forward: 1e10 });
  const second = pace.fence();
  clock.ms += 1000;
  first();
  equal(pace.secondsOf("forward", 1e10), 2);
  clock.ms += 6000;
  second();
  equal(pace.secondsOf("forward", 1e10), 3);
  // Nobody works between two questions of a user.
  clock.ms += 60_000;
  const at = { pace, clock };
  take(at, { forward: 1e10 }, 1);
  equal(pace.secondsOf("forward", 1e10), 1);
  // Work that was not announced, a fence with no work, and a wait that failed say nothing.
  take(at, {}, 9);
  take(at, { forward: 0 }, 9);
  pace.fence()();
  pace.submitted({ forward: 1 });
  pace.fence();
  equal(pace.secondsOf("forward", 1e10), 1);
});

Deno.test("Pace never foresees less than the time that it has seen, nor any kind alone as longer", () => {
  const amount = fc.double({ min: 1, max: 1e12, noNaN: true });
  const work = fc.record({ forward: amount, backward: amount, decode: amount, update: amount }, { requiredKeys: [] });
  const seen = fc.tuple(work, fc.double({ min: 0.05, max: 100, noNaN: true }));
  fc.assert(fc.property(fc.array(seen, { minLength: 1, maxLength: 5 }), (history) => {
    const at = paceAt();
    for (const [work, seconds] of history) {
      take(at, work, seconds);
      const kinds = Object.entries(work) as [keyof Work, number][];
      const each = kinds.map(([kind, amount]) => at.pace.secondsOf(kind, amount));
      if (kinds.length === 0) continue;
      ok(each.reduce((a, b) => a + b) >= seconds * (1 - 1e-6), `${each} of ${seconds}`);
      for (const one of each) ok(one <= seconds * (1 + 1e-6), `${each} of ${seconds}`);
    }
  }));
});

Deno.test("addWork() adds by kind", () => {
  const sum: Work = { forward: 1 };
  addWork(sum, { forward: 2, update: 3 });
  deepEqual(sum, { forward: 3, update: 3 });
});
