/** What is said of keys of other programs that have no key here. @module */

/** Texts, each with the keys that it answers; the keys are parted by spaces. */
const ANSWERS: readonly (readonly [text: string, keys: string])[] = [
  // Adapters.
  [
    "here adapters are trained where lora is set (lora: {} takes its defaults)",
    "use_peft finetuning_type adapter use_lora",
  ],
  ["here it is lora", "peft_config peft lora_config"],
  ["here adapters are LoRA's, set by lora", "peft_type use_galore use_apollo use_badam use_llama_pro"],
  ["here every model is a causal language model", "lora_task_type task_type model_type type_of_model"],
  [
    "here adapters train no whole modules",
    "lora_modules_to_save modules_to_save additional_target unfrozen_parameters lora_target_parameters " +
    "target_parameters trainable_token_indices freeze_trainable_layers freeze_trainable_modules",
  ],
  ["here adapters are LoRA's, without DoRA", "use_dora peft_use_dora"],
  ["here both matrices of an adapter have one learning rate", "loraplus_lr_ratio loraplus_lr_embedding"],
  ["here lora.init_lora_weights takes true, gaussian or a PEFT folder", "pissa_init pissa_iter loftq_config"],
  [
    "here there is none: adapters have the settings of lora alone",
    "auto_mapping peft_version inference_mode fan_in_fan_out megatron_config megatron_core eva_config corda_config lora_ga_config velora_config alora_invocation_tokens use_qalora qalora_group_size monteclora_config layer_replication runtime_config use_bdlora arrow_config kasa_config ensure_weight_tying",
  ],
  ["here biases are not trained with adapters", "bias lora_bias"],
  ["here layers_to_transform counts the decoder's layers", "layers_pattern"],
  [
    "here model may be a PEFT folder, and a frozen copy of its adapter is the reference",
    "model_adapter_name ref_adapter_name ref_model_adapters create_new_adapter",
  ],
  [
    "here the scales of nf4 are float32",
    "use_bnb_nested_quant bnb_4bit_use_double_quant double_quantization bnb_4bit_quant_storage bnb_4bit_compute_dtype",
  ],
  // Arithmetic and device.
  [
    "here there is none: arithmetic and trained weights are float32 (dtype is that of the model handed out)",
    "bf16 fp16 tf32 fp8 bf16_full_eval fp16_full_eval float16 bfloat16 half_precision_backend fp16_backend " +
    "fp16_opt_level pure_bf16 upcast_layernorm upcast_lmhead_output bf16_ready compute_dtype",
  ],
  [
    "here several machines train by MPI (docs/cluster.md), each with the one GPU that WebGPU offers it",
    "deepspeed fsdp fsdp_config fsdp_version local_rank ddp_timeout ddp_backend ddp_bucket_cap_mb ddp_static_graph " +
    "ddp_broadcast_buffers ddp_find_unused_parameters ignore_bias_buffers accelerator_config parallelism_config " +
    "context_parallel_size tensor_parallel_size sequence_parallel_degree device_map use_cpu no_cuda use_mps_device " +
    "gpu_memory_limit average_tokens_across_devices",
  ],
  [
    "here there is none: the kernels are dnpo's own, chosen by measuring (autotune)",
    "attn_implementation flash_attn flash_attention sdp_attention xformers_attention use_flash_attention_2 " +
    "use_liger_kernel liger_kernel_config use_liger_loss enable_liger_kernel use_unsloth use_unsloth_gc torch_compile " +
    "torch_compile_backend torch_compile_mode lora_mlp_kernel lora_qkv_kernel lora_o_kernel plugins",
  ],
  [
    "here there is none: memory is counted by dnpo plan and never swapped",
    "activation_offloading torch_empty_cache_steps auto_find_batch_size gradient_checkpointing_kwargs " +
    "skip_memory_metrics low_cpu_mem_usage model_init_kwargs ref_model_init_kwargs use_cache",
  ],
  // The reference and the loss.
  ["here the reference is the model that an iteration starts from", "ref_model ref_model_name_or_path reference_model"],
  [
    "here there is none: the reference stands still within an iteration",
    "sync_ref_model ref_model_mixup_alpha ref_model_sync_steps",
  ],
  [
    "here what is known of the reference beforehand is always computed once",
    "precompute_ref_log_probs precompute_ref_batch_size",
  ],
  ["here only loss_type sft does without a reference", "reference_free force_use_ref_model"],
  [
    "here there is none: training.loss_type is one loss, with beta and label_smoothing alone",
    "loss_weights ld_alpha f_divergence_type f_alpha_divergence_coef use_weighting discopop_tau rpo_alpha pref_ftx " +
    "simpo_gamma pref_bco_weight dpo_use_weighting dpo_use_logits_to_keep router_aux_loss_coef moe_aux_loss_coef " +
    "dpo_norm_loss use_logits_to_keep",
  ],
  ["here models have no dropout (adapters: lora.lora_dropout)", "disable_dropout"],
  ["here smoothing is of preferences: training.label_smoothing, with loss_type robust", "label_smoothing_factor"],
  ["here noise is on the reference's logits, set by noise", "neftune_noise_alpha noisy_embedding_alpha"],
  [
    "here there is none: a schedule has no settings but its warm-up",
    "lr_scheduler_kwargs cosine_min_lr_ratio cosine_constant_lr_ratio lr_quadratic_warmup",
  ],
  [
    "here there is none: training.optim has adam_beta1, adam_beta2, adam_epsilon and weight_decay alone",
    "optim_args optim_target_modules embedding_lr embedding_lr_scale lr_groups",
  ],
  // Rows.
  [
    "here data.max_length bounds prompt and response together; rows with longer prompts are dropped",
    "max_prompt_length max_target_tokens",
  ],
  ["here the start of a row is kept: long responses are cut at their end", "truncation_mode excess_length_strategy"],
  [
    "here batches are packed without padding, always; rows stay rows",
    "packing packing_strategy eval_packing padding_free pad_to_multiple_of sample_packing eval_sample_packing " +
    "pad_to_sequence_len neat_packing group_by_length length_column_name train_sampling_strategy " +
    "sample_packing_group_size sample_packing_bin_size multipack_real_batches",
  ],
  [
    "here the loss is on responses alone (data.assistant_only_loss: on all of a conversation)",
    "completion_only_loss train_on_inputs train_on_prompt mask_history roles_to_train train_on_eos",
  ],
  [
    "here held-out rows are named by data.eval, with a slice if wanted, such as rows.jsonl[90%:]",
    "val_size val_set_size test_split_size",
  ],
  ["here a row's shape is told by its columns", "type formatting ds_type"],
  [
    "here there is none: rows are read and tokenized as they are needed",
    "dataset_num_proc dataset_processes preprocessing_num_workers preprocessing_batch_size dataset_kwargs " +
    "dataset_streaming streaming overwrite_cache dataset_prepared_path tokenized_path buffer_size data_shared_file_system " +
    "dataloader_drop_last dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers " +
    "dataloader_prefetch_factor dataloader_multiprocessing_context dataloader_in_order remove_unused_columns " +
    "label_names ignore_data_skip dataset_dir media_dir cache_dir",
  ],
  ["here a file is named by its path, such as rows/train.jsonl", "data_dir data_files dataset_local_dir"],
  [
    "here tokens are those of the model's tokenizer",
    "pad_token eos_token special_tokens tokens add_tokens add_special_tokens new_special_tokens resize_vocab " +
    "tokenizer_type tokenizer_config tokenizer_name_or_path tokenizer_use_fast use_fast_tokenizer split_special_tokens",
  ],
  ["here no code of a model's folder is run", "trust_remote_code"],
  // Evaluation, states, logs.
  [
    "here there is none: data.eval is evaluated at the start and after every iteration",
    "eval_strategy evaluation_strategy eval_delay eval_on_start eval_accumulation_steps evals_per_epoch " +
    "per_device_eval_batch_size eval_batch_size do_eval do_predict prediction_loss_only eval_do_concat_batches " +
    "eval_use_gather_object batch_eval_metrics include_for_metrics include_num_input_tokens_seen predict_with_generate",
  ],
  ["here any improvement counts", "early_stopping_threshold"],
  [
    "here states are saved by training.save_steps, with the optimizer's moments",
    "save_strategy saves_per_epoch save_only_model save_on_each_node save_optimizer",
  ],
  ["here models are always saved as safetensors", "save_safetensors"],
  [
    "here a run goes on where the same command is given again",
    "resume_from_checkpoint auto_resume_from_checkpoints overwrite_output_dir enable_jit_checkpoint " +
    "restore_callback_states_from_checkpoint",
  ],
  [
    "here metrics.jsonl has the numbers, by training.logging_steps (and training.report_to)",
    "logging_strategy logging_dir logging_first_step logging_nan_inf_filter log_level log_level_replica " +
    "log_on_each_node disable_tqdm plot_loss " +
    "wandb_entity wandb_run_id wandb_watch wandb_log_model hf_mlflow_log_artifacts trackio_space_id " +
    "trackio_bucket_id trackio_static_space_id",
  ],
  [
    "here dnpo push hands a model to the hub",
    "push_to_hub hub_model_id hub_model_revision hub_token hub_strategy hub_private_repo hub_always_push hub_revision " +
    "push_to_hub_revision hub_model_branch",
  ],
  ["here runs of one config are always the same", "full_determinism"],
  ["here there is none", "debug env strict generate_samples system_prompts num_generations"],
];

let table: Map<string, string> | undefined;

/** What is said of a key of another program that has none here; undefined if it is not known. */
export function answerWithoutKey(key: string): string | undefined {
  table ??= new Map(ANSWERS.flatMap(([text, keys]) => keys.split(" ").map((key) => [key, text] as const)));
  return table.get(key);
}
