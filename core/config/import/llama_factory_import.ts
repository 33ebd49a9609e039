/** Configs of LLaMA-Factory. @module */
import { refuseSettings, setQuantization, setTargets } from "./adapter_settings.ts";
import { takeBestModel } from "./best_model.ts";
import type { ConfigDraft } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";
import { type DatasetInfo, takeLlamaFactoryData } from "./llama_factory_data.ts";
import { takeModel, tellPrecision } from "./model_settings.ts";
import { setLoss } from "./loss_setting.ts";
import { noCounterpart, takeLogging, takeTrainer } from "./trainer_settings.ts";
import { takeEvaluates, tellEvaluation } from "./trl_data.ts";

const PROGRAM = "LLaMA-Factory";

/** Defaults of its arguments, by key. */
const DEFAULTS = {
  learning_rate: 5e-5,
  per_device_train_batch_size: 8,
  gradient_accumulation_steps: 1,
  num_train_epochs: 3,
  max_steps: -1,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  weight_decay: 0,
  max_grad_norm: 1,
  seed: 42,
};

/** Settings that would train something else. */
const REFUSED = [
  "use_dora",
  "pissa_init",
  "additional_target",
  "loraplus_lr_ratio",
  "use_galore",
  "use_apollo",
  "use_badam",
  "use_adam_mini",
  "use_muon",
  "use_llama_pro",
  "use_dft_loss",
  "use_asft_loss",
  "use_eaft_loss",
  "mixture_of_depths",
  "shift_attn",
  "rope_scaling",
  "train_from_scratch",
  "resize_vocab",
  "add_tokens",
  "add_special_tokens",
  "neftune_noise_alpha",
  "label_smoothing_factor",
  "optim_args",
  "optim_target_modules",
  "train_on_prompt",
];

/** Puts the settings of a config of LLaMA-Factory into the draft. */
export function importLlamaFactory(source: ForeignSource, draft: ConfigDraft, info: DatasetInfo): void {
  const stage = source.text("stage") ?? "sft";
  if (stage !== "dpo" && stage !== "sft") throw noCounterpart("stage", stage, "dpo or sft");
  draft.set("method", stage);
  takeModel(source, draft, { key: "model_name_or_path", revision: "model_revision" });
  draft.set("output_dir", source.text("output_dir"));
  refuseSettings(source, REFUSED);
  tellPrecision(source, draft, { fallback: "none" });
  takeLlamaFactoryData(source, draft, info);
  takeRows(source, draft, stage);
  if (stage === "dpo") takePreference(source, draft);
  else draft.set("training.loss_type", "sft");
  takeTrainer(source, draft, { program: PROGRAM, defaults: DEFAULTS });
  draft.set("training.shuffle", source.flag("disable_shuffling") ? false : undefined);
  draft.setOr("training.gradient_checkpointing", negated(source.flag("disable_gradient_checkpointing")), {
    fallback: true,
    program: PROGRAM,
  });
  takeLogging(source, draft, { program: PROGRAM, logging: 500 });
  takeBestModel(source, draft, { patienceKey: "early_stopping_steps" });
  if (takeEvaluates(source)) tellEvaluation(source, draft);
  takeAdapter(source, draft, stage);
}

function takeRows(source: ForeignSource, draft: ConfigDraft, stage: "dpo" | "sft"): void {
  draft.setOr("data.max_length", source.number("cutoff_len"), { fallback: 2048, program: PROGRAM });
  draft.differs("cutoff_len", "there long prompts are cut too; here responses are, and rows of longer prompts dropped");
  draft.set("data.conversational", true, { remark: "rows of text go through the template, as there" });
  draft.set("data.system_prompt", source.text("default_system"));
  const template = source.text("template");
  draft.differs(template === undefined ? "template (not set)" : "template", "here it is the tokenizer's own template");
  const isLastTurn = source.flag("mask_history") ?? false;
  if (stage === "sft" && !isLastTurn) {
    draft.set("data.assistant_only_loss", true, { remark: "all turns of the assistant, as there" });
  }
  if (source.flag("packing") || source.flag("neat_packing")) {
    draft.differs("packing", "there a row of the batch is cutoff_len tokens of several; here a row of the data");
  }
}

function takePreference(source: ForeignSource, draft: ConfigDraft): void {
  draft.setOr("training.beta", source.number("pref_beta"), { fallback: 0.1, program: PROGRAM });
  refuseSettings(source, ["pref_ftx", "pref_bco_weight", "ld_alpha", "ref_model_quantization_bit"], "0 or none");
  // Its smoothing is of loss sigmoid, which robust is not.
  refuseSettings(source, ["dpo_label_smoothing"], "0");
  setLoss(draft, {
    key: "pref_loss",
    names: source.texts("pref_loss"),
    smoothing: undefined,
    program: PROGRAM,
  });
  const [model, reference] = [source.text("model_name_or_path"), source.text("ref_model")];
  if (reference !== undefined && reference !== model) {
    throw noCounterpart("ref_model", reference, "none: the reference is the model that training starts from");
  }
}

function takeAdapter(source: ForeignSource, draft: ConfigDraft, stage: "dpo" | "sft"): void {
  const kind = source.text("finetuning_type") ?? "lora";
  if (kind !== "lora" && kind !== "full") throw noCounterpart("finetuning_type", kind, "lora or full");
  const bits = source.number("quantization_bit");
  const type = source.text("quantization_type");
  const isNested = source.flag("double_quantization") ?? true;
  if (bits !== undefined) {
    if (bits !== 4 && bits !== 8) throw noCounterpart("quantization_bit", bits, "4 or 8");
    setQuantization(draft, { key: "quantization_bit", bits, type });
    if (bits === 4 && isNested) draft.differs("double_quantization", "here the scales are float32");
  }
  const rank = source.number("lora_rank");
  const alpha = source.number("lora_alpha");
  const dropout = source.number("lora_dropout");
  const targets = source.texts("lora_target", { commas: true });
  const isScaled = source.flag("use_rslora");
  if (kind === "full") return;
  draft.setOr("lora.r", rank, { fallback: 8, program: PROGRAM });
  draft.setOr("lora.lora_alpha", alpha, { fallback: 2 * (rank ?? 8), program: `${PROGRAM}, twice the rank` });
  draft.setOr("lora.lora_dropout", dropout, { fallback: 0, program: PROGRAM });
  draft.setOr("lora.use_rslora", isScaled, { fallback: false, program: PROGRAM });
  setTargets(draft, targets ?? ["all"], { all: "all" });
  draft.set("lora.save", "adapter", { remark: "as there; merged hands out a model" });
  takeTrainedAdapter(source, draft, stage);
}

/** An adapter to go on with takes the model's place, because a PEFT folder names its base. */
function takeTrainedAdapter(source: ForeignSource, draft: ConfigDraft, stage: "dpo" | "sft"): void {
  const adapters = source.texts("adapter_name_or_path", { commas: true });
  const isNew = source.flag("create_new_adapter") ?? false;
  if (adapters === undefined) return;
  if (adapters.length > 1 || isNew) {
    throw noCounterpart("adapter_name_or_path", adapters, "one folder to go on with, without create_new_adapter");
  }
  draft.set("model", adapters[0], { remark: "its base is the one that its adapter_config.json names" });
  if (stage === "dpo") {
    draft.differs("adapter_name_or_path", "there the reference is the base; here a frozen copy of the adapter on it");
  }
}

function negated(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value;
}
