/** Adapters and quantization as TRL's ModelConfig names them. @module */
import { setQuantization, setTargets } from "./adapter_settings.ts";
import type { ConfigDraft } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";

/** Takes the settings of the base's quantization, and with `use_peft` those of the adapter. */
export function takeTrlAdapter(source: ForeignSource, draft: ConfigDraft, program: string): void {
  const isUsed = source.flag("use_peft") ?? false;
  const [four, eight] = [source.flag("load_in_4bit"), source.flag("load_in_8bit")];
  const type = source.text("bnb_4bit_quant_type");
  if (four) setQuantization(draft, { key: "load_in_4bit", bits: 4, type });
  else if (eight) setQuantization(draft, { key: "load_in_8bit", bits: 8 });
  if (source.flag("use_bnb_nested_quant")) draft.differs("use_bnb_nested_quant", "here the scales are float32");
  const numbers = { lora_r: ["r", 16], lora_alpha: ["lora_alpha", 32], lora_dropout: ["lora_dropout", 0.05] } as const;
  const targets = source.texts("lora_target_modules");
  const isScaled = source.flag("use_rslora");
  const values = Object.entries(numbers).map(([key, [ours, fallback]]) => ({
    ours,
    value: source.number(key),
    fallback,
  }));
  if (!isUsed) {
    if (values.some(({ value }) => value !== undefined) || targets !== undefined) {
      draft.missing("lora_…", "use_peft is not true, so that all weights are trained there, and here");
    }
    return;
  }
  for (const { ours, value, fallback } of values) draft.setOr(`lora.${ours}`, value, { fallback, program });
  draft.setOr("lora.use_rslora", isScaled, { fallback: false, program });
  // One name alone is a regular expression to PEFT, as a text is here.
  setTargets(draft, targets?.length === 1 ? targets[0] : targets, { all: "all-linear" });
  draft.set("lora.save", "adapter", { remark: "as there; merged hands out a model" });
}
