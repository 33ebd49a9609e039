/** What settings of TRL, PEFT and transformers are called here, where a key of another name or shape says the same. @module */

/** Answers to keys that a config of another program may have, by the key; each ends the line `KEY: unknown key, …`. */
const ANSWERS: Readonly<Record<string, string>> = {
  use_peft: "here adapters are trained where lora is set (lora: {} takes its defaults)",
  peft_config: "here it is lora",
  peft_type: "here adapters are LoRA's, set by lora",
  lora_task_type: "here every model is a causal language model",
  task_type: "here every model is a causal language model",
  lora_modules_to_save: "here adapters train no whole modules",
  modules_to_save: "here adapters train no whole modules",
  use_dora: "here adapters are LoRA's, without DoRA",
  bias: "here biases are not trained with adapters",
  layers_pattern: "here layers_to_transform counts the decoder's layers",
  model_adapter_name: "here model may be a PEFT folder, and a frozen copy of its adapter is the reference",
  ref_adapter_name: "here model may be a PEFT folder, and a frozen copy of its adapter is the reference",
  load_in_4bit: "here it is quantization: int4 or nf4",
  use_bnb_nested_quant: "here the scales of nf4 are float32",
  load_in_8bit: "here it is quantization: int8",
  bnb_4bit_quant_type: "here it is quantization: nf4, or int4",
  quantization_config: "here it is quantization: int8, int4 or nf4",
  cache_implementation: "here generation.kv_cache_dtype says how keys and values are cached",
  ref_model: "here the reference is the model that an iteration starts from",
};

/** The answer to an unknown key that another program knows; undefined if none is known. */
export function foreignAnswer(key: string): string | undefined {
  return Object.hasOwn(ANSWERS, key) ? ANSWERS[key] : undefined;
}
