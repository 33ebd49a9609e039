/** Every key of a config with its type, bounds, default and description. @module */
import { z } from "zod";
import type { ResolvedConfig } from "./config_types.ts";
import { JUDGE_DEFAULTS, SERVER_DEFAULTS, withJudgeDefaults, withServerDefaults } from "./server_defaults.ts";

const U32_MAX = 2 ** 32 - 1;
/** Iterations share a u32 with the purpose of a random number, which takes the upper eight bits. */
const ITERATION_MAX = 2 ** 24 - 1;

/** Something once, or a list with one entry per iteration. */
function perIteration<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item).min(1)]);
}

const path = z.string().min(1);
const count = z.int().min(1);
const seed = z.int().min(0).max(U32_MAX);
const decay = z.number().min(0).lt(1);

const columns = z.strictObject({
  prompt: path.exactOptional().describe("Column of the prompt."),
  response: path.exactOptional().describe("Column of the human answer."),
  chosen: path.exactOptional().describe("Column of the better answer."),
  rejected: path.exactOptional().describe("Column of the worse answer."),
  messages: path.exactOptional().describe("Column of the conversation."),
  instruction: path.exactOptional().describe("Column of Alpaca's instruction."),
  input: path.exactOptional().describe("Column of Alpaca's input."),
  output: path.exactOptional().describe("Column of Alpaca's output."),
  system: path.exactOptional().describe("Column of the system turn."),
  reference: path.exactOptional().describe("Column of what a verifier compares with."),
});

const dataSet = z.strictObject({
  path: path.describe(
    "File (.jsonl, .json, .csv, .tsv, .parquet, also with .gz), folder of them, or org/name of the hub.",
  ),
  name: path.exactOptional().describe("Configuration of a data set of the hub."),
  split: path.exactOptional().describe("Split, with or without a slice: train, train[:2000], test[10%:20%]."),
  weight: z.number().gt(0).max(1).exactOptional().describe(
    "Share of the set's rows that is taken, picked by data.seed; default: all.",
  ),
  columns: columns.exactOptional().describe("The set's columns by what they are; default: data.columns."),
});

/** One set, or a list of several. */
const dataSource = z.union([path, z.array(z.union([path, dataSet])).min(1)]);

const data = z.strictObject({
  train: dataSource.exactOptional().describe(
    "Rows to train on: a file (.jsonl, .json, .csv, .tsv, .parquet, also with .gz), a folder of them, or " +
      "org/name[:config][/split][@revision] of the hub, each with or without a slice such as [:2000], [10%:20%] or [-100:]; or a list " +
      "of these, or of {path, name, split, weight, columns}.",
  ),
  limit: count.exactOptional().describe("Number of rows to read from data.train; default: all."),
  max_length: z.int().min(2).default(1024).describe(
    "Tokens of prompt and response together; longer responses are cut, longer prompts dropped.",
  ),
  template: path.exactOptional().describe(
    "Prompt of Alpaca rows, with {instruction} and {input}; default: the instruction, then a blank line and the input where there is one.",
  ),
  prompt_words: count.exactOptional().describe(
    "Words of a row of plain text ({text}) that become its prompt, which the rest answers; default: 16.",
  ),
  on_bad_row: z.enum(["error", "skip"]).default("error").describe(
    "What a malformed row does: stop, or be counted and left out.",
  ),
  eval: dataSource.exactOptional().describe(
    "Held-out rows to evaluate on, named as data.train is; of the hub's split test, then validation, where none is named.",
  ),
  eval_limit: count.exactOptional().describe("Number of rows to read from data.eval; default: all."),
  columns: columns.exactOptional().describe(
    "Names of the columns by what they are, such as {prompt: question, response: answer}; default: the known shapes.",
  ),
  shuffle: z.boolean().exactOptional().describe(
    "Whether the rows of data.train are shuffled once, all sets together, before data.limit is taken; default: false.",
  ),
  seed: seed.exactOptional().describe(
    "Seed of data.shuffle, and of what is taken of sets with a weight below 1; default: 42.",
  ),
  conversational: z.boolean().exactOptional().describe(
    "Whether rows of text become conversations of a user's and an assistant's turn, for the chat template; default: false.",
  ),
  system_prompt: path.exactOptional().describe("System turn of the conversations that begin with none."),
  chat_template: path.exactOptional().describe(
    "File of a Jinja chat template, which the handed-out model carries; default: the tokenizer's own.",
  ),
  assistant_only_loss: z.boolean().exactOptional().describe(
    "Whether sft trains on all assistant turns of a conversation; default: false, which is the last turn alone. Preference " +
      "methods always answer the last turn.",
  ),
});

/** How a server is asked, of a judge and of generation. */
const asking = {
  api_key_env: path.exactOptional().describe(
    "Environment variable that holds the server's API key; default: OPENAI_API_KEY for api.openai.com, no key for other servers.",
  ),
  api_key_file: path.exactOptional().describe("File that holds the server's API key, instead of api_key_env."),
  max_retries: z.int().min(0).exactOptional().meta({ default: JUDGE_DEFAULTS.max_retries }).describe(
    "Times a request is repeated after a connection error, 429 or 5xx, with growing pauses or after Retry-After.",
  ),
};

const generation = z.strictObject({
  temperature: z.number().min(0).default(1).describe("Logits are divided by this; 0 is greedy."),
  top_p: z.number().gt(0).max(1).default(1).describe("Probability mass that sampling keeps; 1 keeps all."),
  top_k: z.int().min(0).default(0).describe("Number of tokens that sampling keeps; 0 keeps all."),
  max_new_tokens: count.default(256).describe("Tokens of a generated response at most."),
  batch_size: count.default(32).describe("Rows that are sampled at a time; changes the speed alone."),
  seed: seed.default(42).describe("Seed of sampling."),
  server: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).exactOptional().describe(
    "Address of an OpenAI-compatible server that samples instead of our own engine, such as http://127.0.0.1:8000/v1; a list is used in rotation. It has to serve the weights of the iteration at hand.",
  ),
  server_model: path.exactOptional().describe(
    "Name of the model on the server; {iteration} in it becomes the iteration's number. Default: the only one that it offers.",
  ),
  ...asking,
  concurrency: count.exactOptional().meta({ default: SERVER_DEFAULTS.concurrency }).describe(
    "Requests at a time, of generation.server; changes the speed alone.",
  ),
  timeout: z.number().gt(0).exactOptional().meta({ default: SERVER_DEFAULTS.timeout }).describe(
    "Seconds after which a request of it is given up and repeated.",
  ),
});

const judgeKeys = {
  model: path.exactOptional().describe(
    "Judging model, of judges logprob and reward-model: a folder, or org/name[@revision] on the hub.",
  ),
  reward_label: z.union([z.string().min(1), z.int().min(0)]).exactOptional().describe(
    "Which output of the score head judges, by its name in id2label or its index, of judge reward-model; needed where there are several.",
  ),
  max_length: z.int().min(1).exactOptional().describe(
    "Tokens of prompt and response together that judge reward-model reads; the beginning of a longer text is left out, and such texts are counted; default: the judging model's max_position_embeddings.",
  ),
  verifier: path.exactOptional().describe(
    "TypeScript module whose default export scores {prompt, response, reference}, of judge verifier; that of labels itself is also what data.eval's answers are right by.",
  ),
  mode: z.enum(["score", "pairwise"]).exactOptional().meta({ default: JUDGE_DEFAULTS.mode }).describe(
    "How judges llm and self judge. score: each response alone, from 1 to 10; pairwise: both in both orders, where only a response that wins in both scores 1 to 0, all else is a tie of 0.5.",
  ),
  prompt: path.exactOptional().describe(
    "File of the text that judges llm and self are asked with: {prompt} and {response}, or {response_a} and {response_b} where mode is pairwise, and {reference} if wanted; default: a prompt of our own with its rubric.",
  ),
  base_url: z.string().min(1).exactOptional().meta({ default: JUDGE_DEFAULTS.base_url }).describe(
    "Address of the OpenAI-compatible server of judge llm, such as http://127.0.0.1:8000/v1.",
  ),
  server_model: path.exactOptional().describe("Name of the judging model on that server, of judge llm."),
  ...asking,
  temperature: z.number().min(0).exactOptional().meta({ default: JUDGE_DEFAULTS.temperature }).describe(
    "Sampling temperature of judge llm; self is always greedy.",
  ),
  max_tokens: count.exactOptional().meta({ default: JUDGE_DEFAULTS.max_tokens }).describe(
    "Tokens of a verdict of judges llm and self at most.",
  ),
  concurrency: count.exactOptional().meta({ default: JUDGE_DEFAULTS.concurrency }).describe(
    "Requests at a time, of judge llm; changes the speed alone.",
  ),
  timeout: z.number().gt(0).exactOptional().meta({ default: JUDGE_DEFAULTS.timeout }).describe(
    "Seconds after which a request of judge llm is given up and repeated.",
  ),
  max_invalid: z.number().min(0).max(1).exactOptional().meta({ default: JUDGE_DEFAULTS.max_invalid }).describe(
    "Share of verdicts of judges llm and self that may be unreadable (the human response is chosen then); with more the stage stops.",
  ),
  input_price: z.number().min(0).exactOptional().describe(
    "Price of a million prompt tokens of judge llm, for labels/cost.",
  ),
  output_price: z.number().min(0).exactOptional().describe("Price of a million tokens of its verdicts."),
  verifier_timeout: z.number().gt(0).default(60).describe(
    "Seconds that the verifier may take for one response, and to load; then it is ended, and with it the run.",
  ),
  margin: z.number().min(0).default(0).describe(
    "The generated response is chosen where it scores higher than the human one by more than this.",
  ),
};

const member = z.strictObject({
  judge: z.enum(["verifier", "logprob", "reward-model", "llm", "self"]).describe("A judge of the ensemble."),
  weight: z.number().gt(0).default(1).describe("Weight of its vote."),
  ...judgeKeys,
});

const labels = z.strictObject({
  judge: z.enum(["human", "verifier", "logprob", "reward-model", "llm", "self", "ensemble"]).default("human").describe(
    "human: the human response is always chosen; verifier: a module scores; logprob: mean token log-probability under a second model; reward-model: the score of a sequence-classification model; llm: a model behind an OpenAI-compatible server; self: the policy itself, asked as llm is; ensemble: several judges vote.",
  ),
  ...judgeKeys,
  judges: z.array(member).min(1).exactOptional().describe(
    "The judges of judge ensemble. Each votes for the response that it scores higher by more than its own margin, or for none; a response's score is the sum of its votes' weights as a share of the weights of all judges that gave a verdict.",
  ),
});

const logger = z.enum(["tensorboard"]);
const reportTo = z.union([z.enum(["none", "all", "tensorboard"]), z.array(logger)])
  .transform((value) => typeof value !== "string" ? value : value === "none" ? [] : ["tensorboard" as const]);

const training = z.strictObject({
  learning_rate: perIteration(z.number().min(0)).default(1e-6).describe(
    "Peak learning rate; a list has one per iteration.",
  ),
  per_device_train_batch_size: count.default(8).describe("Pairs in a micro-batch."),
  gradient_accumulation_steps: count.default(1).describe("Micro-batches in an optimizer step."),
  num_train_epochs: count.default(3).describe("Passes over the pairs, per iteration."),
  max_steps: z.int().min(-1).default(-1).describe(
    "Optimizer steps per iteration where above 0, instead of num_train_epochs.",
  ),
  lr_scheduler_type: z.enum(["linear", "cosine", "constant", "constant_with_warmup"])
    .transform((name) => name === "constant_with_warmup" ? "constant" : name).prefault("linear").describe(
      "Schedule after the warm-up; constant takes a warm-up too.",
    ),
  warmup_steps: z.int().min(0).default(0).describe("Optimizer steps of linear warm-up."),
  warmup_ratio: z.number().min(0).max(1).default(0).describe(
    "Warm-up as a share of all steps, instead of warmup_steps.",
  ),
  optim: z.enum(["adamw", "adamw_torch", "rmsprop"])
    .transform((name) => name === "adamw_torch" ? "adamw" : name).prefault("adamw").describe("Optimizer."),
  adam_beta1: decay.default(0.9).describe("AdamW's decay of the first moment."),
  adam_beta2: decay.default(0.999).describe("AdamW's decay of the second moment."),
  adam_epsilon: z.number().gt(0).default(1e-8).describe("AdamW's epsilon."),
  weight_decay: z.number().min(0).default(0).describe(
    "Decoupled weight decay; biases and norm weights do not decay.",
  ),
  max_grad_norm: z.number().min(0).default(1).describe(
    "Gradients of a larger global norm are scaled down to it; 0 never clips.",
  ),
  beta: perIteration(z.number().gt(0)).default(0.1).describe(
    "Preference temperature; a list has one per iteration.",
  ),
  loss_type: z.enum(["sigmoid", "hinge", "ipo", "robust", "sft"]).default("sigmoid").describe(
    "Loss; sft is cross-entropy on the chosen response.",
  ),
  label_smoothing: z.number().min(0).lt(0.5).default(0).describe(
    "Share of labels taken to be wrong; of loss_type robust alone.",
  ),
  shuffle: z.boolean().default(true).describe("Whether every epoch has an order of its own."),
  seed: seed.default(42).describe("Seed of noise and shuffling."),
  logging_steps: count.default(10).describe("Optimizer steps between two lines of metrics.jsonl."),
  save_steps: count.default(500).describe("Optimizer steps between two saved states."),
  save_total_limit: count.default(1).describe(
    "Saved states of an iteration that are kept, the newest ones, until its model is saved. A state holds the weights and the optimizer's moments in float32, so that one alone is the default, where Hugging Face keeps all. Deleting the newest file goes back to the one before.",
  ),
  on_nan: z.enum(["error", "skip"]).default("error").describe(
    "What a NaN or Inf in loss or gradients does: stop, or skip the step and count it.",
  ),
  report_to: reportTo.prefault("none").describe(
    "Where numbers are logged besides metrics.jsonl: none, or tensorboard (event files in OUTPUT_DIR/tensorboard/).",
  ),
});

const noise = z.strictObject({
  update: z.enum(["none", "joint", "alternating"]).default("joint").describe(
    "joint: one backward pass for model and noise; alternating: noise_steps on the noise, then model_steps on the model.",
  ),
  noise_steps: count.default(1).describe("Steps on the noise in an alternating update."),
  model_steps: count.default(1).describe("Steps on the model in an alternating update."),
  init: path.default("linear").describe(
    "First values of the noise generator: linear (uniform ±1/√d), zeros, or a safetensors file with weight and bias.",
  ),
  learning_rate: z.number().min(0).default(1e-2).describe("Peak learning rate of the noise generator."),
  max_variance: z.number().gt(0).default(1).describe("Bound of the noise's variance."),
  alpha: z.number().min(0).default(0.01).describe("Weight of the mean variance in the objective."),
});
const noiseOrNone = z.union([z.literal("none"), noise]);

/** The schema; the order of its keys is the order in which a resolved config is written. */
export const configSchema: z.ZodType<ResolvedConfig> = z.strictObject({
  model: path.exactOptional().describe(
    "Model to start from: a folder as Hugging Face lays it out, or org/name[@revision] on the hub; a path that exists wins.",
  ),
  output_dir: path.prefault("runs/default").describe("The run's folder; default: runs/NAME of NAME.yaml."),
  method: z.enum(["sft", "dpo", "spin", "dnpo"]).default("dnpo").describe(
    "Preset. dnpo: joint noise; dpo: no noise; spin: human labels and no noise; sft: loss sft on human responses.",
  ),
  iterations: z.int().min(1).max(ITERATION_MAX).default(1).describe("Iterations of train."),
  start_from: z.enum(["previous", "base"]).default("previous").describe(
    "Which weights an iteration trains, and takes as reference: those of the iteration before, or the first model's.",
  ),
  mix_previous: z.boolean().default(false).describe("Add the pairs of the iteration before."),
  pairs: path.exactOptional().describe("File of pairs, of optimize alone; train makes its own."),
  iteration: z.int().min(0).max(ITERATION_MAX).default(0).describe(
    "Which iteration this is, of the commands that run one stage.",
  ),
  dtype: z.enum(["float32", "float16", "bfloat16"]).exactOptional().describe(
    "Storage type of the model that is handed out; default: the source's.",
  ),
  autotune: z.boolean().default(true).describe(
    "Choose kernel variants by measuring, once per device, kept in the cache folder; false: the fixed default. A run keeps to what it began with (kernels.json).",
  ),
  data: data.prefault({}).describe("Which rows are read, and how."),
  generation: generation.transform(withServerDefaults).prefault({}).describe("How responses are sampled."),
  labels: perIteration(labels.transform(withJudgeDefaults)).prefault({}).describe(
    "Judge; a list has one per iteration.",
  ),
  training: training.prefault({}).describe("How the policy is optimized."),
  noise: z.union([noiseOrNone, z.array(noiseOrNone).min(1)]).prefault({}).describe(
    "Noise on the reference, or none; a list has one per iteration. Methods dpo and spin are always without.",
  ),
});

/** The config's JSON Schema (draft 2020-12), for editors and for the configuration reference. */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: "input" });
  return { $schema, title: SCHEMA_TITLE, description: "Settings of a run of dnpo.", ...schema };
}

/** How a file is known to be this schema, of whatever version. */
export const SCHEMA_TITLE = "dnpo config";
