/** The types of a config's keys. Written by `deno task docs` from keys/: not to be edited. @module */
import type {
  BenchmarkMetric,
  BestMetric,
  DeviceChoice,
  DtypeName,
  JudgeKind,
  LossType,
  MatmulPrecision,
  MemberKind,
  Method,
  Optimizer,
  Quantization,
  ReportTo,
  Schedule,
  WebGpuChoice,
} from "./choices.ts";
import type { PerIteration } from "./per_iteration.ts";

/** A data set, or several that are read one after the other. */
export type DataSourceConfig = string | (string | DataSetConfig)[];

/** A judge with what it takes, told apart by `judge`. */
export type AnyJudgeConfig =
  | HumanJudgeConfig
  | VerifierJudgeConfig
  | LogprobJudgeConfig
  | RewardModelJudgeConfig
  | LlmJudgeConfig
  | SelfJudgeConfig
  | EnsembleJudgeConfig
  | FunctionJudgeConfig;

/** The name of a data set's column by what it is. */
export interface DataColumns {
  /** Column of the prompt. */
  prompt?: string;
  /** Column of the human answer. */
  response?: string;
  /** Column of the better answer. */
  chosen?: string;
  /** Column of the worse answer. */
  rejected?: string;
  /** Column of the conversation. */
  messages?: string;
  /** Column of Alpaca's instruction. */
  instruction?: string;
  /** Column of Alpaca's input. */
  input?: string;
  /** Column of Alpaca's output. */
  output?: string;
  /** Column of the system turn. */
  system?: string;
  /** Column of what a verifier compares with. */
  reference?: string;
  /** Column of the tools that the chat template tells the model of. */
  tools?: string;
}

/** One data set of several. */
export interface DataSetConfig {
  /** File (.jsonl, .json, .csv, .tsv, .parquet, also with .gz), folder of them, or org/name of the hub. */
  path: string;
  /** Configuration of a data set of the hub. */
  name?: string;
  /** Split, with or without a slice: train, train[:2000], test[10%:20%]. */
  split?: string;
  /** Share of the set's rows that is taken, above 0 and at most 1, picked by data.seed; default: all. */
  weight?: number;
  /** Names of the set's columns by what they are; default: data.columns. */
  columns?: DataColumns;
}

/** Which rows are read, and how. */
export interface DataConfig {
  /**
   * Rows to train on: a file (.jsonl, .json, .csv, .tsv, .parquet, also with .gz), a folder of them, or
   * org/name[:config][/split][@revision] of the hub, each with or without a slice such as [:2000], [10%:20%] or
   * [-100:]; or a list of these, or of {path, name, split, weight, columns}. Of a folder whose files' names tell
   * splits, the split train where none is named.
   */
  train?: DataSourceConfig;
  /** Number of rows to read from data.train; default: all. */
  limit?: number;
  /** Tokens of prompt and response together, at most; longer responses are cut, longer prompts dropped. */
  max_length: number;
  /**
   * Prompt of Alpaca rows, with {instruction} and {input}; default: the instruction, then a blank line and the input
   * where there is one.
   */
  template?: string;
  /** Words of a row of plain text ({text}) that become its prompt, which the rest answers; default: 16. */
  prompt_words?: number;
  /** What a malformed row does. error: it stops the run; skip: it is counted and left out. */
  on_bad_row: "error" | "skip";
  /**
   * Held-out rows to evaluate on, named as data.train is; of a folder's or the hub's split test, then validation, where
   * none is named.
   */
  eval?: DataSourceConfig;
  /** Number of rows to read from data.eval; default: all. */
  eval_limit?: number;
  /** Names of the columns by what they are, such as {prompt: question, response: answer}; default: the known shapes. */
  columns?: DataColumns;
  /**
   * Whether the rows of data.train are shuffled once, all sets together, before data.limit is taken; default: false.
   */
  shuffle?: boolean;
  /** Seed, below 2^32, of data.shuffle and of what is taken of sets with a weight below 1; default: 42. */
  seed?: number;
  /**
   * Whether rows of text become conversations of a user's and an assistant's turn, for the chat template; default:
   * false.
   */
  conversational?: boolean;
  /** System turn of the conversations that begin with none. */
  system_prompt?: string;
  /** File of a Jinja chat template, which the handed-out model carries; default: the tokenizer's own. */
  chat_template?: string;
  /**
   * Whether sft trains on all assistant turns of a conversation; default: false, which is the last turn alone.
   * Preference methods always answer the last turn.
   */
  assistant_only_loss?: boolean;
}

/** How responses are sampled. */
export interface GenerationConfig {
  /** Divisor of the logits, from 0 on; 0 always takes the likeliest token. */
  temperature: number;
  /** Probability mass that sampling keeps, above 0; 1 keeps all. */
  top_p: number;
  /** Number of tokens that sampling keeps; 0 keeps all. */
  top_k: number;
  /** Tokens of a generated response, at most. */
  max_new_tokens: number;
  /** Rows that are sampled at a time; their number changes the speed alone. */
  batch_size: number;
  /** Seed of sampling, below 2^32. */
  seed: number;
  /**
   * Storage type of the keys and values that our own engine keeps of earlier tokens: bfloat16 and float16 take half the
   * memory, and round each of them.
   */
  kv_cache_dtype: DtypeName;
  /**
   * Address of an OpenAI-compatible server that samples instead of our own engine, such as http://127.0.0.1:8000/v1; a
   * list is used in rotation. It has to serve the weights of the iteration at hand.
   */
  server?: string | string[];
  /**
   * Name of the model on the server; {iteration} in it becomes the iteration's number. Default: the only one that it
   * offers.
   */
  server_model?: string;
  /**
   * Environment variable that holds the server's API key; default: OPENAI_API_KEY for api.openai.com, no key for other
   * servers.
   */
  api_key_env?: string;
  /** File that holds the server's API key, instead of api_key_env. */
  api_key_file?: string;
  /** Times a request is repeated after a connection error, 429 or 5xx, with growing pauses or after Retry-After. */
  max_retries?: number;
  /** Requests at a time, of generation.server; their number changes the speed alone. */
  concurrency?: number;
  /** Seconds after which a request is given up and repeated. */
  timeout?: number;
}

/** What a verifier may do; what is not listed is forbidden. */
export interface VerifierPermissions {
  /** Files that the verifier may read, and folders with all that is in them. */
  read?: string[];
  /** Hosts that the verifier may connect to, name or name:port. */
  net?: string[];
  /** Environment variables that the verifier may read. */
  env?: string[];
}

/** A judge as the config has it, whatever keys are set besides those that it takes. */
export interface JudgeConfig {
  /**
   * Judge of the responses. human: the human response is always chosen; verifier: a TypeScript module scores; logprob:
   * a second model scores, by the mean log-probability per token; reward-model: a sequence-classification model scores;
   * llm: a model behind an OpenAI-compatible server is asked; self: the policy itself is asked, as llm is; ensemble:
   * several judges vote; function: a function that the program calling train() gives.
   */
  judge: JudgeKind;
  /** Model that judges logprob and reward-model score with: a folder, or org/name[@revision] on the hub. */
  model?: string;
  /**
   * Output of the score head that judge reward-model goes by, its name in id2label or its index; needed where there are
   * several.
   */
  reward_label?: string | number;
  /**
   * Tokens of prompt and response together that judge reward-model reads, at most; the beginning of a longer text is
   * left out, and such texts are counted; default: the judging model's max_position_embeddings.
   */
  max_length?: number;
  /**
   * TypeScript module of judge verifier, whose default export scores {prompt, response, reference}; that of labels
   * itself is also what data.eval's answers are right by, whatever the judge.
   */
  verifier?: string;
  /**
   * How judges llm and self judge. score: each response alone, from 1 to 10; pairwise: both in both orders, where only
   * a response that wins in both scores 1 to 0, all else is a tie of 0.5.
   */
  mode?: "score" | "pairwise";
  /**
   * File of the text that judges llm and self are asked with: {prompt} and {response}, or {response_a} and {response_b}
   * where mode is pairwise, and {reference} if wanted; default: a prompt of our own with its rubric.
   */
  prompt?: string;
  /** Address of the OpenAI-compatible server of judge llm, such as http://127.0.0.1:8000/v1. */
  base_url?: string;
  /** Name of the judging model on the server of judge llm. */
  server_model?: string;
  /**
   * Environment variable that holds the server's API key; default: OPENAI_API_KEY for api.openai.com, no key for other
   * servers.
   */
  api_key_env?: string;
  /** File that holds the server's API key, instead of api_key_env. */
  api_key_file?: string;
  /** Times a request is repeated after a connection error, 429 or 5xx, with growing pauses or after Retry-After. */
  max_retries?: number;
  /** Sampling temperature of judge llm, from 0 on; self is always greedy. */
  temperature?: number;
  /** Tokens of a verdict of judges llm and self, at most. */
  max_tokens?: number;
  /** Requests at a time, of judge llm; their number changes the speed alone. */
  concurrency?: number;
  /** Seconds after which a request of judge llm is given up and repeated. */
  timeout?: number;
  /**
   * Share of verdicts of judges llm and self that may be unreadable, from 0 to 1 (the human response is chosen then);
   * with more the stage stops.
   */
  max_invalid?: number;
  /** Price of a million prompt tokens of judge llm, for labels/cost. */
  input_price?: number;
  /** Price of a million tokens of the verdicts of judge llm, for labels/cost. */
  output_price?: number;
  /** Seconds that the verifier may take for one response, and to load; then it is ended, and with it the run. */
  verifier_timeout: number;
  /**
   * MiB that the process may grow by while the verifier loads or scores; then it is ended, and with it the run;
   * default: 1024.
   */
  verifier_memory?: number;
  /** What the verifier may do, at most what the process may; what is not listed is forbidden. */
  verifier_permissions?: VerifierPermissions;
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** A judge of an ensemble. */
export interface MemberConfig extends JudgeConfig {
  /** Kind of a judge that votes. */
  judge: MemberKind;
  /** Weight of the judge's vote, above 0. */
  weight: number;
}

/** How chosen and rejected are told apart. */
export interface LabelsConfig extends JudgeConfig {
  /**
   * Judges of judge ensemble. Each votes for the response that it scores higher by more than its own margin, or for
   * none; a response's score is the sum of its votes' weights as a share of the weights of all judges that gave a
   * verdict.
   */
  judges?: MemberConfig[];
}

/** Judge human: the human response is always chosen. */
export interface HumanJudgeConfig {
  /** Kind of the judge. */
  judge: "human";
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** Judge verifier: a TypeScript module scores. */
export interface VerifierJudgeConfig {
  /** Kind of the judge. */
  judge: "verifier";
  /**
   * TypeScript module of judge verifier, whose default export scores {prompt, response, reference}; that of labels
   * itself is also what data.eval's answers are right by, whatever the judge.
   */
  verifier: string;
  /** Seconds that the verifier may take for one response, and to load; then it is ended, and with it the run. */
  verifier_timeout: number;
  /**
   * MiB that the process may grow by while the verifier loads or scores; then it is ended, and with it the run;
   * default: 1024.
   */
  verifier_memory?: number;
  /** What the verifier may do, at most what the process may; what is not listed is forbidden. */
  verifier_permissions?: VerifierPermissions;
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** Judge logprob: a second model scores, by the mean log-probability per token. */
export interface LogprobJudgeConfig {
  /** Kind of the judge. */
  judge: "logprob";
  /** Model that judges logprob and reward-model score with: a folder, or org/name[@revision] on the hub. */
  model: string;
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** Judge reward-model: a sequence-classification model scores. */
export interface RewardModelJudgeConfig {
  /** Kind of the judge. */
  judge: "reward-model";
  /** Model that judges logprob and reward-model score with: a folder, or org/name[@revision] on the hub. */
  model: string;
  /**
   * Output of the score head that judge reward-model goes by, its name in id2label or its index; needed where there are
   * several.
   */
  reward_label?: string | number;
  /**
   * Tokens of prompt and response together that judge reward-model reads, at most; the beginning of a longer text is
   * left out, and such texts are counted; default: the judging model's max_position_embeddings.
   */
  max_length?: number;
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** Judge llm: a model behind an OpenAI-compatible server is asked. */
export interface LlmJudgeConfig {
  /** Kind of the judge. */
  judge: "llm";
  /**
   * How judges llm and self judge. score: each response alone, from 1 to 10; pairwise: both in both orders, where only
   * a response that wins in both scores 1 to 0, all else is a tie of 0.5.
   */
  mode: "score" | "pairwise";
  /**
   * File of the text that judges llm and self are asked with: {prompt} and {response}, or {response_a} and {response_b}
   * where mode is pairwise, and {reference} if wanted; default: a prompt of our own with its rubric.
   */
  prompt?: string;
  /** Address of the OpenAI-compatible server of judge llm, such as http://127.0.0.1:8000/v1. */
  base_url: string;
  /** Name of the judging model on the server of judge llm. */
  server_model: string;
  /**
   * Environment variable that holds the server's API key; default: OPENAI_API_KEY for api.openai.com, no key for other
   * servers.
   */
  api_key_env?: string;
  /** File that holds the server's API key, instead of api_key_env. */
  api_key_file?: string;
  /** Times a request is repeated after a connection error, 429 or 5xx, with growing pauses or after Retry-After. */
  max_retries: number;
  /** Sampling temperature of judge llm, from 0 on; self is always greedy. */
  temperature: number;
  /** Tokens of a verdict of judges llm and self, at most. */
  max_tokens: number;
  /** Requests at a time, of judge llm; their number changes the speed alone. */
  concurrency: number;
  /** Seconds after which a request of judge llm is given up and repeated. */
  timeout: number;
  /**
   * Share of verdicts of judges llm and self that may be unreadable, from 0 to 1 (the human response is chosen then);
   * with more the stage stops.
   */
  max_invalid: number;
  /** Price of a million prompt tokens of judge llm, for labels/cost. */
  input_price?: number;
  /** Price of a million tokens of the verdicts of judge llm, for labels/cost. */
  output_price?: number;
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** Judge self: the policy itself is asked, as llm is. */
export interface SelfJudgeConfig {
  /** Kind of the judge. */
  judge: "self";
  /**
   * How judges llm and self judge. score: each response alone, from 1 to 10; pairwise: both in both orders, where only
   * a response that wins in both scores 1 to 0, all else is a tie of 0.5.
   */
  mode: "score" | "pairwise";
  /**
   * File of the text that judges llm and self are asked with: {prompt} and {response}, or {response_a} and {response_b}
   * where mode is pairwise, and {reference} if wanted; default: a prompt of our own with its rubric.
   */
  prompt?: string;
  /** Tokens of a verdict of judges llm and self, at most. */
  max_tokens: number;
  /**
   * Share of verdicts of judges llm and self that may be unreadable, from 0 to 1 (the human response is chosen then);
   * with more the stage stops.
   */
  max_invalid: number;
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** Judge ensemble: several judges vote. */
export interface EnsembleJudgeConfig {
  /** Kind of the judge. */
  judge: "ensemble";
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
  /**
   * Judges of judge ensemble. Each votes for the response that it scores higher by more than its own margin, or for
   * none; a response's score is the sum of its votes' weights as a share of the weights of all judges that gave a
   * verdict.
   */
  judges: MemberConfig[];
}

/** Judge function: a function that the program calling train() gives. */
export interface FunctionJudgeConfig {
  /** Kind of the judge. */
  judge: "function";
  /** Lead in score, from 0 on, above which the generated response is chosen over the human one. */
  margin: number;
}

/** How the policy is optimized; `Rate` is a number, or a list where it may differ between iterations. */
export interface TrainingConfig<Rate = number> {
  /** Peak learning rate; a list has one per iteration. With lora the default is 5e-6, or 2e-4 of loss_type sft. */
  learning_rate: Rate;
  /** Pairs in a micro-batch. */
  per_device_train_batch_size: number;
  /** Micro-batches in an optimizer step. */
  gradient_accumulation_steps: number;
  /**
   * How many layers keep their activations at a time: with N the others' are computed again in the backward pass, to
   * the same bits, in less memory and more time; true is 1, false keeps those of all layers.
   */
  gradient_checkpointing: boolean | number;
  /** Passes over the pairs, per iteration, above 0; 1.5 are one and a half: ⌈1.5 · steps of a pass⌉ optimizer steps. */
  num_train_epochs: number;
  /** Optimizer steps per iteration where above 0, instead of num_train_epochs. */
  max_steps: number;
  /** Schedule of the learning rate after the warm-up; constant takes a warm-up too. */
  lr_scheduler_type: Schedule;
  /** Optimizer steps of linear warm-up. */
  warmup_steps: number;
  /** Warm-up as a share of all steps, from 0 to 1, instead of warmup_steps. */
  warmup_ratio: number;
  /** Optimizer; adamw_torch is another name of adamw. */
  optim: Optimizer;
  /** Decay of AdamW's first moment, from 0 to below 1. */
  adam_beta1: number;
  /** Decay of AdamW's second moment, from 0 to below 1. */
  adam_beta2: number;
  /** Epsilon of AdamW, above 0. */
  adam_epsilon: number;
  /** Decoupled weight decay; biases and norm weights do not decay. */
  weight_decay: number;
  /** Global norm above which gradients are scaled down to it; 0 never clips. */
  max_grad_norm: number;
  /** Preference temperature, above 0; a list has one per iteration. */
  beta: Rate;
  /** Loss; sft is cross-entropy on the chosen response. */
  loss_type: LossType;
  /** Share of labels taken to be wrong, from 0 to below 0.5; of loss_type robust alone. */
  label_smoothing: number;
  /**
   * How exactly the matrix products of training are computed, forward and backward, the reference's too: float32;
   * float32x3, each factor as two numbers of float16 (nearly float32); float16, factors rounded to it. Sums are in
   * float32. The latter two take matrix units (tensor cores), which Dawn alone grants; generation, judges and
   * evaluation stay float32.
   */
  precision: MatmulPrecision;
  /** Whether every epoch has an order of its own. */
  shuffle: boolean;
  /** Seed of noise and shuffling, below 2^32. */
  seed: number;
  /** Optimizer steps between two lines of metrics.jsonl. */
  logging_steps: number;
  /**
   * Optimizer steps between two evaluations of data.eval within train, optimize and sft, whose numbers are in
   * metrics.jsonl as eval_…; default: none. It changes nothing that is trained.
   */
  eval_steps?: number;
  /** Optimizer steps between two saved states. */
  save_steps: number;
  /**
   * Minutes, above 0, after which a state is saved besides those of save_steps. Where saving is slow, at most a tenth
   * of the time goes into it.
   */
  save_minutes: number;
  /**
   * Saved states of an iteration that are kept, the newest ones, until its model is saved. A state holds the weights
   * and the optimizer's moments in float32, so that one alone is the default, where Hugging Face keeps all. Deleting
   * the newest file goes back to the one before.
   */
  save_total_limit: number;
  /**
   * Whether train hands out the best of its iterations' models, the first of several that are equal, in place of the
   * last one; the model at the start is none of them. It takes data.eval, or evaluate.
   */
  load_best_model_at_end: boolean;
  /**
   * What tells the iterations' models better or worse. On the rows of data.eval: eval_loss, the default, or with
   * labels.verifier the share of right answers, sampled or greedy, or the mean score, sampled_score or greedy_score, or
   * where the rows are pairs TRL's rewards/accuracies, rewards/margins, … or preference_loss; eval_ before these may be
   * left out, and stand before each. Of the benchmarks of evaluate: TASK/METRIC as in summary.json, such as
   * arc_challenge/acc_norm.
   */
  metric_for_best_model?: BestMetric | BenchmarkMetric;
  /**
   * Whether more of metric_for_best_model is better; default: false for a name that ends in loss, what the task says of
   * a benchmark's, else true.
   */
  greater_is_better?: boolean;
  /**
   * Iterations one after the other that are no better than the best one before them, by metric_for_best_model, after
   * which train ends; default: it never ends before its last iteration. Iterations that are made already stay. It takes
   * data.eval, or evaluate.
   */
  early_stopping_patience?: number;
  /** What a NaN or Inf in loss or gradients does. error: it stops the run; skip: the step is skipped and counted. */
  on_nan: "error" | "skip";
  /**
   * Where numbers are logged besides metrics.jsonl: none, all, or of tensorboard (event files in
   * OUTPUT_DIR/tensorboard/), wandb (an offline run in OUTPUT_DIR/wandb/, for wandb sync), mlflow (where
   * mlflow_tracking_uri says) and trackio (a database in OUTPUT_DIR/trackio/) one or a list.
   */
  report_to: ReportTo[];
  /** The run's name at wandb, mlflow and trackio; default: that of output_dir. */
  run_name?: string;
  /** Project of wandb and trackio, and experiment of mlflow, that the run belongs to. */
  project: string;
  /**
   * Where report_to mlflow logs: a folder, or the http(s) address of a tracking server, whose login is in
   * MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; default: OUTPUT_DIR/mlruns.
   */
  mlflow_tracking_uri?: string;
}

/** Low-rank adapters. */
export interface LoraConfig {
  /** Rank of the adapters. */
  r: number;
  /** Numerator of the adapters' scale, which is lora_alpha / r, above 0. */
  lora_alpha: number;
  /** Share of an adapter's inputs that a training step leaves out, from 0 to below 1. */
  lora_dropout: number;
  /** Whether the scale is lora_alpha / √r. */
  use_rslora: boolean;
  /**
   * Modules that get an adapter: all-linear (all but the LM head), a list of names or of their ends, or a regular
   * expression that the whole name matches.
   */
  target_modules: string | string[];
  /** Modules that get none, as target_modules names them. */
  exclude_modules?: string | string[];
  /** Ranks other than r, by names of modules or regular expressions for their ends. */
  rank_pattern: Readonly<Record<string, number>>;
  /** As rank_pattern, for lora_alpha. */
  alpha_pattern: Readonly<Record<string, number>>;
  /** Layers whose modules get an adapter, from 0; default: all. */
  layers_to_transform?: number | number[];
  /**
   * First values. true: A uniform ±1/√inputs and B zero; gaussian: A normal with standard deviation 1/r and B zero; or
   * a PEFT folder, whose A and B are taken.
   */
  init_lora_weights: true | string;
  /** What is handed out. merged: a model folder with the adapters merged into the weights; adapter: a PEFT folder. */
  save: "merged" | "adapter" | "both";
}

/** The noise generator and its training as the config has them. */
export interface NoiseSection {
  /**
   * How the noise is trained. none: there is no noise; joint: one backward pass for model and noise; alternating:
   * noise_steps on the noise, then model_steps on the model.
   */
  update: "none" | "joint" | "alternating";
  /** Steps on the noise in an alternating update. */
  noise_steps: number;
  /** Steps on the model in an alternating update. */
  model_steps: number;
  /**
   * First values of the noise generator: linear (uniform ±1/√d), zeros, or a safetensors file with weight and bias
   * (with a rank: up, down and bias).
   */
  init: string;
  /**
   * Rank of the noise generator's weight, which is then the product of two matrices [V, rank] and [rank, d] and takes
   * little memory; default: full, as in the paper.
   */
  rank?: number;
  /** Peak learning rate of the noise generator. */
  learning_rate: number;
  /** Bound of the variance that the noise can reach, above 0. */
  max_variance: number;
  /** Weight of the mean variance in the objective. */
  alpha: number;
}

/** How training is shared out among ranks. */
export interface DistributedConfig {
  /**
   * Parts that an optimizer step's rows are cut into, a power of two: their gradients are summed by a fixed tree, so
   * that the same number gives the same bytes on 1, 2, 4, … processes, as many as shards at most.
   */
  shards: number;
  /**
   * What gradients are rounded to before they are added to those of another shard; bfloat16 halves what ranks send to
   * be summed, but not what they gather.
   */
  gradient_dtype: "float32" | "bfloat16";
  /** Seconds that a rank waits for another one before the job is ended. */
  timeout: number;
  /**
   * Whether machines that do not see the run's folder are sent the models that its iterations make; false: all ranks
   * see the same files, as on a shared file system.
   */
  gather: boolean;
}

/** Benchmarks that are asked of the models of a run. */
export interface EvaluateConfig {
  /**
   * Benchmarks, a list or with commas between: tasks and groups as `dnpo evaluate --list` names them, and YAML files of
   * tasks of one's own.
   */
  tasks: string | string[];
  /** Examples in a prompt, where a task does not ask for none; default: each task's own. */
  num_fewshot?: number;
  /** Documents of each task at most, or a share of them below 1; default: all. */
  limit?: number;
  /** Folder of rows in place of the hub, FOLDER/NAME/CONFIG/SPLIT.jsonl with the last part of the data set's name. */
  data?: string;
  /** Files of text that the task perplexity reads. */
  text?: string | string[];
  /** Whether prompts are written with the chat template: data.chat_template, or else the model's own. */
  apply_chat_template: boolean;
  /** Whether examples are turns of their own, where there is a chat template. */
  fewshot_as_multiturn: boolean;
  /** Text before everything, the system's turn with a chat template. */
  system_instruction?: string;
  /** Most tokens of a batch; default: what suits the device's memory. */
  batch_tokens?: number;
  /** What replaces keys of the tasks' generation: key=value with commas between, or JSON. */
  gen_kwargs?: string;
}

/** A config with every default filled in; lists per iteration are still lists. */
export interface ResolvedConfig {
  /**
   * Model to start from: a folder as Hugging Face lays it out, a GGUF file, or org/name[@revision] on the hub; a path
   * that exists wins.
   */
  model?: string;
  /** Folder of the run; default: runs/NAME of NAME.yaml. */
  output_dir: string;
  /**
   * Preset of labels, noise and loss. dnpo: joint noise; dpo: no noise; spin: human labels and no noise; sft: loss sft
   * on human responses.
   */
  method: Method;
  /** Iterations of train, below 2^24. */
  iterations: number;
  /** Which weights an iteration trains, and takes as reference: those of the iteration before, or the first model's. */
  start_from: "previous" | "base";
  /** Whether the pairs of the iteration before are added. */
  mix_previous: boolean;
  /** File of pairs, of optimize alone; train makes its own. */
  pairs?: string;
  /** Which iteration this is, from 0, of the commands that run one stage. */
  iteration: number;
  /** Storage type of the model that is handed out; default: the source's. */
  dtype?: DtypeName;
  /**
   * How the matrices of a model's layers are held where it is not trained, or only by adapters. int8 and int4: codes
   * with a scale for 32 weights; nf4: QLoRA's levels with a scale for 64; none: as the model's files have them.
   */
  quantization: Quantization;
  /**
   * Whether kernel variants are chosen by measuring, once per device, and kept in the cache folder; false: the fixed
   * default. A run keeps to what it began with (kernels.json).
   */
  autotune: boolean;
  /** Which device is taken where there are several; the environment's DNPO_DEVICE goes before it. */
  device: DeviceChoice;
  /**
   * Which WebGPU is taken. deno: Deno's own; dawn: Chromium's, which needs a permission (docs/platforms.md); auto: Dawn
   * where it is there, or what the run began with. The environment's DNPO_WEBGPU goes before it.
   */
  webgpu: WebGpuChoice;
  /** Which rows are read, and how. */
  data: DataConfig;
  /** How responses are sampled. */
  generation: GenerationConfig;
  /** Judge of the responses; a list has one per iteration. */
  labels: PerIteration<LabelsConfig>;
  /** How the policy is optimized. */
  training: TrainingConfig<PerIteration<number>>;
  /** Low-rank adapters, which are trained instead of the model's weights; absent: all weights are trained. */
  lora?: LoraConfig;
  /** Noise on the reference, or none; a list has one per iteration. Methods dpo and spin are always without. */
  noise: PerIteration<"none" | NoiseSection>;
  /** How training is shared out among the ranks of a job. */
  distributed: DistributedConfig;
  /**
   * Benchmarks that train asks of the model at the start and after each iteration, as lm-evaluation-harness scores
   * them; absent: none. A run that goes on with other ones asks them of all its models.
   */
  evaluate?: EvaluateConfig;
}
