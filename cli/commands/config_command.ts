/** `dnpo config`. @module */
import { configJsonSchema, explainConfig, writeExplained } from "../../core/config/config.ts";
import { say, sayJson } from "../print.ts";
import { withConfigPaths } from "./_quickstart.ts";

/** The arguments of `dnpo config`. */
export interface ConfigOptions {
  /** Config file; undefined for the embedded quick start. */
  config: string | undefined;
  /** `key=value` overrides in the order given. */
  set: string[];
  /** Whether the JSON Schema is printed instead. */
  schema: boolean;
  /** Whether the settings are printed as JSON. */
  json: boolean;
}

/** Prints the resolved settings with where each comes from, or the JSON Schema. */
export async function config(options: ConfigOptions): Promise<number> {
  if (options.schema) {
    sayJson(configJsonSchema());
    return 0;
  }
  const { config: path, set } = withConfigPaths(options);
  const explained = await explainConfig(path, { set });
  const { config: resolved } = explained;
  // The quick start's paths point into the program's folder; the user has not typed them.
  const typed = options.set.map((item) => item.split("=")[0]!.trim());
  const isTyped = (key: string): boolean =>
    typed.some((set) => key === set || key.startsWith(`${set}.`) || set.startsWith(`${key}.`));
  const settings = explained.settings.map((setting) =>
    options.config === undefined && setting.from === "--set" && !isTyped(setting.key)
      ? { ...setting, from: "quick start" }
      : setting
  );
  if (options.json) sayJson({ config: resolved, settings });
  else say(...writeExplained(resolved, settings).trimEnd().split("\n"));
  return 0;
}
