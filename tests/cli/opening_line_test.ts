import { equal } from "node:assert/strict";
import { openingLine, secondsLeft } from "../../cli/opening_line.ts";
import { loadConfig } from "../../core/config/config.ts";
import { withFolder } from "../core/_tiny.ts";

Deno.test("openingLine() says what is run, on what and where, and of a stage which rows it reads", async () => {
  const defaults = {
    model: "m",
    output_dir: "o",
    iterations: 2,
    method: "spin",
    data: { train: ["a.jsonl", "b.jsonl"] },
  };
  const config = await loadConfig(undefined, { defaults });
  const device = "cpu";
  equal(
    openingLine(config, { device, isWhole: true }),
    "model m, rows a.jsonl, b.jsonl, method spin, 2 iterations, device cpu, folder o",
  );
  equal(openingLine(config, { device, isWhole: false }), "model m, rows a.jsonl, b.jsonl, device cpu, folder o");
  equal(
    openingLine(config, { device, isWhole: false, rows: "pairs.jsonl" }),
    "model m, rows pairs.jsonl, device cpu, folder o",
  );
  const set = { name: "a.jsonl, b.jsonl", isHeldOut: false, kind: "examples", rows: 1500, kept: 1500 } as const;
  const held = { name: "c.jsonl", isHeldOut: true, kind: "examples", rows: 9, kept: 7 } as const;
  equal(
    openingLine(config, { device, isWhole: true, read: [held, set], seconds: null }),
    "model m, rows a.jsonl, b.jsonl (1,500), held out c.jsonl (7 of 9), method spin, 2 iterations, device cpu, " +
      "folder o, time known after the first steps",
  );
  equal(
    openingLine(config, { device, isWhole: false, read: [{ ...set, name: "p.jsonl", kind: "pairs" }], seconds: 200 }),
    "model m, rows p.jsonl (1,500 pairs), device cpu, folder o, about 3m 20s left",
  );
});

Deno.test("secondsLeft() tells what is left by the stages that a run has done, and nothing of a folder without any", () =>
  withFolder(async (dir) => {
    equal(await secondsLeft(dir, 3), null);
    await Deno.writeTextFile(`${dir}/config.yaml`, "method: spin\niterations: 3\n");
    const stages = ["generate", "label", "optimize"];
    const timings = stages.map((stage, i) => JSON.stringify({ iteration: 0, stage, seconds: 10 * (i + 1) }) + "\n");
    await Deno.writeTextFile(`${dir}/timings.jsonl`, timings.slice(0, 2).join(""));
    equal(await secondsLeft(dir, 3), null);
    await Deno.writeTextFile(`${dir}/timings.jsonl`, timings.join(""));
    equal(await secondsLeft(dir, 3), 120);
    equal(await secondsLeft(dir, 4), 180);
  }));
