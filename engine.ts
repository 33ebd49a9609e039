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
export { DeviceError } from "./kernels/device/device_error.ts";
export { openDevice, type OpenDeviceOptions } from "./core/device/open_device.ts";
export type { Device } from "./kernels/device/device.ts";
export { tune, type TuneOptions, type TuneResult } from "./kernels/tune.ts";
export { folderFiles, memoryFiles, type ModelFiles } from "./core/files/model_files.ts";
export { type FileSystem, useFileSystem } from "./core/files/file_system.ts";
export { loadTokenizer, type LoadTokenizerOptions, type Tokenizer } from "./core/data/tokenizer/tokenizer.ts";
export type { Message } from "./core/data/formats/messages.ts";
export {
  type LanguageModel,
  modelBytes,
  openModel,
  saveModel,
  type SaveModelOptions,
} from "./core/engine/language_model.ts";
export { type ModelFolder, openModelFolder } from "./core/checkpoint/model_folder.ts";
export { type ModelSource, saveModelFolder, type SaveOptions } from "./core/checkpoint/save_folder.ts";
export type { ModelConfig } from "./core/model/families/family.ts";
export { parseModelConfig } from "./core/model/families/model_config.ts";
export { parameterShapes } from "./core/model/families/families.ts";
export type { ParameterShape } from "./core/model/families/model_tensors.ts";
export type { Prompt, Row } from "./core/engine/engine_rows.ts";
export type { SamplingSettings, TrainingSettings } from "./core/engine/engine_settings.ts";
export { type Answer, generateAnswers, type GenerateAnswersOptions } from "./core/engine/generate_answers.ts";
export { type PairLogps, scoreAnswerPairs, scoreAnswers } from "./core/engine/score_answers.ts";
export { createTrainer, type ModelTrainer } from "./core/engine/model_trainer.ts";
export { METRIC_NAMES, type MetricName, type StepMetrics } from "./core/train/step_metrics.ts";
export { LOSS_TYPES, type LossType } from "./core/config/choices.ts";
