/** Keys of other programs that have one here, by the name that these programs have for them. @module */

/**
 * Our keys, each with the names that TRL, transformers, PEFT, alignment-handbook, LLaMA-Factory and axolotl have for
 * it; names are parted by spaces. What follows our key in parentheses is told with it.
 */
const NAMES: readonly (readonly [ours: string, theirs: string])[] = [
  ["model", "model_name_or_path base_model model_name model_id_or_path base_model_name_or_path"],
  ["model (org/name@revision)", "model_revision revision_of_model revision"],
  ["model (a PEFT folder)", "adapter_name_or_path lora_model_dir"],
  ["method", "stage rl rlhf"],
  ["method, or the command dnpo sft or dnpo train", "do_train"],
  ["dtype", "torch_dtype"],
  ["quantization: int8", "load_in_8bit"],
  ["quantization: int4 or nf4", "load_in_4bit"],
  ["quantization: nf4, or int4", "bnb_4bit_quant_type"],
  ["quantization: int8, int4 or nf4", "quantization_config quantization_bit quantization_type"],
  ["data.train", "dataset_name dataset datasets dataset_mixer dataset_mixture train_file data_path"],
  ["data.train (org/name:config)", "dataset_config dataset_configs"],
  ["data.train (org/name/split)", "dataset_train_split dataset_splits"],
  ["data.eval", "eval_dataset dataset_test_split test_datasets eval_dataset_name"],
  ["data.train.weight", "fraction interleave_probs mix_strategy"],
  ["data.limit", "max_samples max_train_samples"],
  ["data.eval_limit", "max_eval_samples"],
  [
    "data.columns",
    "dataset_text_field dataset_columns columns_to_keep field_messages field_instruction field_input field_output " +
    "field_system field_chosen field_rejected field_prompt message_field_role message_field_content " +
    "message_property_mappings prompt_column response_column",
  ],
  ["data.max_length", "cutoff_len sequence_len max_seq_length max_seq_len max_source_length max_target_length"],
  ["data.seed", "data_seed"],
  ["data.shuffle", "shuffle_dataset shuffle_merged_datasets"],
  ["data.chat_template", "chat_template_path chat_template_jinja custom_chat_template"],
  ["data.chat_template; without it the tokenizer's own", "template default_template"],
  ["data.system_prompt", "default_system default_system_message"],
  ["training.per_device_train_batch_size", "micro_batch_size train_batch_size train_micro_batch_size_per_gpu"],
  ["training.per_device_train_batch_size, or generation.batch_size", "batch_size"],
  ["training.num_train_epochs", "num_epochs"],
  ["training.lr_scheduler_type", "lr_scheduler scheduler"],
  ["training.optim", "optimizer"],
  ["training.adam_beta1 and training.adam_beta2", "betas adam_betas optim_betas"],
  ["training.gradient_checkpointing", "activation_checkpointing disable_gradient_checkpointing"],
  ["training.loss_type", "pref_loss dpo_loss_type"],
  ["training.beta", "pref_beta rl_beta dpo_beta"],
  ["training.label_smoothing", "dpo_label_smoothing"],
  ["training.early_stopping_patience", "early_stopping_steps early_stopping"],
  ["training.report_to", "use_wandb use_tensorboard use_mlflow use_trackio"],
  ["training.project", "wandb_project mlflow_experiment_name trackio_project_name"],
  ["training.run_name", "wandb_name mlflow_run_name trackio_run_name"],
  ["lora.r", "lora_r lora_rank"],
  ["lora.target_modules", "lora_target lora_target_modules"],
  ["lora.target_modules: all-linear", "lora_target_linear"],
  ["lora.layers_to_transform", "lora_layers_to_transform peft_layers_to_transform"],
  ["lora.use_rslora", "peft_use_rslora"],
  ["lora.save: adapter (or merged, or both)", "merge_lora"],
  ["generation.max_new_tokens", "max_completion_length max_tokens_to_generate"],
  ["generation.temperature (0 is greedy)", "do_sample"],
  ["generation.kv_cache_dtype", "cache_implementation"],
  ["generation.server", "vllm_server_base_url use_vllm vllm_server_host vllm_mode"],
  ["labels.model", "reward_model_path reward_model reward_model_name_or_path"],
  ["training.seed, generation.seed and data.seed", "seed"],
];

/** Our names of what is known by a shorter one in its section. */
const SHORT: Readonly<Record<string, string>> = {
  "lora.rank": "lora.r",
  "lora.alpha": "lora.lora_alpha",
  "lora.dropout": "lora.lora_dropout",
  "lora.targets": "lora.target_modules",
  "training.lr": "training.learning_rate",
  "training.batch_size": "training.per_device_train_batch_size",
  "training.epochs": "training.num_train_epochs",
  "training.optimizer": "training.optim",
};

let table: Map<string, string> | undefined;

/** Our key for the `key` of another program inside `parent` (dotted), with a remark; undefined if it has none. */
export function ourName(parent: string, key: string): string | undefined {
  table ??= new Map(NAMES.flatMap(([ours, theirs]) => theirs.split(" ").map((name) => [name, ours] as const)));
  const short = `${parent}.${key}`;
  return Object.hasOwn(SHORT, short) ? SHORT[short] : table.get(key);
}
