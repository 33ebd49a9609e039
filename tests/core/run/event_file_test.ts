import assert from "node:assert/strict";
import { EventFile, maskedCrc32c } from "../../../core/run/event_file.ts";
import { readEvents } from "../../_shared/event_file.ts";
import { withFolder } from "../_tiny.ts";

Deno.test("maskedCrc32c() is CRC-32C's check value, rotated and offset", () => {
  const crc = 0xe3069283; // of "123456789", from the CRC catalogue
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  assert.equal(maskedCrc32c(new TextEncoder().encode("123456789")), masked);
});

Deno.test("an event file reads back: version first, then each step's tags and values", () =>
  withFolder(async (dir) => {
    const path = `${dir}/runs/events.out.tfevents.0`;
    const before = Date.now() / 1000;
    const file = await EventFile.open(path, () => true);
    await file.append(1, { "train/loss": 0.1, "train/rewards/margins": -2.5 });
    await file.append(300, { "train/größe": NaN });
    await file.append(-1, { x: Infinity });
    assert.equal(file.has(300, "train/größe"), true);
    assert.equal(file.has(1, "train/größe"), false);
    const { version, events } = await readEvents(path);
    assert.equal(version, "brain.Event:2");
    assert.deepEqual(events.map(({ step, values }) => [step, values]), [
      [1, { "train/loss": Math.fround(0.1), "train/rewards/margins": -2.5 }],
      [300, { "train/größe": NaN }],
      [-1, { x: Infinity }],
    ]);
    for (const { wallTime } of events) assert(wallTime >= before && wallTime <= Date.now() / 1000);
  }));

Deno.test("an event file that is opened again keeps what it is asked to, without a torn end", () =>
  withFolder(async (dir) => {
    const path = `${dir}/events.out.tfevents.0`;
    const file = await EventFile.open(path, () => true);
    for (const step of [1, 2, 3]) await file.append(step, { loss: step });
    const whole = await Deno.readFile(path);
    await Deno.writeFile(path, whole.subarray(0, -3));
    const again = await EventFile.open(path, ({ step }) => step !== 1);
    assert.deepEqual([again.has(1, "loss"), again.has(2, "loss"), again.has(3, "loss")], [false, true, false]);
    await again.append(4, { loss: 4 });
    const { events } = await readEvents(path);
    assert.deepEqual(events.map(({ step }) => step), [2, 4]);
  }));

Deno.test("a record whose sum is wrong ends what is kept", () =>
  withFolder(async (dir) => {
    const path = `${dir}/events.out.tfevents.0`;
    const file = await EventFile.open(path, () => true);
    await file.append(1, { loss: 1 });
    const first = (await Deno.stat(path)).size;
    await file.append(2, { loss: 2 });
    await file.append(3, { loss: 3 });
    const bytes = await Deno.readFile(path);
    bytes[first + 20]! ^= 1;
    await Deno.writeFile(path, bytes);
    await EventFile.open(path, () => true);
    assert.deepEqual((await readEvents(path)).events.map(({ step }) => step), [1]);
  }));
