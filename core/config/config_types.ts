/** The shapes of a resolved config: what a run is told to do, with every default filled in. @module */

/** What a run is made of: a preset of labels, noise and loss. */
export type Method = "sft" | "dpo" | "spin" | "dnpo";

/** The stages that commands run, each with the keys it cannot do without. */
export type Stage = "sft" | "generate" | "label" | "optimize" | "train" | "score" | "compare";

/** Storage type of the weights that are handed out. */
export type DtypeName = "float32" | "float16" | "bfloat16";

/** A setting that may be given once, or once per iteration (the last entry repeats). */
export type PerIteration<T> = T | T[];

/** The name of a data set's column by what it is. */
export interface DataColumns {
  /** The prompt. */
  prompt?: string;
  /** The human answer. */
  response?: string;
  /** The better answer. */
  chosen?: string;
  /** The worse answer. */
  rejected?: string;
  /** A conversation. */
  messages?: string;
  /** Alpaca's instruction. */
  instruction?: string;
  /** Alpaca's input. */
  input?: string;
  /** Alpaca's output. */
  output?: string;
  /** The system turn. */
  system?: string;
  /** What a verifier compares with. */
  reference?: string;
}

/** One data set of several. */
export interface DataSetConfig {
  /** File, folder or name on the hub. */
  path: string;
  /** Its configuration, on the hub. */
  name?: string;
  /** Its split, with or without a slice: `train[:2000]`. */
  split?: string;
  /** Share of its rows that is taken, in (0, 1]; all where absent. */
  weight?: number;
  /** Its columns; `data.columns` where absent. */
  columns?: DataColumns;
}

/** A data set, or several that are read one after the other. */
export type DataSourceConfig = string | (string | DataSetConfig)[];

/** Which rows are read, and how. */
export interface DataConfig {
  /** Rows to train on. */
  train?: DataSourceConfig;
  /** Number of rows to read from `train`; all where absent. */
  limit?: number;
  /** Tokens of prompt and response together. */
  max_length: number;
  /** Prompt template of Alpaca rows, with {instruction} and {input}. */
  template?: string;
  /** Words of a row of plain text that are its prompt; 16 where absent. */
  prompt_words?: number;
  /** What a malformed row does. */
  on_bad_row: "error" | "skip";
  /** Held-out rows to evaluate on. */
  eval?: DataSourceConfig;
  /** Number of rows to read from `eval`; all where absent. */
  eval_limit?: number;
  /** Names of the columns by what they are. */
  columns?: DataColumns;
  /** Whether the rows of `train` are shuffled; false where absent. */
  shuffle?: boolean;
  /** Seed of shuffling and of sets with a weight below 1; 42 where absent. */
  seed?: number;
  /** Whether rows of text become conversations; false where absent. */
  conversational?: boolean;
  /** System turn of conversations that begin with none. */
  system_prompt?: string;
  /** File of the chat template; the tokenizer's own where absent. */
  chat_template?: string;
  /** Whether `sft` trains on all assistant turns of a conversation; on the last alone where absent. */
  assistant_only_loss?: boolean;
}

/** How responses are sampled. */
export interface GenerationConfig {
  /** Logits are divided by this; 0 is greedy. */
  temperature: number;
  /** Smallest probability mass kept, in (0, 1]. */
  top_p: number;
  /** Number of tokens kept; 0 keeps all. */
  top_k: number;
  /** Tokens of a response at most. */
  max_new_tokens: number;
  /** Rows that are sampled at a time. */
  batch_size: number;
  /** First half of Philox's key for sampling. */
  seed: number;
  /** Addresses of servers that sample instead of our own engine. */
  server?: string | string[];
  /** Name of the model there; {iteration} becomes the iteration's number. */
  server_model?: string;
  /** Environment variable with the server's API key. */
  api_key_env?: string;
  /** File with the server's API key. */
  api_key_file?: string;
  /** Times a request is repeated. */
  max_retries?: number;
  /** Requests at a time. */
  concurrency?: number;
  /** Seconds that a request may take. */
  timeout?: number;
}

/** Which judge tells chosen and rejected apart. */
export type JudgeKind = "human" | "verifier" | "logprob" | "reward-model" | "llm" | "self" | "ensemble";

/** A judge and what it needs. */
export interface JudgeConfig {
  /** `human` always prefers the human response. */
  judge: JudgeKind;
  /** Model whose log-probability or score head judges: a folder, or a name on the hub. */
  model?: string;
  /** Name or index of the score head's output that judges. */
  reward_label?: string | number;
  /** Tokens that the reward model reads; its own limit where absent. */
  max_length?: number;
  /** TypeScript module whose default export scores a response. */
  verifier?: string;
  /** Each response alone, or both in both orders. */
  mode?: "score" | "pairwise";
  /** File of the text to ask with. */
  prompt?: string;
  /** Address of the server of judge `llm`. */
  base_url?: string;
  /** Name of the judging model there. */
  server_model?: string;
  /** Environment variable with the server's API key. */
  api_key_env?: string;
  /** File with the server's API key. */
  api_key_file?: string;
  /** Sampling temperature of judge `llm`. */
  temperature?: number;
  /** Tokens of a verdict at most. */
  max_tokens?: number;
  /** Requests at a time. */
  concurrency?: number;
  /** Times a request is repeated. */
  max_retries?: number;
  /** Seconds that a request may take. */
  timeout?: number;
  /** Share of verdicts that may be unreadable. */
  max_invalid?: number;
  /** Price of a million prompt tokens. */
  input_price?: number;
  /** Price of a million tokens of verdicts. */
  output_price?: number;
  /** Seconds that the verifier may take for one response. */
  verifier_timeout: number;
  /** The generated response must score higher by more than this. */
  margin: number;
}

/** A judge of an ensemble. */
export interface MemberConfig extends JudgeConfig {
  /** Every kind that votes, and no ensemble. */
  judge: Exclude<JudgeKind, "human" | "ensemble">;
  /** Weight of its vote. */
  weight: number;
}

/** How chosen and rejected are told apart. */
export interface LabelsConfig extends JudgeConfig {
  /** The judges of judge `ensemble`. */
  judges?: MemberConfig[];
}

/** The noise generator and its training. */
export interface NoiseConfig {
  /** `joint`: one backward pass for both; `alternating`: noise steps, then model steps. */
  update: "joint" | "alternating";
  /** Steps on the noise in an alternating update. */
  noise_steps: number;
  /** Steps on the model in an alternating update. */
  model_steps: number;
  /** `linear`, `zeros` or a safetensors file with `weight` and `bias`. */
  init: string;
  /** Peak learning rate of the noise generator. */
  learning_rate: number;
  /** Bound of the variance that the noise can reach. */
  max_variance: number;
  /** Weight of the mean variance in the objective. */
  alpha: number;
}

/** Noise as the config writes it, where `update: none` is no noise. */
export type NoiseSetting = "none" | (Omit<NoiseConfig, "update"> & { update: "none" | NoiseConfig["update"] });

/** What the optimizer minimises. */
export type LossType = "sigmoid" | "hinge" | "ipo" | "robust" | "sft";

/** How the policy is optimized; `Rate` is a number, or a list where it may differ between iterations. */
export interface TrainingConfig<Rate = number> {
  /** Peak learning rate. */
  learning_rate: Rate;
  /** Pairs in a micro-batch. */
  per_device_train_batch_size: number;
  /** Micro-batches in an optimizer step. */
  gradient_accumulation_steps: number;
  /** Passes over the pairs. */
  num_train_epochs: number;
  /** Optimizer steps of an iteration where above 0, instead of `num_train_epochs`. */
  max_steps: number;
  /** Schedule after the warm-up. */
  lr_scheduler_type: "constant" | "linear" | "cosine";
  /** Optimizer steps of linear warm-up. */
  warmup_steps: number;
  /** Warm-up as a share of all steps; not together with `warmup_steps`. */
  warmup_ratio: number;
  /** Optimizer. */
  optim: "adamw" | "rmsprop";
  /** AdamW's first moment decay. */
  adam_beta1: number;
  /** AdamW's second moment decay. */
  adam_beta2: number;
  /** AdamW's epsilon. */
  adam_epsilon: number;
  /** Decoupled weight decay of matrices. */
  weight_decay: number;
  /** Global gradient norm above which gradients are scaled down; 0 never clips. */
  max_grad_norm: number;
  /** Preference temperature. */
  beta: Rate;
  /** Loss. */
  loss_type: LossType;
  /** Share of labels taken to be wrong, in [0, 0.5); of `robust` alone. */
  label_smoothing: number;
  /** Whether every epoch has an order of its own. */
  shuffle: boolean;
  /** First half of Philox's key for noise and shuffling. */
  seed: number;
  /** Optimizer steps between two logged lines. */
  logging_steps: number;
  /** Optimizer steps between two saved states. */
  save_steps: number;
  /** Saved states of an iteration that are kept while it runs. */
  save_total_limit: number;
  /** What a NaN or Inf in loss or gradients does. */
  on_nan: "error" | "skip";
  /** Where numbers are logged besides metrics.jsonl. */
  report_to: "tensorboard"[];
}

/** The keys that are the same in every iteration. */
interface CommonConfig {
  /** Model to start from: a folder, or a name on the hub. */
  model?: string;
  /** The run's folder. */
  output_dir: string;
  /** Preset of labels, noise and loss. */
  method: Method;
  /** Iterations of `train`. */
  iterations: number;
  /** Which weights an iteration trains. */
  start_from: "previous" | "base";
  /** Whether the pairs of the iteration before are added. */
  mix_previous: boolean;
  /** File of pairs, of `optimize` and `score`. */
  pairs?: string;
  /** Storage type of the model that is handed out; the source's where absent. */
  dtype?: DtypeName;
  /** Rows. */
  data: DataConfig;
  /** Sampling. */
  generation: GenerationConfig;
}

/** A config with every default filled in; lists per iteration are still lists. */
export interface ResolvedConfig extends CommonConfig {
  /** Whether kernel variants are chosen by measuring. */
  autotune: boolean;
  /** The iteration that `optimize` runs. */
  iteration: number;
  /** Judge. */
  labels: PerIteration<LabelsConfig>;
  /** Optimization. */
  training: TrainingConfig<PerIteration<number>>;
  /** Noise. */
  noise: PerIteration<NoiseSetting>;
}

/** The settings of one iteration: no lists, and noise that is trained or `none`. */
export interface IterationConfig extends CommonConfig {
  /** Which iteration this is, from 0: the counter in the random numbers. */
  iteration: number;
  /** Judge of this iteration. */
  labels: LabelsConfig;
  /** Optimization in this iteration. */
  training: TrainingConfig;
  /** Noise of this iteration. */
  noise: "none" | NoiseConfig;
}
