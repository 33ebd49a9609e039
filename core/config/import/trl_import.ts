/** Configs of `trl dpo` and `trl sft`, and of alignment-handbook, which adds some keys to them. @module */
import { UserError } from "../../error.ts";
import { refuseSettings } from "./adapter_settings.ts";
import { takeBestModel } from "./best_model.ts";
import type { ConfigDraft } from "./config_draft.ts";
import { takeHandbookData } from "./handbook_data.ts";
import type { ForeignSource } from "./foreign_source.ts";
import { takeDtype, takeModel, tellPrecision } from "./model_settings.ts";
import { setLoss } from "./loss_setting.ts";
import { noCounterpart, takeLogging, takeTrainer } from "./trainer_settings.ts";
import { takeTrlAdapter } from "./trl_adapter.ts";
import { takeTrlData } from "./trl_data.ts";

/** How an import is asked for. */
export interface ImportChoices {
  /** The command of TRL that the config is of, where its keys do not tell. */
  method?: "dpo" | "sft" | undefined;
}

const OF_DPO = [
  "beta",
  "loss_weights",
  "label_smoothing",
  "precompute_ref_log_probs",
  "precompute_ref_batch_size",
  "sync_ref_model",
  "ref_model_mixup_alpha",
  "ref_model_sync_steps",
  "ld_alpha",
  "f_divergence_type",
  "use_weighting",
  "discopop_tau",
  "rpo_alpha",
  "reference_free",
  "max_prompt_length",
  "disable_dropout",
];
const OF_SFT = [
  "packing",
  "eval_packing",
  "packing_strategy",
  "completion_only_loss",
  "assistant_only_loss",
  "dataset_text_field",
  "dataset_kwargs",
  "shuffle_dataset",
  "chat_template_path",
  "max_seq_length",
  "eos_token",
];
const OF_OTHERS = [
  "num_generations",
  "reward_funcs",
  "reward_model_path",
  "desirable_weight",
  "undesirable_weight",
  "center_rewards_coefficient",
  "num_ppo_epochs",
  "cpo_alpha",
  "simpo_gamma",
];
const SFT_LOSSES = ["nll", "chunked_nll"];

/** Defaults of TRL's configs, by key. */
const DEFAULTS = {
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

/** Settings that would train something else; what is expected of each is that it is not set. */
const REFUSED = [
  "use_dora",
  "lora_modules_to_save",
  "lora_target_parameters",
  "sync_ref_model",
  "use_weighting",
  "rpo_alpha",
  "reference_free",
  "label_smoothing_factor",
  "neftune_noise_alpha",
  "optim_args",
  "optim_target_modules",
];

/** Puts the settings of a config of TRL, or with `isHandbook` of alignment-handbook, into the draft. */
export function importTrl(
  source: ForeignSource,
  draft: ConfigDraft,
  { isHandbook, method: given }: ImportChoices & { isHandbook: boolean },
): void {
  const method = given ?? methodOf(source);
  const program = `trl ${method}`;
  draft.set("method", method);
  takeModel(source, draft, { key: "model_name_or_path", revision: "model_revision" });
  draft.set("output_dir", source.text("output_dir"));
  refuseSettings(source, REFUSED);
  takeDtype(source, draft, { fallback: "float32" });
  tellPrecision(source, draft, { fallback: "bf16" });
  if (isHandbook) takeHandbookData(source, draft);
  else takeTrlData(source, draft);
  takeLength(source, draft, program);
  if (method === "dpo") takeDpo(source, draft, program);
  else takeSft(source, draft);
  const rate = { learning_rate: method === "dpo" ? 1e-6 : 2e-5 };
  takeTrainer(source, draft, { program, defaults: { ...rate, ...DEFAULTS } });
  draft.setOr("training.gradient_checkpointing", source.flag("gradient_checkpointing"), { fallback: true, program });
  takeLogging(source, draft, { program, logging: 10 });
  takeBestModel(source, draft);
  draft.set("data.seed", source.number("data_seed"));
  takeTrlAdapter(source, draft, program);
}

/** The command that a config is of, by keys that only one of them has. */
function methodOf(source: ForeignSource): "dpo" | "sft" {
  const other = OF_OTHERS.find((key) => source.has(key));
  if (other !== undefined) throw noCounterpart(other, "a trainer other than DPO's and SFT's", "trl dpo or trl sft");
  const losses = source.texts("loss_type") ?? [];
  const dpo = OF_DPO.some((key) => source.has(key)) || losses.some((name) => !SFT_LOSSES.includes(name));
  const sft = OF_SFT.some((key) => source.has(key)) || losses.some((name) => SFT_LOSSES.includes(name));
  if (dpo !== sft) return dpo ? "dpo" : "sft";
  throw new UserError(
    `Cannot tell whether the config is of trl dpo or of trl sft: it has ${
      dpo ? "keys of both" : "keys of neither alone"
    }, expected --method dpo or --method sft`,
  );
}

function takeLength(source: ForeignSource, draft: ConfigDraft, program: string): void {
  const old = source.number("max_seq_length");
  const isUncut = source.isNone("max_length");
  const length = source.number("max_length") ?? old;
  if (isUncut && length === undefined) {
    draft.set("data.max_length", 2 ** 20);
    draft.differs("max_length", "none cuts nothing there; here it is a number, this one longer than any row");
  } else draft.setOr("data.max_length", length, { fallback: 1024, program });
  const prompt = source.number("max_prompt_length");
  if (prompt !== undefined) {
    draft.missing("max_prompt_length", "here longer prompts keep their length, and only max_length bounds them");
  }
  if (source.text("truncation_mode") === "keep_end") {
    draft.differs("truncation_mode", "here the start is kept: long responses are cut at their end");
  }
}

function takeDpo(source: ForeignSource, draft: ConfigDraft, program: string): void {
  draft.setOr("training.beta", source.number("beta"), { fallback: 0.1, program });
  if (source.has("loss_weights")) throw noCounterpart("loss_weights", source.take("loss_weights"), "one loss");
  const divergence = source.text("f_divergence_type");
  if (divergence !== undefined && divergence !== "reverse_kl") {
    throw noCounterpart("f_divergence_type", divergence, "reverse_kl");
  }
  if (source.has("ld_alpha") && source.number("ld_alpha") !== 1) {
    throw noCounterpart("ld_alpha", source.number("ld_alpha"), "none, or 1");
  }
  const smoothing = source.number("label_smoothing");
  setLoss(draft, { key: "loss_type", names: source.texts("loss_type"), smoothing, program });
}

function takeSft(source: ForeignSource, draft: ConfigDraft): void {
  const [loss] = source.texts("loss_type") ?? ["nll"];
  if (!SFT_LOSSES.includes(loss!)) throw noCounterpart("loss_type", loss, SFT_LOSSES.join(" or "));
  draft.set("training.loss_type", "sft");
  const isAssistant = source.flag("assistant_only_loss") ?? false;
  if (isAssistant) draft.set("data.assistant_only_loss", true);
  const isCompletion = source.flag("completion_only_loss");
  if (!isAssistant && isCompletion !== true) {
    draft.differs(
      isCompletion === undefined ? "completion_only_loss (not set)" : "completion_only_loss",
      "there rows of messages or of text train on all of their tokens; here on the response alone",
    );
  }
  if (source.flag("packing")) {
    draft.differs("packing", "there a row of the batch is max_length tokens of several; here a row of the data");
  }
  draft.set("data.shuffle", source.flag("shuffle_dataset") || undefined);
  const template = source.text("chat_template_path");
  if (template === undefined) return;
  if (/\.(jinja2?|j2)$/.test(template)) draft.set("data.chat_template", template);
  else draft.missing("chat_template_path", "here data.chat_template is a Jinja file, not a tokenizer's folder");
}
