/** The limit of an answer's length. @module */
import type { DataConfig, GenerationConfig } from "../config/config_types.ts";

/** The most tokens of the answer to a prompt: what both limits allow, but at least one. */
export function responseRoom(
  promptTokens: number,
  { generation, maxLength }: {
    generation: Pick<GenerationConfig, "max_new_tokens">;
    /** The most tokens of prompt and answer together. */
    maxLength: DataConfig["max_length"];
  },
): number {
  return Math.max(1, Math.min(generation.max_new_tokens, maxLength - promptTokens));
}
