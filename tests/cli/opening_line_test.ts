import { equal } from "node:assert/strict";
import { openingLine } from "../../cli/opening_line.ts";
import { loadConfig } from "../../core/config/config.ts";

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
});
