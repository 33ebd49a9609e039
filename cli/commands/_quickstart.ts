/** The quick start that comes with the program. @module */
import { fromFileUrl } from "../../core/files/file_url.ts";

const FILES = {
  model: "model",
  "data.train": "rows.jsonl",
  "data.eval": "eval.jsonl",
  "labels.verifier": "verifier.ts",
} as const;

/** Returns the options if they name a config, otherwise those of the quick start, with the paths of its files. */
export function withConfigPaths<T extends { config: string | undefined; set: string[] }>(options: T): T {
  if (options.config !== undefined) return options;
  const path = (name: string): string => fromFileUrl(new URL(`../../examples/quickstart/${name}`, import.meta.url));
  const set = Object.entries(FILES).map(([key, name]) => `${key}=${JSON.stringify(path(name))}`);
  return { ...options, config: path("config.yaml"), set: [...set, ...options.set] };
}
