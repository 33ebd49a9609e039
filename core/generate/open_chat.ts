/** Opens a model for a conversation. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { Quantization } from "../config/choices.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { loadTokenizer } from "../data/tokenizer/tokenizer.ts";
import { openToolDevice } from "../device/run_device.ts";
import { UserError } from "../error.ts";
import { resolveModel } from "../hub/resolve_name.ts";
import { parameterShapes } from "../model/families/families.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import { loadFrozenModel } from "../model/model.ts";
import type { OnProgress } from "../progress.ts";
import { modelFiles, modelFolderOf } from "../run/model_path.ts";
import { Chat } from "./conversation.ts";

/** The longest default context, in tokens: a longer one is used only on request, since its cache takes memory. */
const DEFAULT_CONTEXT = 4096;

/** Options of {@linkcode openChat}; defaults come from the model's generation_config.json and config.json. */
export interface OpenChatOptions {
  /** The folder of a model or a run, or a name on the hub. */
  model: string;
  /** How the linear layers are held (default "none": as the model's files have them). */
  quantization?: Quantization;
  /** Progress of a download. */
  onProgress?: OnProgress;
  /** Called with a line for the user about the download, or a run's model that was changed. */
  onNote?: (line: string) => void;
  /**
   * Sampling; by default the model's own settings if its `do_sample` is true, else greedy. Keys and values are float32 by
   * default.
   */
  settings:
    & Partial<Pick<GenerationConfig, "temperature" | "top_p" | "top_k" | "seed" | "kv_cache_dtype">>
    & { max_new_tokens: number };
  /** The most tokens of the conversation (default: those that the model was made for, at most 4096). */
  maxLength?: number;
  /** System prompt. */
  system?: string;
}

/** An opened conversation. */
export interface OpenedChat extends Disposable {
  /** The conversation, without a turn yet. */
  readonly chat: Chat;
  /** The model: the path of its folder, its family by transformers' `model_type`, and how many parameters it has. */
  readonly model: { readonly path: string; readonly type: string; readonly parameters: number };
}

/**
 * Opens a device, a model and a conversation. Throws a UserError if the folder holds no tokenizer or the context is
 * longer than the model's, and DeviceError.
 *
 * @example
 * ```ts
 * import { openChat } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * using opened = await openChat({ model: "examples/quickstart/model", settings: { temperature: 0, max_new_tokens: 8 } });
 * let text = "";
 * for await (const piece of opened.chat.answer("sort cab>")) text += piece;
 * assert.ok(text.length > 0);
 * ```
 */
export async function openChat(
  { model: path, settings, quantization = "none", maxLength, system, ...hooks }: OpenChatOptions,
): Promise<OpenedChat> {
  const resolve = async (name: string): Promise<string> => (await resolveModel(name, hooks)).paths[0]!;
  const dir = await modelFolderOf(path, { resolve, onNote: hooks.onNote, quantization });
  const files = await modelFiles(dir, resolve);
  const tokenizer = await loadTokenizer(files);
  const device = await openToolDevice();
  try {
    const model = await loadFrozenModel(device, files, { quantization });
    const { maxPositionEmbeddings: most } = model.config;
    if (maxLength !== undefined && maxLength > most) {
      throw new UserError(`Cannot use a context of ${maxLength} tokens: ${dir} was made for ${most} at most`);
    }
    const chat = new Chat(new Commands(device), {
      model,
      tokenizer,
      settings: {
        ...samplingOf(model.folder, settings),
        max_new_tokens: settings.max_new_tokens,
        kv_cache_dtype: settings.kv_cache_dtype ?? "float32",
      },
      maxLength: maxLength ?? Math.min(most, DEFAULT_CONTEXT),
      ...(system !== undefined && { system }),
    });
    const parameters = parameterShapes(model.config).reduce((sum, shape) => sum + elementsOf(shape), 0);
    return {
      chat,
      model: { path: dir, type: model.config.modelType, parameters },
      [Symbol.dispose]: () => device.destroy(),
    };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/** The sampling settings of generation_config.json, as transformers' `generate` uses them, replaced by those given. */
function samplingOf(
  { generationConfig }: ModelFolder,
  given: Partial<GenerationConfig>,
): Pick<GenerationConfig, "temperature" | "top_p" | "top_k" | "seed"> {
  const number = (key: string, fallback: number, holds: (value: number) => boolean): number => {
    const value = generationConfig?.[key];
    return typeof value === "number" && holds(value) ? value : fallback;
  };
  const samples = generationConfig?.do_sample === true;
  return {
    temperature: given.temperature ?? (samples ? number("temperature", 1, (t) => t >= 0) : 0),
    top_p: given.top_p ?? number("top_p", 1, (p) => p > 0 && p <= 1),
    // 50 is transformers' own default; 0 in the file means no top_k.
    top_k: given.top_k ?? number("top_k", samples ? 50 : 0, (k) => Number.isInteger(k) && k >= 0),
    seed: given.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
  };
}
