/** A resolved config as YAML. @module */
import { stringify } from "yaml";
import type { ResolvedConfig } from "./types.ts";

/** The config as YAML, every default filled in, in the schema's order: the same text for the same settings. */
export function writeResolved(config: ResolvedConfig): string {
  return stringify(config, { lineWidth: 0, aliasDuplicateObjects: false });
}
