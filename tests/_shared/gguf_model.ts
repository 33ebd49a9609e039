/** A tiny model with a chat tokenizer as a folder and as a GGUF file, written by the project's own code. @module */
import { type ModelFolder, openModelFolder, saveModelFolder } from "../../core/checkpoint/model_folder.ts";
import type { Dtype } from "../../core/dtype.ts";
import { exportModel } from "../../core/export/export_model.ts";
import { CHATML, writeTokenizer } from "../core/data/_fixtures.ts";
import { writeTinyModel } from "./tiny_model.ts";

const SIZES = { vocab_size: 368, hidden_size: 64, intermediate_size: 96, num_attention_heads: 4 };

/** Writes DIR/model and DIR/model.gguf, and opens the folder. */
export async function writeGguf(
  dir: string,
  { config, quantize, dtype = "F32" }: { config: Record<string, unknown>; quantize?: "q8_0" | "q4_0"; dtype?: Dtype },
): Promise<ModelFolder> {
  await writeTinyModel(`${dir}/float32`, { config: { ...SIZES, ...config } });
  await writeTokenizer(`${dir}/float32`, { config: { chat_template: CHATML } });
  const source = await openModelFolder(`${dir}/float32`);
  await saveModelFolder(`${dir}/model`, { source, dtype, tensors: (name) => source.readTensor(name) });
  await exportModel({ from: `${dir}/model`, output: `${dir}/model.gguf`, ...quantize && { quantize } });
  return await openModelFolder(`${dir}/model`);
}
