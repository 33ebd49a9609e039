/** The config: its schema, its loading and writing, and the settings of one iteration or stage. @module */
export { checkSameSettings } from "./settings_difference.ts";
export { explainConfig, loadConfig, type LoadOptions, type Setting } from "./load_config.ts";
export { configJsonSchema, SCHEMA_TITLE } from "./config_schema.ts";
export { SERVER_DEFAULTS } from "./filled_defaults.ts";
export { forIteration, forSft, requireFor } from "./iteration_config.ts";
export { judgeModels, judgeOf, judgesOf } from "./judge_config.ts";
export type * from "./config_types.ts";
export { writeExplained, writeResolved } from "./write_config.ts";
