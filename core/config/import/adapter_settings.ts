/** Settings of adapters and of a quantized base. @module */
import type { ConfigDraft } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";
import { noCounterpart } from "./trainer_settings.ts";

/** The modules that PEFT adapts by default, of every architecture that dnpo has. */
const PEFT_DEFAULT = ["q_proj", "v_proj"];

/**
 * Sets the modules that get an adapter: names, or as one text a regular expression. `all` is the other program's word
 * for all linear ones.
 */
export function setTargets(
  draft: ConfigDraft,
  targets: string | readonly string[] | undefined,
  { all }: { all: string },
): void {
  if (targets === undefined || targets.length === 0) {
    draft.set("lora.target_modules", [...PEFT_DEFAULT], { remark: "default of PEFT" });
  } else if ([targets].flat().includes(all)) draft.set("lora.target_modules", "all-linear");
  else draft.set("lora.target_modules", typeof targets === "string" ? targets : [...targets]);
}

/** Refuses settings that would train something else, where they are set and not false. */
export function refuseSettings(source: ForeignSource, keys: readonly string[], expected = "none"): void {
  for (const key of keys) {
    const value = source.take(key);
    const isOff = value === undefined || value === false || value === 0 || (Array.isArray(value) && value.length === 0);
    if (!isOff) throw noCounterpart(key, value, expected);
  }
}

/** Sets how the base is held: `bits` are 4 or 8, `type` is nf4 or fp4. */
export function setQuantization(
  draft: ConfigDraft,
  { key, bits, type }: { key: string; bits: 4 | 8; type?: string | undefined },
): void {
  if (bits === 8) {
    draft.set("quantization", "int8");
    draft.differs(key, "here int8 has a scale for 32 weights, and activations stay float32");
  } else if (type === "fp4") {
    draft.set("quantization", "int4");
    draft.differs(key, "fp4 has levels of a float; here int4 has even ones, with a scale for 32 weights");
  } else draft.set("quantization", "nf4");
}
