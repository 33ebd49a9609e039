/**
 * Makes what the quick start begins with: rows, held-out rows, tokenizer and model settings, beside this file. The
 * weights are made by fine_tune.ts.
 *
 *     deno task example examples/quickstart/make.ts
 *
 * @module
 */
import { GENERATION_CONFIG, MODEL_CONFIG } from "./initial_model.ts";
import { COMMITTED, makeTask, type Row } from "./task.ts";
import { tokenizerFiles } from "./word_tokenizer.ts";

/** Every file's text by its path from this folder. */
export function quickstartFiles(): Map<string, string> {
  const { rows, heldOut } = makeTask(COMMITTED.seed, COMMITTED.sizes);
  const files = new Map([["rows.jsonl", jsonLines(rows)], ["eval.jsonl", jsonLines(heldOut)]]);
  const model: Record<string, unknown> = {
    "config.json": MODEL_CONFIG,
    "generation_config.json": GENERATION_CONFIG,
    ...tokenizerFiles({ maxLength: MODEL_CONFIG.max_position_embeddings }),
  };
  for (const [name, value] of Object.entries(model)) files.set(`model/${name}`, json(value));
  return files;
}

/** Rows as JSON lines. */
export function jsonLines(rows: readonly Row[]): string {
  return rows.map((row) => JSON.stringify(row) + "\n").join("");
}

/** JSON in which Python reads a float where transformers wants one: JavaScript writes 10000.0 as 10000. */
function json(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/("(?:rope_theta|attention_dropout)": \d+)(?=,?\n)/g, "$1.0") + "\n";
}

if (import.meta.main) {
  await Deno.mkdir(new URL("model/", import.meta.url), { recursive: true });
  for (const [path, text] of quickstartFiles()) {
    await Deno.writeTextFile(new URL(path, import.meta.url), text);
    console.log(`examples/quickstart/${path}  ${text.length} bytes`);
  }
}
