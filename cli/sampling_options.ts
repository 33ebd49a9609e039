/** Options of the commands that sample. @module */
import type { OptionEntry } from "./command_entry.ts";

/** The options of sampling: those that SAMPLING_FLAGS turns into keys of a config. */
export function samplingOptions(defaults: Record<"temperature" | "tokens" | "seed", string>): OptionEntry[] {
  return [
    {
      flags: "--temperature <number>",
      summary: `how freely tokens are drawn; 0: always the likeliest (default: ${defaults.temperature})`,
    },
    { flags: "--top-p <number>", summary: "draw from the likeliest tokens, of this share in all" },
    { flags: "--top-k <count>", summary: "draw from so many of the likeliest tokens; 0: from all" },
    { flags: "--max-new-tokens <count>", summary: `tokens of an answer at most (default: ${defaults.tokens})` },
    { flags: "--seed <number>", summary: `seed of sampling (default: ${defaults.seed})` },
    {
      flags: "--kv-cache-dtype <type>",
      summary: "cached keys and values: float32, or bfloat16 or float16 in half the memory (default: float32)",
    },
  ];
}
