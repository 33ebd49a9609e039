/** Which models can be trained in all their weights. @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { UserError } from "../error.ts";

/** Throws a UserError for a model that has an adapter, or came quantized: its own weights stay as they are. */
export function checkTrainable({ files, comesQuantized }: Pick<ModelFolder, "files" | "comesQuantized">): void {
  const refuse = (what: string): UserError =>
    new UserError(`Cannot train all weights of ${files.name}: ${what}, or name a model`);
  if (files.adapter !== undefined) throw refuse("it is an adapter; set lora to train it further (lora: {} will do)");
  if (comesQuantized === null) return;
  const where = files.gguf === undefined
    ? `quantization_config of its config.json says ${comesQuantized}`
    : `it holds tensors of ${comesQuantized}`;
  throw refuse(`${where}, and quantized weights are not trained; set lora (lora: {} will do)`);
}
