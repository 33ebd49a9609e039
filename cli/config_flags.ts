/** Flags that stand for keys of a config, so that they have its bounds and defaults. @module */
import { loadConfig, type ResolvedConfig } from "../core/config/config.ts";
import { UserError } from "../core/error.ts";
import type { Values } from "./command_entry.ts";

/** A flag and the key that it sets. */
export interface Flag {
  /** As in `top-p`. */
  name: string;
  /** As in `generation.top_p`. */
  key: string;
}

/** Flags of sampling. */
export const SAMPLING_FLAGS: readonly Flag[] = [
  { name: "temperature", key: "generation.temperature" },
  { name: "top-p", key: "generation.top_p" },
  { name: "top-k", key: "generation.top_k" },
  { name: "max-new-tokens", key: "generation.max_new_tokens" },
  { name: "seed", key: "generation.seed" },
  { name: "kv-cache-dtype", key: "generation.kv_cache_dtype" },
];

/** How the linear layers of a model are held. */
export const QUANTIZATION_FLAG: Flag = { name: "quantization", key: "quantization" };

/** The value of a flag as the parser found it; undefined if it was not given. */
export function flagValue(values: Values, { name }: Pick<Flag, "name">): string | undefined {
  const value = values[parsedName(name)];
  return typeof value === "string" ? value : undefined;
}

/** What the parser calls a flag. */
function parsedName(flag: string): string {
  return flag.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
}

/**
 * Loads a config: `defaults`, overridden by the file `config` if there is one, by flags, and by `--set`. Throws a
 * UserError that names the flag.
 */
export async function configOfFlags(
  values: Values,
  { flags, config, set: first = [], defaults = {} }: {
    flags: readonly Flag[];
    config?: string;
    /** Settings that override the config's, and that flags override. */
    set?: readonly string[];
    defaults?: Readonly<Record<string, unknown>>;
  },
): Promise<ResolvedConfig> {
  const given = flags.flatMap((flag) => {
    const value = flagValue(values, flag);
    // In quotes, text stays text even if YAML would take it for something else; the config reads numbers from it.
    return value === undefined ? [] : [{ ...flag, set: `${flag.key}=${JSON.stringify(value)}` }];
  });
  const set = Array.isArray(values.set) ? values.set.map(String) : [];
  try {
    return await loadConfig(config, { set: [...first, ...given.map((flag) => flag.set), ...set], defaults });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const lines = error.message.split("\n").map((line) => {
      const flag = given.find(({ key }) => line.startsWith(`--set ${key}:`));
      return flag ? line.replace(`--set ${flag.key}`, `--${flag.name}`) : line;
    });
    throw new UserError(lines);
  }
}

/** Reads a setting of sampling that was typed, with the bounds of its key. Throws a UserError that calls it `name`. */
export async function readSampling(flag: Flag, text: string, name: string): Promise<ResolvedConfig["generation"]> {
  const { generation } = await configOfFlags({ [parsedName(flag.name)]: text }, { flags: [flag] }).catch((error) => {
    throw error instanceof UserError ? new UserError(error.message.replace(`--${flag.name}`, name)) : error;
  });
  return generation;
}
