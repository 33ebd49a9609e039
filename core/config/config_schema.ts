/** The schema of a config, made of its keys. @module */
import { z } from "zod";
import type { ResolvedConfig } from "./config_types.ts";
import { runKeys } from "./keys/run_keys.ts";

/** The schema of a config. Parsing with it fills in defaults and refuses unknown keys. */
export const configSchema: z.ZodType<ResolvedConfig> = z.strictObject(runKeys);

/** The JSON Schema's title, by which a file is recognized as this schema of whatever version. */
export const SCHEMA_TITLE = "dnpo config";

/**
 * The config's JSON Schema (draft 2020-12), for editors and for the configuration reference.
 *
 * @example
 * ```ts
 * import { configJsonSchema } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * // An editor that is given it completes a config's keys and checks their values.
 * const { properties } = configJsonSchema() as { properties: Record<string, unknown> };
 * assert.ok("training" in properties);
 * ```
 */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: "input" });
  return { $schema, title: SCHEMA_TITLE, description: "Settings of a run of dnpo.", ...schema };
}
