/** The settings of the engine's functions: those of a config, with its defaults, given as plain values. @module */
import { forIteration, type IterationConfig, loadConfig } from "../config/config.ts";
import type { NoiseSection, TrainingConfig } from "../config/config_types.ts";
import type { GenerationConfig } from "../config/config_types.ts";

/** How answers are sampled: keys of a config's `generation`. */
export type SamplingSettings = Partial<
  Pick<
    GenerationConfig,
    "temperature" | "top_p" | "top_k" | "max_new_tokens" | "batch_size" | "seed" | "kv_cache_dtype"
  >
>;

/** How a model is trained: sections of a config, with its defaults. */
export interface TrainingSettings {
  /** Keys of `training`. */
  training?: Partial<TrainingConfig>;
  /** Keys of `noise`, or "none". If it is absent, a loss with a reference has noise, as in a config of method dnpo. */
  noise?: "none" | Partial<NoiseSection>;
  /** The iteration that random numbers are drawn for (default 0). */
  iteration?: number;
  /** Most tokens of prompt and answer together (default 1024). */
  max_length?: number;
}

/** The settings of sampling. Throws a UserError naming a wrong key. */
export async function samplingSettings(generation: SamplingSettings): Promise<GenerationConfig> {
  return (await resolve({ generation })).generation;
}

/** The settings of training. Throws a UserError naming a wrong key. */
export async function trainingSettings(
  { training = {}, noise, iteration = 0, max_length }: TrainingSettings,
): Promise<IterationConfig> {
  return await resolve({
    method: training.loss_type === "sft" ? "sft" : "dnpo",
    iteration,
    training,
    ...(noise !== undefined && { noise }),
    ...(max_length !== undefined && { data: { max_length } }),
  });
}

async function resolve(defaults: Readonly<Record<string, unknown>>): Promise<IterationConfig> {
  const config = await loadConfig(undefined, { defaults });
  return forIteration(config, config.iteration);
}
