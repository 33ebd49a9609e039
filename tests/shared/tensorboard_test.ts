import assert from "node:assert/strict";
import { EventFile } from "../../core/run/event_file.ts";
import { sharedTest } from "./_shared.ts";

const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
`;

async function python(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command("python3", { args }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

const there = (await python("-c", "import tensorboard")).code === 0;
if (!there) console.log("TensorBoard's reader: NOT RUN, python3 has no module tensorboard");

/** Registers nothing where TensorBoard is missing, as no result is no success. */
const tensorboardTest: typeof sharedTest = (name, run) => there && sharedTest(name, run);

tensorboardTest(
  "TensorBoard reads an event file: every tag, step and value, also after it was opened again",
  async () => {
    const dir = await Deno.makeTempDir();
    try {
      const path = `${dir}/events.out.tfevents.0.dnpo`;
      const file = await EventFile.open(path, () => true);
      for (let step = 1; step <= 300; step++) {
        await file.append(step, {
          "train/loss": 1 / step,
          "train/rewards/margins": -step,
        });
      }
      const again = await EventFile.open(path, ({ step }) => step <= 200);
      for (let step = 201; step <= 250; step++) await again.append(step, { "train/loss": 1 / step });
      const { code, out, err } = await python("-c", READ, dir);
      assert.equal(code, 0, err);
      const steps = (count: number, value: (step: number) => number): number[][] =>
        Array.from({ length: count }, (_, i) => [i + 1, Math.fround(value(i + 1))]);
      assert.deepEqual(JSON.parse(out), {
        "train/loss": steps(250, (step) => 1 / step),
        "train/rewards/margins": steps(200, (step) => -step),
      });
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
