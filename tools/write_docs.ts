/** Writes the files that are made from the config's keys: the reference and the types (`deno task docs`). @module */
import { configReference } from "./config_reference.ts";
import { keyTypes } from "./key_types.ts";

await Deno.writeTextFile("docs/configuration.md", configReference());
await Deno.writeTextFile("core/config/key_types.ts", keyTypes());
