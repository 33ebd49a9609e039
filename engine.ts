/**
 * The engine beneath the runs: language models on any GPU, in Deno or in a browser. Open a device, load a model from a
 * folder or from bytes, let it answer, score and train it step by step, save it.
 *
 * ```ts
 * import { createTrainer, generateAnswers, openDevice, openModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * for await (const { text } of generateAnswers(model, ["sort cab>"], { temperature: 0, max_new_tokens: 8 })) {
 *   const rows = [{ prompt: "sort cab>", chosen: "abc", rejected: text }];
 *   using trainer = await createTrainer(model, rows, { training: { max_steps: 1 } });
 *   assert.ok((await trainer.step()).loss! > 0);
 * }
 * ```
 *
 * Nothing here needs `Deno` or Node.js, except that a path is read with the platform's file system. If there is none, a
 * model comes from bytes (`memoryFiles`).
 *
 * @module
 */
export { UserError } from "./core/error.ts";
export { DeviceError, type DeviceErrorKind } from "./kernels/device/device_error.ts";
export { openDevice, type OpenDeviceOptions } from "./core/device/open_device.ts";
export type { OpenOptions, WebGpu } from "./kernels/device/adapter.ts";
export type { DeviceChoice } from "./kernels/device/device_choice.ts";
export type { Device } from "./kernels/device/device.ts";
export type { Pace, Work, WorkKind } from "./kernels/device/pace.ts";
export type { Extension } from "./kernels/device/extensions.ts";
export type { DeviceBuffer, Image, ImageFormat, Slice } from "./kernels/device/slice.ts";
export type { DeviceFamily, TileClass, Tuning } from "./kernels/device/tuning.ts";
export type { Commands, Dispatch } from "./kernels/device/commands.ts";
export type { Access, Constants, Kernel, KernelSpec } from "./kernels/device/kernel.ts";
export type { SourcePart } from "./kernels/device/source.ts";
export type { UniformFields, UniformList, UniformType, UniformValues } from "./kernels/device/uniform.ts";
export type { KernelTime, Profiler } from "./kernels/device/profile.ts";
export { type Measurement, type Sizes, tune, type TuneOptions, type TuneResult } from "./kernels/tune.ts";
export type { MatmulMode, MatmulVariant } from "./kernels/matmul/matmul.ts";
export { type FileFacts, type FileRange, folderFiles, memoryFiles, type ModelFiles } from "./core/files/model_files.ts";
export type { PieceBuffers } from "./core/files/piece_buffers.ts";
export { type FileSystem, useFileSystem } from "./core/files/file_system.ts";
export { loadTokenizer, type LoadTokenizerOptions, type Tokenizer } from "./core/data/tokenizer/tokenizer.ts";
export type { MarkedText, RenderOptions } from "./core/data/tokenizer/chat_template.ts";
export type { ChatVariables } from "./core/data/formats/chat_variables.ts";
export type { Message, TextPart } from "./core/data/formats/messages.ts";
export type { JsonFloat } from "./core/data/formats/json_numbers.ts";
export type { JsonObject, JsonValue } from "./core/data/formats/json_rows.ts";
export {
  type LanguageModel,
  modelBytes,
  openModel,
  saveModel,
  type SaveModelOptions,
} from "./core/engine/language_model.ts";
export type { Model } from "./core/model/model.ts";
export type { CodedStorage, QuantizedStorage, Storage } from "./kernels/storage/storage.ts";
export type { ModelWeights, StoredTensor, TensorPlace, TensorReader } from "./core/model/model_weights.ts";
export type { ParameterBuffers } from "./core/model/parameter_buffers.ts";
export type { ChunkSize, ParameterLayout, ParameterPlace } from "./core/model/parameter_layout.ts";
export type { LoadedAdapter } from "./core/model/lora_adapter.ts";
export type { Adapter } from "./core/model/parameters.ts";
export type { AdapterGroup, AdapterModule, AdapterPlan, LinearModule } from "./core/model/adapter_plan.ts";
export type { AdapterSettings, PeftConfig } from "./core/checkpoint/peft_config.ts";
export type { MemoryPart } from "./core/model/memory_parts.ts";
export { type ModelFolder, openModelFolder } from "./core/checkpoint/model_folder.ts";
export type { CodedMatrix } from "./core/checkpoint/coded_weights.ts";
export { type ModelSource, saveModelFolder, type SaveOptions } from "./core/checkpoint/save_folder.ts";
export type { ByteRange, TensorLocation, Weights } from "./core/checkpoint/stored_weights.ts";
export type { TensorInfo } from "./core/checkpoint/safetensors_header.ts";
export type { Dtype, DtypeName } from "./core/dtype.ts";
export type { AttentionSpec, LayerSpec, MlpSpec, ModelConfig } from "./core/model/families/family.ts";
export type { RopeConfig } from "./core/model/families/rope_config.ts";
export { parseModelConfig, type Task } from "./core/model/families/model_config.ts";
export { parameterShapes } from "./core/model/families/families.ts";
export type { ParameterShape } from "./core/model/families/model_tensors.ts";
export type { Prompt, Row } from "./core/engine/engine_rows.ts";
export type { SamplingSettings, TrainingSettings } from "./core/engine/engine_settings.ts";
export type {
  BenchmarkMetric,
  BestMetric,
  GenerationConfig,
  LoraConfig,
  NoiseSection,
  Optimizer,
  ReportTo,
  Schedule,
  TrainingConfig,
} from "./core/config/config_types.ts";
export { type Answer, generateAnswers, type GenerateAnswersOptions } from "./core/engine/generate_answers.ts";
export { type PairLogps, scoreAnswerPairs, scoreAnswers } from "./core/engine/score_answers.ts";
export { createTrainer, type ModelTrainer } from "./core/engine/model_trainer.ts";
export { METRIC_NAMES, type MetricName, type StepMetrics } from "./core/train/step_metrics.ts";
export type { PreferenceMetric } from "./kernels/loss/preference_loss.ts";
export { LOSS_TYPES, type LossType, type MatmulPrecision, type WebGpuChoice } from "./core/config/choices.ts";
