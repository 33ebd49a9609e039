import assert from "node:assert/strict";
import { runPool, streamPool } from "../../../core/server/request_pool.ts";

const { signal } = new AbortController();
const items = Array.from({ length: 20 }, (_, i) => i);
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

Deno.test("runPool() runs all, so many at a time, in order of their start", async () => {
  let [open, most] = [0, 0];
  const started: number[] = [];
  await runPool(items, { concurrency: 4, signal }, async (item) => {
    started.push(item);
    most = Math.max(most, ++open);
    await pause(1);
    open--;
  });
  assert.deepEqual(started, items);
  assert.equal(most, 4);
});

Deno.test("runPool() lets what is under way end after a failure, starts no more, and throws the first", async () => {
  const ended: number[] = [];
  const run = runPool(items, { concurrency: 3, signal }, async (item, stop) => {
    if (item === 1) throw new Error("first");
    await pause(5);
    assert.equal(stop.aborted, true);
    ended.push(item);
    if (item === 2) throw new Error("second");
  });
  await assert.rejects(run, /first/);
  assert.deepEqual(ended, [0, 2]);
});

Deno.test("runPool() starts no more once it is stopped", async () => {
  const controller = new AbortController();
  const ended: number[] = [];
  await runPool(items, { concurrency: 2, signal: controller.signal }, async (item) => {
    if (item === 3) controller.abort();
    await pause(1);
    ended.push(item);
  });
  assert.deepEqual(ended.toSorted((a, b) => a - b), [0, 1, 2, 3]);
});

Deno.test("streamPool() yields every result as it comes", async () => {
  const seen: number[] = [];
  const work = async (item: number): Promise<number> => {
    await pause(item % 3);
    return item * 10;
  };
  for await (const result of streamPool(items, { concurrency: 5, signal }, work)) seen.push(result);
  assert.deepEqual(seen.toSorted((a, b) => a - b), items.map((item) => item * 10));
});

Deno.test("streamPool() yields what was there before a failure, then throws; it ends its work where the caller leaves", async () => {
  const seen: number[] = [];
  const failing = async (item: number): Promise<number> => {
    await pause(1);
    if (item === 5) throw new Error("five");
    return item;
  };
  await assert.rejects(async () => {
    for await (const result of streamPool(items, { concurrency: 1, signal }, failing)) seen.push(result);
  }, /five/);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  let started = 0;
  for await (const _ of streamPool(items, { concurrency: 2, signal }, () => Promise.resolve(started++))) break;
  assert(started < items.length, String(started));
});
