/** Configs of axolotl. @module */
import { UserError } from "../../error.ts";
import { refuseSettings, setQuantization, setTargets } from "./adapter_settings.ts";
import { takeAxolotlData } from "./axolotl_data.ts";
import { takeBestModel } from "./best_model.ts";
import type { ConfigDraft } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";
import { takeModel, tellPrecision } from "./model_settings.ts";
import { setLoss } from "./loss_setting.ts";
import { noCounterpart, takeLogging, takeOptimizer, takeSchedule } from "./trainer_settings.ts";
import { takeEvaluates, tellEvaluation } from "./trl_data.ts";

const PROGRAM = "axolotl";

/** Our keys of training, with their names there and the defaults there. */
const NUMBERS = [
  ["per_device_train_batch_size", "micro_batch_size", 1],
  ["gradient_accumulation_steps", "gradient_accumulation_steps", 1],
  ["num_train_epochs", "num_epochs", 1],
  ["max_steps", "max_steps", -1],
  ["adam_beta1", "adam_beta1", 0.9],
  ["adam_beta2", "adam_beta2", 0.999],
  ["adam_epsilon", "adam_epsilon", 1e-8],
  ["weight_decay", "weight_decay", 0],
  ["max_grad_norm", "max_grad_norm", 1],
  ["seed", "seed", 42],
] as const;

/** Settings that would train something else. */
const REFUSED = [
  "peft_use_dora",
  "lora_modules_to_save",
  "lora_target_parameters",
  "peft_layer_replication",
  "peft_trainable_token_indices",
  "loraplus_lr_ratio",
  "relora",
  "relora_steps",
  "unfrozen_parameters",
  "loftq_config",
  "dpo_use_weighting",
  "dpo_loss_weights",
  "cosine_min_lr_ratio",
  "cosine_constant_lr_ratio",
  "lr_groups",
  "embedding_lr",
  "embedding_lr_scale",
  "neftune_noise_alpha",
  "noisy_embedding_alpha",
  "optim_args",
  "optim_target_modules",
  "tokens",
  "resize_token_embeddings_to_32x",
  "pretraining_dataset",
  "reward_model",
  "process_reward_model",
  "train_on_inputs",
];

/** Puts the settings of a config of axolotl into the draft. */
export function importAxolotl(source: ForeignSource, draft: ConfigDraft): void {
  const rl = source.text("rl");
  if (rl !== undefined && rl !== "dpo" && rl !== "ipo") throw noCounterpart("rl", rl, "dpo, ipo or none");
  draft.set("method", rl === undefined ? "sft" : "dpo");
  takeModel(source, draft, { key: "base_model", revision: "revision_of_model" });
  draft.set("output_dir", source.text("output_dir"));
  refuseSettings(source, REFUSED);
  tellPrecision(source, draft, { fallback: "bf16" });
  const { isChat } = takeAxolotlData(source, draft);
  takeRows(source, draft, { isAllTurns: isChat && rl === undefined });
  if (rl === undefined) draft.set("training.loss_type", "sft");
  else takePreference(source, draft, rl);
  takeTraining(source, draft);
  takeAdapter(source, draft);
}

function takeRows(source: ForeignSource, draft: ConfigDraft, { isAllTurns }: { isAllTurns: boolean }): void {
  draft.setOr("data.max_length", source.number("sequence_len"), { fallback: 512, program: PROGRAM });
  if ((source.text("excess_length_strategy") ?? "drop") !== "truncate") {
    draft.differs("sequence_len", "there longer rows are dropped; here their responses are cut");
  }
  if (isAllTurns) draft.set("data.assistant_only_loss", true, { remark: "all turns of the assistant, as there" });
  const system = source.text("default_system_message");
  draft.set("data.system_prompt", system);
  const [name, jinja] = [source.text("chat_template"), source.text("chat_template_jinja")];
  if (jinja !== undefined && /\.(jinja2?|j2)$/.test(jinja)) draft.set("data.chat_template", jinja);
  else if (jinja !== undefined) draft.setTemplate("chat_template_jinja", jinja);
  else if (name !== undefined && name !== "tokenizer_default") {
    draft.differs("chat_template", `${name}: here it is the tokenizer's own, or data.chat_template`);
  }
  if (source.flag("sample_packing")) {
    draft.differs(
      "sample_packing",
      "there a row of the batch is sequence_len tokens of several; here a row of the data",
    );
  }
  if (source.flag("shuffle_merged_datasets") === false) {
    draft.differs(
      "shuffle_merged_datasets",
      "here every epoch has an order of its own (training.shuffle: false: none)",
    );
  }
}

function takePreference(source: ForeignSource, draft: ConfigDraft, rl: "dpo" | "ipo"): void {
  const trl = source.section("trl");
  const beta = trl?.number("beta") ?? source.number("rl_beta");
  source.take("rl_beta");
  draft.setOr("training.beta", beta, { fallback: 0.1, program: PROGRAM });
  for (const { key } of trl?.left() ?? []) draft.missing(key, "read by other trainers there");
  const smoothing = source.number("dpo_label_smoothing");
  const names = source.texts("dpo_loss_type");
  setLoss(draft, {
    key: rl === "ipo" ? "rl" : "dpo_loss_type",
    names: rl === "ipo" ? ["ipo"] : names,
    smoothing,
    program: PROGRAM,
  });
}

function takeTraining(source: ForeignSource, draft: ConfigDraft): void {
  const rate = source.number("learning_rate");
  if (rate === undefined) throw new UserError("Cannot import learning_rate: it is nothing, expected a number");
  draft.set("training.learning_rate", rate);
  for (const [ours, theirs, fallback] of NUMBERS) {
    draft.setOr(`training.${ours}`, source.number(theirs), { fallback, program: PROGRAM });
  }
  takeOptimizer(source, draft, { key: "optimizer", fallback: "adamw_torch_fused", program: PROGRAM });
  const isWarm = source.has("warmup_steps") || source.has("warmup_ratio");
  takeSchedule(source, draft, { key: "lr_scheduler", fallback: "cosine", program: PROGRAM, warmupRatio: 0.03 });
  if (!isWarm && source.text("lr_scheduler") !== "constant") {
    draft.differs("warmup_ratio (not set)", "there 3% are rounded down, to 100 steps at most; here rounded up");
  } else if (source.has("warmup_ratio")) {
    draft.differs("warmup_ratio", "there the steps are rounded down, and one step is two; here rounded up");
  }
  const checkpointing = source.take("gradient_checkpointing");
  draft.setOr("training.gradient_checkpointing", checkpointing === undefined ? undefined : checkpointing !== false, {
    fallback: false,
    program: PROGRAM,
  });
  takeLogging(source, draft, { program: "dnpo", logging: 10 });
  takeBestModel(source, draft);
  if (takeEvaluates(source)) tellEvaluation(source, draft);
}

function takeAdapter(source: ForeignSource, draft: ConfigDraft): void {
  const kind = source.text("adapter");
  if (kind !== undefined && kind !== "lora" && kind !== "qlora") {
    throw noCounterpart("adapter", kind, "lora, qlora or none");
  }
  const [four, eight] = [source.flag("load_in_4bit"), source.flag("load_in_8bit")];
  if (four) {
    setQuantization(draft, { key: "load_in_4bit", bits: 4 });
    draft.differs("load_in_4bit", "there the scales are quantized too; here they are float32");
  } else if (eight) setQuantization(draft, { key: "load_in_8bit", bits: 8 });
  const number = (key: string) => source.number(key);
  const [rank, alpha, dropout] = [number("lora_r"), number("lora_alpha"), number("lora_dropout")];
  const isLinear = source.flag("lora_target_linear") ?? false;
  const named = source.take("lora_target_modules");
  if (
    named !== undefined && typeof named !== "string" &&
    !(Array.isArray(named) && named.every((name) => typeof name === "string"))
  ) {
    throw source.wrong("lora_target_modules", "text or a list of texts");
  }
  const isScaled = source.flag("peft_use_rslora");
  const first = source.take("peft_init_lora_weights") ?? true;
  const layers = source.take("peft_layers_to_transform");
  const folder = source.text("lora_model_dir");
  if (kind === undefined) return;
  if (folder !== undefined) {
    draft.set("model", folder, { remark: "its base is the one that its adapter_config.json names" });
  }
  if (rank === undefined || alpha === undefined) {
    if (folder === undefined) {
      throw new UserError(`Cannot import adapter: ${kind} without lora_r or lora_alpha, expected both`);
    }
    draft.set("lora.save", "adapter", { remark: "as there; merged hands out a model" });
    return;
  }
  if (first !== true && first !== "gaussian") {
    throw noCounterpart("peft_init_lora_weights", first, "true, gaussian or none");
  }
  draft.set("lora.r", rank);
  draft.set("lora.lora_alpha", alpha);
  draft.setOr("lora.lora_dropout", dropout, { fallback: 0, program: PROGRAM });
  draft.setOr("lora.use_rslora", isScaled, { fallback: false, program: PROGRAM });
  draft.set("lora.init_lora_weights", first === true ? undefined : first);
  draft.set("lora.layers_to_transform", layers);
  draft.set("lora.rank_pattern", source.take("lora_rank_pattern"));
  draft.set("lora.alpha_pattern", source.take("lora_alpha_pattern"));
  if (!isLinear && named === undefined) {
    throw new UserError(
      `Cannot import adapter: ${kind} without lora_target_modules, expected them or lora_target_linear`,
    );
  }
  setTargets(draft, isLinear ? ["all-linear"] : named as string | string[] | undefined, { all: "all-linear" });
  draft.set("lora.save", "adapter", { remark: "as there; merged hands out a model" });
}
