/** Keys of `lora`. @module */
import { z } from "zod";
import { count, key, type KeyFacts, named, text } from "./key.ts";

/** The facts of a key that has the same name in PEFT. */
const LORA: KeyFacts = { hf: ["LoraConfig"] };

const ranks = named("Readonly<Record<string, number>>", z.record(text, count));
const alphas = named("Readonly<Record<string, number>>", z.record(text, z.number().gt(0)));
const modules = named("string | string[]", z.union([text, z.array(text).min(1)]));
const layer = z.int().min(0);

/** Keys of `lora`. */
export const loraKeys = {
  r: key(count.default(16), "Rank of the adapters.", { hf: ["LoraConfig", "ModelConfig.lora_r"] }),
  lora_alpha: key(
    z.number().gt(0).default(32),
    "Numerator of the adapters' scale, which is lora_alpha / r, above 0.",
    { hf: ["LoraConfig", "ModelConfig"] },
  ),
  lora_dropout: key(
    z.number().min(0).lt(1).default(0),
    "Share of an adapter's inputs that a training step leaves out, from 0 to below 1.",
    { hf: ["LoraConfig", "ModelConfig"] },
  ),
  use_rslora: key(z.boolean().default(false), "Whether the scale is lora_alpha / √r.", {
    hf: ["LoraConfig", "ModelConfig"],
  }),
  target_modules: key(
    modules.default("all-linear"),
    "Modules that get an adapter: all-linear (all but the LM head), a list of names or of their ends, or a regular " +
      "expression that the whole name matches.",
    { hf: ["LoraConfig", "ModelConfig.lora_target_modules"] },
  ),
  exclude_modules: key(
    modules.exactOptional(),
    "Modules that get none, as target_modules names them.",
    LORA,
  ),
  rank_pattern: key(
    ranks.default({}),
    "Ranks other than r, by names of modules or regular expressions for their ends.",
    LORA,
  ),
  alpha_pattern: key(alphas.default({}), "As rank_pattern, for lora_alpha.", LORA),
  layers_to_transform: key(
    named("number | number[]", z.union([layer, z.array(layer).min(1)])).exactOptional(),
    "Layers whose modules get an adapter, from 0; default: all.",
    LORA,
  ),
  init_lora_weights: key(
    named("true | string", z.union([z.literal(true), text])).default(true),
    "First values. true: A uniform ±1/√inputs and B zero; gaussian: A normal with standard deviation 1/r and B zero; " +
      "or a PEFT folder, whose A and B are taken.",
    LORA,
  ),
  save: key(
    z.enum(["merged", "adapter", "both"]).default("merged"),
    "What is handed out. merged: a model folder with the adapters merged into the weights; adapter: a PEFT folder.",
    { mayDiffer: true },
  ),
};
