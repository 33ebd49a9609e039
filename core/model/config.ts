/** The decoder's configuration, as the rooms above know it; it is read where its file is, in core/checkpoint. @module */
export { type ModelConfig, type ModelType, parseModelConfig } from "../checkpoint/model_config.ts";
export { type ParameterShape, parameterShapes } from "../checkpoint/parameter_shapes.ts";
export type { RopeConfig } from "../checkpoint/rope_config.ts";
