/** How long an answer may be. @module */
import type { DataConfig, GenerationConfig } from "../config/config_types.ts";

/** The tokens that the answer to a prompt may have: what both limits leave, and at least one. */
export function responseRoom(
  promptTokens: number,
  { generation, maxLength }: {
    generation: Pick<GenerationConfig, "max_new_tokens">;
    /** Tokens of prompt and answer together. */
    maxLength: DataConfig["max_length"];
  },
): number {
  return Math.max(1, Math.min(generation.max_new_tokens, maxLength - promptTokens));
}
