/** The config: its schema, how it is read, and what an iteration or a stage takes from it. @module */
export { checkSameSettings } from "./difference.ts";
export { explainConfig, loadConfig, type LoadOptions, type Setting } from "./load.ts";
export { configJsonSchema, SCHEMA_TITLE } from "./schema.ts";
export { type AskingJudge, askingJudge, SERVER_DEFAULTS } from "./servers.ts";
export { forIteration, forSft, judgesOf, requireFor } from "./stages.ts";
export type * from "./types.ts";
export { writeExplained, writeResolved } from "./write.ts";
