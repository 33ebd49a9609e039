/** Opening a model to talk to. @module */
import { Commands } from "../../kernels/device/commands.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { GenerationConfig } from "../config/config_types.ts";
import { loadTokenizer } from "../data/tokenizer/tokenizer.ts";
import { openToolDevice } from "../device/run_device.ts";
import { UserError } from "../error.ts";
import { resolveModel } from "../hub/resolve_name.ts";
import { loadModel } from "../model/model.ts";
import type { OnProgress } from "../progress.ts";
import { modelFolderOf } from "../run/model_path.ts";
import { Chat } from "./conversation.ts";

/** A longer context than this is only used where it is asked for: its cache takes memory. */
const DEFAULT_CONTEXT = 4096;

/** What is asked for; what is left out comes from the model's generation_config.json and config.json. */
export interface OpenChatOptions {
  /** A model's or a run's folder, or a name on the hub. */
  model: string;
  /** Progress of a download. */
  onProgress?: OnProgress;
  /** A line worth reading about it. */
  onNote?: (line: string) => void;
  /** Sampling; left out, the model's own where its `do_sample` says so, else greedy. */
  settings: Partial<Pick<GenerationConfig, "temperature" | "top_p" | "top_k" | "seed">> & { max_new_tokens: number };
  /** Tokens of the conversation at most (default: what the model was made for, at most 4096). */
  maxLength?: number;
  /** System prompt. */
  system?: string;
}

/** An opened conversation. */
export interface OpenedChat extends Disposable {
  readonly chat: Chat;
  readonly folder: ModelFolder;
}

/**
 * Opens device, model and conversation. Throws a UserError where the folder holds no tokenizer or the context is longer
 * than the model's, DeviceError.
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
  { model: path, settings, maxLength, system, ...hooks }: OpenChatOptions,
): Promise<OpenedChat> {
  const dir = await modelFolderOf(path, async (name) => (await resolveModel(name, hooks)).paths[0]!);
  const tokenizer = await loadTokenizer(dir);
  const device = await openToolDevice();
  try {
    const model = await loadModel(device, dir);
    const { maxPositionEmbeddings: most } = model.config;
    if (maxLength !== undefined && maxLength > most) {
      throw new UserError(`Cannot use a context of ${maxLength} tokens: ${dir} was made for ${most} at most`);
    }
    const chat = new Chat(new Commands(device), {
      model,
      tokenizer,
      settings: { ...samplingOf(model.folder, settings), max_new_tokens: settings.max_new_tokens },
      maxLength: maxLength ?? Math.min(most, DEFAULT_CONTEXT),
      ...(system !== undefined && { system }),
    });
    return { chat, folder: model.folder, [Symbol.dispose]: () => device.destroy() };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

/** generation_config.json's sampling, as transformers' `generate` takes it, with what is given over it. */
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
    // transformers' own default; it is none where the file says 0.
    top_k: given.top_k ?? number("top_k", samples ? 50 : 0, (k) => Number.isInteger(k) && k >= 0),
    seed: given.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
  };
}
