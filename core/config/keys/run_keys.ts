/** All keys of a config, in the order in which a resolved config is written. @module */
import { z } from "zod";
import { DTYPE_NAMES } from "../../dtype.ts";
import { DEVICE_CHOICES, METHODS, QUANTIZATIONS, WEBGPU_CHOICES } from "../choices.ts";
import { withJudgeDefaults, withServerDefaults } from "../filled_defaults.ts";
import { dataKeys } from "./data_keys.ts";
import { distributedKeys } from "./distributed_keys.ts";
import { evaluateKeys } from "./evaluate_keys.ts";
import { generationKeys } from "./generation_keys.ts";
import { labelsKeys } from "./judge_keys.ts";
import { key, named, perIteration, text } from "./key.ts";
import { loraKeys } from "./lora_keys.ts";
import { noiseKeys } from "./noise_keys.ts";
import { trainingKeys } from "./training_keys.ts";

/** The largest iteration: it shares a u32 of Philox's key with the numbers' purpose, which has the upper eight bits. */
const ITERATION_MAX = 2 ** 24 - 1;

const data = named("DataConfig", z.strictObject(dataKeys));
const generation = named("GenerationConfig", z.strictObject(generationKeys).transform(withServerDefaults));
const labels = z.strictObject(labelsKeys).transform(withJudgeDefaults);
const training = named("TrainingConfig<PerIteration<number>>", z.strictObject(trainingKeys));
const lora = named("LoraConfig", z.strictObject(loraKeys));
const distributed = named("DistributedConfig", z.strictObject(distributedKeys));
const evaluate = named("EvaluateConfig", z.strictObject(evaluateKeys));
const noise = z.union([z.literal("none"), named("NoiseSection", z.strictObject(noiseKeys))]);

/** All keys of a config. */
export const runKeys = {
  model: key(
    text.exactOptional(),
    "Model to start from: a folder as Hugging Face lays it out, a GGUF file, or org/name[@revision] on the hub; a " +
      "path that exists wins.",
    { hf: ["ModelConfig.model_name_or_path"] },
  ),
  output_dir: key(text.prefault("runs/default"), "Folder of the run; default: runs/NAME of NAME.yaml.", {
    hf: ["TrainingArguments"],
    mayDiffer: true,
  }),
  method: key(
    named("Method", z.enum(METHODS)).default("dnpo"),
    "Preset of labels, noise and loss. dnpo: joint noise; dpo: no noise; spin: human labels and no noise; sft: loss " +
      "sft on human responses.",
  ),
  iterations: key(z.int().min(1).max(ITERATION_MAX).default(1), "Iterations of train, below 2^24.", {
    mayDiffer: true,
  }),
  start_from: key(
    z.enum(["previous", "base"]).default("previous"),
    "Which weights an iteration trains, and takes as reference: those of the iteration before, or the first model's.",
  ),
  mix_previous: key(z.boolean().default(false), "Whether the pairs of the iteration before are added."),
  pairs: key(text.exactOptional(), "File of pairs, of optimize alone; train makes its own."),
  iteration: key(
    z.int().min(0).max(ITERATION_MAX).default(0),
    "Which iteration this is, from 0, of the commands that run one stage.",
  ),
  dtype: key(
    named("DtypeName", z.enum(DTYPE_NAMES)).exactOptional(),
    "Storage type of the model that is handed out; default: the source's.",
    { hf: ["ModelConfig", "ModelConfig.torch_dtype"], mayDiffer: true },
  ),
  quantization: key(
    named("Quantization", z.enum(QUANTIZATIONS)).default("none"),
    "How the matrices of a model's layers are held where it is not trained, or only by adapters. int8 and int4: codes " +
      "with a scale for 32 weights; nf4: QLoRA's levels with a scale for 64; none: as the model's files have them.",
    { hf: ["ModelConfig.load_in_4bit", "ModelConfig.load_in_8bit"] },
  ),
  autotune: key(
    z.boolean().default(true),
    "Whether kernel variants are chosen by measuring, once per device, and kept in the cache folder; false: the " +
      "fixed default. A run keeps to what it began with (kernels.json).",
    { mayDiffer: true },
  ),
  device: key(
    named("DeviceChoice", z.enum(DEVICE_CHOICES)).default("high-performance"),
    "Which device is taken where there are several; the environment's DNPO_DEVICE goes before it.",
    { mayDiffer: true },
  ),
  webgpu: key(
    named("WebGpuChoice", z.enum(WEBGPU_CHOICES)).default("deno"),
    "Which WebGPU is taken. deno: Deno's own; dawn: Chromium's, which needs a permission (docs/platforms.md); auto: " +
      "Dawn where it is there, or what the run began with. The environment's DNPO_WEBGPU goes before it.",
    { mayDiffer: true },
  ),
  data: key(data.prefault({}), "Which rows are read, and how."),
  generation: key(generation.prefault({}), "How responses are sampled."),
  labels: key(
    named("PerIteration<LabelsConfig>", perIteration(labels)).prefault({}),
    "Judge of the responses; a list has one per iteration.",
  ),
  training: key(training.prefault({}), "How the policy is optimized."),
  lora: key(
    lora.exactOptional(),
    "Low-rank adapters, which are trained instead of the model's weights; absent: all weights are trained.",
  ),
  noise: key(
    named('PerIteration<"none" | NoiseSection>', perIteration(noise)).prefault({}),
    "Noise on the reference, or none; a list has one per iteration. Methods dpo and spin are always without.",
  ),
  distributed: key(distributed.prefault({}), "How training is shared out among the ranks of a job."),
  evaluate: key(
    evaluate.exactOptional(),
    "Benchmarks that train asks of the model at the start and after each iteration, as lm-evaluation-harness scores " +
      "them; absent: none. A run that goes on with other ones asks them of all its models.",
    { mayDiffer: true },
  ),
};
