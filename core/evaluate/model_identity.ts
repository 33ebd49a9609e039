/** Tells whether a model would answer as it did before. @module */
import denoConfig from "../../deno.json" with { type: "json" };
import { type ModelParts, quickIdentity } from "../checkpoint/folder_identity.ts";
import type { Quantization } from "../config/choices.ts";

/**
 * What an answer depends on besides the question and the sampling: the program, the model's files and how they are held,
 * the device. Throws a UserError if a file cannot be read.
 */
export async function modelIdentity(
  { name, family }: { name: string; family: string },
  { folder, quantization }: { folder: ModelParts; quantization: Quantization },
): Promise<string> {
  return [denoConfig.version, await quickIdentity(folder), quantization, name, family].join(" ");
}
